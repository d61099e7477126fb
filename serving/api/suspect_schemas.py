"""What goes in and out over HTTP when suspected labels are looked at."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.api.schemas import Answer, Note
from serving.api.training_schemas import ModelName
from serving.learning.suspects import SuspectAnswer

SuspectState = Literal["open", "accepted", "fixed", "dropped", "unsure", "returned"]
SuspectKind = Literal["missing_label", "no_object", "wrong_class", "bad_box"]


class SuspectAnswerRequest(BaseModel):
    """What a person says of a suspected label."""

    model_config = ConfigDict(extra="forbid")

    answer: SuspectAnswer
    note: Note | None = None


class LabelErrorsRequest(BaseModel):
    """In which data set to look for wrong labels, and which model to ask."""

    model_config = ConfigDict(extra="forbid")

    data: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,63}$")] = Field(
        description="a data version by the beginning of its hash, or a set of the catalogue"
    )
    model: ModelName = Field(description="it must not have learnt these photos")


class SuspectEventAnswer(Answer):
    """The number of an answer, for undo."""

    id: int
    suspect_id: int
    kind: Literal["answer", "undo"]
    answer: SuspectAnswer | None
    made_by: str = Field(validation_alias="username")
    made_at: datetime = Field(validation_alias="created_at")


class SuspectItem(Answer):
    """One suspect; shapes are in pixels of the photo of the data set."""

    id: int
    set_name: str
    kind: SuspectKind
    suspicion: float = Field(description="0 to 1; how rarely labels and models part like this")
    photo_name: str
    photo_sha256: str
    split: str
    label: dict[str, object] | None
    model: dict[str, object] | None
    candidate_id: int | None = Field(description="what was decided on, where a person made it")
    state: SuspectState


class SuspectPage(Answer):
    """A page of suspects, the most suspicious first."""

    items: list[SuspectItem]
    next_cursor: str | None
