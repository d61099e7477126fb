"""What every list takes: how many, and where to go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from serving.deps import ServicesDep

DEFAULT_PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Page:
    """One more row than ``limit`` is read to know whether there is a next page."""

    limit: int
    cursor: str | None

    @property
    def probe(self) -> int:
        """How many rows to read."""
        return self.limit + 1


def read_page(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, description="capped at the server's page size")] = (
        DEFAULT_PAGE_SIZE
    ),
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Page:
    """Return the wanted page; a larger ``limit`` than allowed is lowered, not refused."""
    return Page(min(limit, services.settings.max_page_size), cursor)


PageDep = Annotated[Page, Depends(read_page)]
