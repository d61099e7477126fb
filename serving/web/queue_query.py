"""The filter of the queue as a form writes it into the address of a page, and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from detection.domain.hazard import HazardClass
from serving.review.decision import CandidateState
from serving.review.queue_filter import QueueFilter
from serving.review.tiers import Tier

Text = Annotated[str, Query(max_length=220, pattern=r"^[^\x00]*$")]
Choice = Annotated[str, Query(max_length=40)]
Number = Annotated[str, Query(pattern=r"^[0-9]{0,18}$")]
ScoreText = Annotated[str, Query(max_length=8)]


@dataclass(frozen=True, slots=True)
class QueueQuery:
    """What stands in the address. The names are those of the API; what is not set is left out."""

    state: CandidateState = CandidateState.PENDING
    tier: Tier | None = None
    hazard_class: HazardClass | None = None
    flight_id: int | None = None
    site: str | None = None
    area: str | None = None
    model: str | None = None
    min_score: float | None = None
    max_score: float | None = None
    ambiguous: bool | None = None
    mine: bool = False

    def filter_for(self, viewer_id: int) -> QueueFilter:
        """Return the same for the queue of a person."""
        return QueueFilter(**asdict(self), viewer_id=viewer_id)

    def encode(self, **changes: object) -> str:
        """Return the query string, with ``changes``; what is not set is left out."""
        values = asdict(self) | changes
        values["mine"] = values["mine"] or None
        given = {name: value for name, value in values.items() if value is not None}
        return urlencode({name: _word(value) for name, value in given.items()})

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the state and the tier is chosen."""
        return replace(self, state=CandidateState.PENDING, tier=None) != QueueQuery()

    @property
    def is_detailed(self) -> bool:
        """Whether something is chosen that the form keeps folded away."""
        more = (self.site, self.model, self.min_score, self.max_score, self.ambiguous)
        return any(each is not None for each in more)


def read_query(
    *,
    state: CandidateState = CandidateState.PENDING,
    tier: Choice = "",
    hazard_class: Choice = "",
    flight_id: Number = "",
    site: Text = "",
    area: Text = "",
    model: Text = "",
    min_score: ScoreText = "",
    max_score: ScoreText = "",
    ambiguous: Choice = "",
    mine: Choice = "",
) -> QueueQuery:
    """Return the filter of the address; an empty field of the form means all."""
    return QueueQuery(
        state=state,
        tier=Tier(tier) if tier in set(Tier) else None,
        hazard_class=HazardClass(hazard_class) if hazard_class in set(HazardClass) else None,
        flight_id=int(flight_id) if flight_id else None,
        site=site or None,
        area=area if ":" in area else None,
        model=model or None,
        min_score=_share(min_score),
        max_score=_share(max_score),
        ambiguous={"true": True, "false": False}.get(ambiguous.lower()),
        mine=mine.lower() == "true",
    )


QueryDep = Annotated[QueueQuery, Depends(read_query)]


def _share(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _word(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
