"""What goes out over HTTP of disputes, check marks and the statistics of people."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from detection.domain.hazard import HazardClass
from serving.api.schemas import Answer
from serving.review.decision import CandidateState, Verdict


class SideAnswer(Answer):
    """What one of the two said."""

    verdict: Verdict
    note: str | None
    duplicate_of: int | None
    username: str | None = Field(description="null until an arbiter has decided")


class DisputeAnswer(Answer):
    """Two people disagree about a candidate; an arbiter decides it like any other."""

    id: int
    candidate_id: int
    hazard_class: HazardClass
    state: CandidateState = Field(description="what is in force until it is decided")
    flight_name: str
    score: float
    kind: Literal["urgent", "sample", "asked"]
    request: str | None = Field(description="what was written by who asked for a second opinion")
    is_settled: bool
    disputed_at: datetime
    same_evidence: bool = Field(description="whether both saw the same photos")
    sides: list[SideAnswer] = Field(description="by verdict, not by who was first")


class DisputePage(Answer):
    """Disputes that wait, the oldest first."""

    items: list[DisputeAnswer]
    next_cursor: str | None


class CheckMarkAnswer(Answer):
    """What is decided of the candidate is certain; it may come back as a check."""

    candidate_id: int
    truth: Literal["confirm", "reject"]


class AgreementAnswer(Answer):
    """Cohen's kappa, (p_o - p_e) / (1 - p_e); null where it is not defined."""

    count: int = Field(description="pairs of verdicts")
    agreed: int
    kappa: float | None


class ShareAnswer(Answer):
    """A share with Wilson's 95 % interval; null where nothing was counted."""

    hits: int
    count: int
    value: float | None
    low: float | None
    high: float | None


class LoadAnswer(Answer):
    """How much and how fast somebody decided."""

    verdicts: dict[Verdict, int]
    undone: int
    per_day: dict[date, int] = Field(description="days in UTC+8; a day without acts is left out")
    median_s: float | None = Field(description="from one act to the next; pauses do not count")
    timed: int = Field(description="how many times the median is of")


class PersonStatistics(Answer):
    """The figures of one person."""

    user_id: int
    username: str
    load: LoadAnswer
    agreement: AgreementAnswer = Field(description="with everybody else, blindly")
    recall: ShareAnswer = Field(description="known hazards found among those shown as checks")
    false_confirms: ShareAnswer = Field(
        description="confirmed of what is known to be none, among those shown as checks"
    )


class OwnStatistics(PersonStatistics):
    """What everybody who decides may see of themselves."""

    days: int


class PairStatistics(Answer):
    """How far two people agree."""

    usernames: tuple[str, str]
    agreement: AgreementAnswer


class WaitingAnswer(Answer):
    """What still waits."""

    open: int
    open_since: datetime | None
    disputed: int
    disputed_since: datetime | None


class TeamStatistics(Answer):
    """The figures of everybody."""

    days: int
    people: list[PersonStatistics]
    classes: dict[HazardClass, AgreementAnswer]
    pairs: list[PairStatistics]
    overall: AgreementAnswer
    waiting: WaitingAnswer
