"""What goes in and out over HTTP of candidates that look alike and are decided together."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from detection.domain.hazard import HazardClass
from serving.api.schemas import MAX_ID, Answer, Note, RowId
from serving.review.decision import CandidateState

MAX_MEMBERS = 500


class SimilarItem(Answer):
    """A pending candidate and how alike it looks: 1 is the same, 0 nothing in common."""

    id: int
    flight_id: int
    hazard_class: HazardClass
    score: float
    revision: int
    similarity: float
    crop_url: str


class SimilarAnswer(Answer):
    """What looks like a candidate, most alike first.

    ``ready`` false: what it looks like is being computed; ask again. ``total`` counts all that
    are as alike and may be decided together, ``left_out`` the others by the code of the reason.
    ``incomplete``: some candidates of the filter cannot be compared yet.
    """

    ready: bool
    weights_sha256: str | None = Field(description="of the model whose features are compared")
    items: list[SimilarItem]
    total: int
    left_out: dict[str, int]
    incomplete: bool


class BulkMember(BaseModel):
    """A candidate as the person saw it in the preview."""

    model_config = ConfigDict(extra="forbid")

    id: RowId
    revision: int = Field(ge=1, le=MAX_ID)
    expected_state: CandidateState = CandidateState.PENDING


class BulkRequest(BaseModel):
    """These candidates are none: they look like ``anchor_id``."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["reject"] = "reject"
    anchor_id: RowId
    members: list[BulkMember] = Field(min_length=1, max_length=MAX_MEMBERS)
    min_similarity: float | None = Field(default=None, ge=-1, le=1)
    note: Note | None = None


class LeftOutItem(Answer):
    """A candidate that was not changed, and the code of the reason."""

    candidate_id: int
    code: str


class BulkAnswer(Answer):
    """The number of the act, for undo; what it changed and what it left out."""

    id: int
    kind: Literal["reject", "undo"]
    candidate_id: int = Field(description="what the others were compared with")
    candidate_ids: list[int]
    left_out: list[LeftOutItem]
