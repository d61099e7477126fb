"""What goes in and out over HTTP when permits are checked."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.schemas import Answer, Note, RowId
from serving.db.permit_books import Permit, PermitAnswer


class PermitCheckRequest(BaseModel):
    """Whether one permit is there, as a person found."""

    model_config = ConfigDict(extra="forbid")

    permit: Permit
    answer: PermitAnswer
    note: Note | None = None
    expected_check: RowId | None = Field(
        default=None, description="the answer that the person saw standing there"
    )


class PermitCheckAnswer(Answer):
    """The number of an answer, for undo; of an undo, ``answer`` is what holds again."""

    id: int
    candidate_id: int
    kind: Literal["answer", "undo"]
    permit: Permit
    answer: PermitAnswer | None


class PermitCheckItem(Answer):
    """One answer in the history of a permit."""

    id: int
    permit: Permit
    answer: PermitAnswer
    note: str | None
    undone: bool
    is_last: bool = Field(description="whether it can be undone now")
    made_by: str = Field(description="empty for others while two reviewers disagree")
    made_at: datetime


class PermitState(Answer):
    """A permit with the answer that holds; null where nobody has said anything."""

    permit: Permit
    standing: PermitCheckItem | None


class PermitsAnswer(Answer):
    """The checklist of a candidate: land use, planning, construction.

    ``is_asked`` is false for classes that no permits are looked up for; what was said before the
    class was corrected is kept all the same.
    """

    is_asked: bool
    permits: list[PermitState]
    history: list[PermitCheckItem]
