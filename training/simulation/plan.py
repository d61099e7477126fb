"""What a simulated loop is told: one set, its budgets, and one training recipe for every round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from detection.domain.hazard import HazardClass
from training.settings import TrainingSettings

Strategy = Literal["selected", "random", "full"]
"""Who chooses what is labelled; ``full`` has every label from the first round on."""


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """A loop over one set of the catalogue.

    ``fractions`` of the training photos are labelled after each round, ``epochs`` are those of
    each round (``images_per_epoch`` photos each, however many are labelled). ``measured`` are the
    classes whose AP is averaged: one with a handful of boxes on val would be noise. Small photos
    and frozen first modules (the backbone keeps what it learned elsewhere) make a round a matter
    of minutes; the figures compare choices of labels, not models.
    """

    dataset: str
    classes: tuple[HazardClass, ...]
    measured: tuple[HazardClass, ...]
    fractions: tuple[float, ...] = (0.1, 0.2, 0.4)
    epochs: tuple[int, ...] = (10, 8, 8)
    images_per_epoch: int = 256
    image_px: int = 256
    frozen_modules: int = 10
    started_from: str = "weights/yolo26n.pt"

    def write_settings(self, seed: int, round_index: int) -> TrainingSettings:
        """Return the training of one round; the same for every strategy."""
        epochs = self.epochs[round_index]
        return TrainingSettings.model_validate(
            {
                "name": "simulated",
                "classes": self.classes,
                "started_from": self.started_from,
                "data": [{"dataset": self.dataset}],
                "seed": 1000 * seed + round_index,
                "precision": "bfloat16",
                "tile_px": self.image_px,
                "optimisation": {
                    "epochs": epochs,
                    "image_px": self.image_px,
                    "freeze": self.frozen_modules,
                    "weight_decay": 0.001,
                },
                "augmentation": {
                    "mosaic": 0.7,
                    "flipud": 0.3,
                    "close_mosaic": max(1, epochs // 3),
                },
            }
        )


MANHOLE = LoopPlan(
    dataset="manhole",
    classes=(HazardClass.MANHOLE_OK, HazardClass.MANHOLE_BROKEN, HazardClass.MANHOLE_MISSING),
    measured=(HazardClass.MANHOLE_OK, HazardClass.MANHOLE_MISSING),
)
CRACKS = LoopPlan(
    dataset="cracks",
    classes=(HazardClass.FACADE_CRACK,),
    measured=(HazardClass.FACADE_CRACK,),
)
