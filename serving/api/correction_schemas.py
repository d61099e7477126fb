"""What goes in and out over HTTP when a box or a class is corrected."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from detection.domain.hazard import HazardClass
from serving.api.schemas import Answer, BoxXyxy, Note, RowId

Pixel = Annotated[FiniteFloat, Field(ge=-1e6, le=1e6)]


class CorrectionRequest(BaseModel):
    """A box, or a class; of one sighting, or of the whole candidate (a class only)."""

    model_config = ConfigDict(extra="forbid")

    detection_id: RowId | None = Field(default=None, description="null: the whole candidate")
    bbox_xyxy: tuple[Pixel, Pixel, Pixel, Pixel] | None = Field(
        default=None, description="photo pixels; a tenth of a pixel is kept"
    )
    hazard_class: HazardClass | None = None
    expected_correction: RowId | None = Field(
        default=None, description="the correction that the person saw standing there"
    )
    note: Note | None = None


class OpinionRequest(BaseModel):
    """Why somebody else is to look."""

    model_config = ConfigDict(extra="forbid")

    note: Note | None = None


class OpinionAnswer(Answer):
    """The number of the request; whether somebody has looked yet is not told."""

    id: int
    candidate_id: int


class CorrectionAnswer(Answer):
    """The number of the correction, for undo."""

    id: int
    candidate_id: int
    kind: Literal["box", "class", "undo"]


class StandingCorrection(Answer):
    """A correction that holds: who says so, since when."""

    id: int
    made_by: str
    made_at: datetime


class CorrectionItem(Answer):
    """One correction in the history of a candidate.

    ``detection_id`` is null for the class of the whole candidate. ``before`` and ``after`` hold
    the box or the class.
    """

    id: int
    kind: Literal["box", "class"]
    detection_id: int | None
    bbox_before: BoxXyxy | None
    bbox_after: BoxXyxy | None
    class_before: HazardClass | None
    class_after: HazardClass | None
    note: str | None
    undone: bool
    is_last: bool = Field(description="whether it can be undone now")
    made_by: str
    made_at: datetime
