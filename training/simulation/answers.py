"""What the network of a round said, and how right it was on val."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.domain.hazard import HazardClass
from detection.tiling import photo_xyxy_from_tile
from training.data.annotation import AnnotatedPhoto
from training.evaluation.answers import RANKING_FLOOR
from training.evaluation.metrics import ClassBoxes, compute_average_precision
from training.simulation.plan import LoopPlan
from training.simulation.stock import fit_whole


@dataclass(frozen=True, slots=True)
class Answers:
    """Boxes and looks of some tiles.

    ``rows`` ``(n, k, 6)``: x_min, y_min, x_max, y_max in tile pixels, score, class index;
    ``vectors`` ``(n, d)``; row ``i`` of both is that of the photo ``names[i]``.
    """

    names: tuple[str, ...]
    rows: NDArray[np.float32]
    vectors: NDArray[np.float32]

    def list_scores(
        self, index: int, classes: Sequence[HazardClass], floor: float
    ) -> tuple[tuple[HazardClass, float], ...]:
        """Return class and score of the boxes of one tile from ``floor`` upwards."""
        rows = self.rows[index]
        kept = rows[rows[:, 4] >= floor]
        return tuple((classes[int(row[5])], min(1.0, float(row[4]))) for row in kept)

    def centre_vectors(self) -> NDArray[np.float32]:
        """Return the vectors less their mean: all photos are alike to a neck before that."""
        return np.asarray(self.vectors - self.vectors.mean(axis=0))


def measure_ap50(
    plan: LoopPlan, photos: Sequence[AnnotatedPhoto], answers: Answers
) -> dict[str, float | None]:
    """Return AP at IoU 0.5 of each class on these photos, each seen whole in one tile."""
    rows_of = dict(zip(answers.names, answers.rows, strict=True))
    found = {}
    for number, key in enumerate(plan.classes):
        boxes = [_class_boxes(plan, photo, rows_of[photo.name], number) for photo in photos]
        found[key.value] = compute_average_precision(boxes).ap50
    return found


def _class_boxes(
    plan: LoopPlan, photo: AnnotatedPhoto, rows: NDArray[np.float32], number: int
) -> ClassBoxes:
    kept = rows[(rows[:, 5] == number) & (rows[:, 4] >= RANKING_FLOOR)].astype(np.float64)
    key = plan.classes[number]
    truth = [item.box.xyxy for item in photo.annotations if item.hazard_class is key]
    return ClassBoxes(
        np.array(truth, dtype=np.float64).reshape(-1, 4),
        photo_xyxy_from_tile(kept[:, :4], fit_whole(photo, plan.image_px)),
        kept[:, 4],
    )
