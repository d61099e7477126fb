"""What the list of flights is asked for, read from an address and written into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, tzinfo
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from serving.flights.finder import FlightFilter

MONTH_PATTERN = r"^\d{4}-(0[1-9]|1[0-2])$"


@dataclass(frozen=True, slots=True)
class FlightQuery:
    """The words and choices of the list; "" is no choice. ``month`` is that of the calendar."""

    q: Annotated[str, Query(max_length=200)] = ""
    kind: Annotated[str, Query(max_length=16)] = ""
    state: Annotated[str, Query(max_length=16)] = ""
    site: Annotated[str, Query(max_length=200)] = ""
    day: Annotated[date | None, Query()] = None
    month: Annotated[str, Query(max_length=7)] = ""

    def filter_in(self, zone: tzinfo) -> FlightFilter:
        """Return what flights must fit; days are those of ``zone``."""
        return FlightFilter(
            words=self.q.strip(),
            kind=self.kind or None,
            state=self.state or None,
            site=self.site or None,
            day=self.day,
            zone=zone,
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether the list leaves flights out."""
        return any((self.q.strip(), self.kind, self.state, self.site, self.day))

    def encode(self, **changes: object) -> str:
        """Return the part of an address that asks for this, with ``changes``.

        >>> FlightQuery(q="河西", kind="drone").encode(kind="", day=date(2026, 3, 1))
        'q=%E6%B2%B3%E8%A5%BF&day=2026-03-01'
        """
        values: Mapping[str, object] = asdict(replace(self, **changes))  # type: ignore[arg-type]  # names of our own fields
        return urlencode({name: str(value) for name, value in values.items() if value})


FlightQueryDep = Annotated[FlightQuery, Depends()]
