"""What goes in and out over HTTP when a shadow model is held against the one in force."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.schemas import Answer, Note
from serving.learning.shadow_judgements import Judgement


class JudgementRequest(BaseModel):
    """Which of the two models is right."""

    model_config = ConfigDict(extra="forbid")

    judgement: Judgement
    note: Note | None = None


class JudgementAnswer(Answer):
    """The number of a judgement, for undo."""

    id: int
    difference_id: int
    kind: Literal["judgement", "undo"]
    judgement: Judgement | None
    made_by: str = Field(validation_alias="username")
    made_at: datetime = Field(validation_alias="created_at")


class ShareAnswer(Answer):
    """A share with Wilson's interval at 95 %; null where there is nothing to count."""

    hits: int
    count: int
    value: float | None
    low: float | None
    high: float | None


class ShadowTallyAnswer(Answer):
    """What people said of the differences of one shadow model, and how far the two agree."""

    name: str
    version: str
    photos: int
    both: int
    only_shadow: int
    only_current: int
    agreement: ShareAnswer
    judged: dict[Judgement, int]
    open: int
    shadow_right: ShareAnswer = Field(description="among the clear judgements")
    p_value: float | None = Field(description="exact two-sided sign test")
    verdict: Literal["too_few", "no_difference", "shadow", "current"]


class ShadowTallies(Answer):
    """Every shadow model that was compared."""

    items: list[ShadowTallyAnswer]
