"""What a model must hold against the one in force before it may take its place."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from detection.domain.hazard import HazardClass


class PromotionRules(BaseModel):
    """The gate of ``hazardlens promote --to active``.

    ``max_recall_loss`` is the share of a class's true boxes that may be lost at equal false
    alarms per image, ``default_recall_loss`` that of a class it does not name. ``min_boxes`` is
    how many true boxes the photos must show before a comparison counts: of 20 boxes a model that
    finds four fifths shows a recall within about 0.2 of its own. ``max_slowdown`` is how many
    times the time per tile of the model in force is allowed. INT8 weights are shipped where the
    mean AP50 falls by no more than ``max_int8_ap50_loss`` and they are ``min_int8_speedup`` times
    as fast.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_recall_loss: dict[HazardClass, float] = Field(default_factory=dict)
    default_recall_loss: float = Field(default=0.02, ge=0, le=1)
    min_boxes: int = Field(default=20, ge=0)
    max_slowdown: float = Field(default=2.0, gt=0)
    max_int8_ap50_loss: float = Field(default=0.005, ge=0, le=1)
    min_int8_speedup: float = Field(default=1.05, gt=0)

    def allowed_loss(self, key: HazardClass) -> float:
        """Return the share of recall that a class may lose."""
        return self.max_recall_loss.get(key, self.default_recall_loss)
