"""What an evaluation says: figures of each class, of outlines, and of all together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from training.evaluation.metrics import Counts
from training.evaluation.sampling import Interval
from training.evaluation.slices import Slices
from training.evaluation.sweep import Sweep


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class; AP needs no threshold, the counts are at ``threshold``, IoU 0.5.

    ``photos`` show the class, in ``boxes`` true boxes. ``mask_ap50`` and ``mask_ap50_95`` go by
    the overlap of outlines, None where model or truth have none. ``recall_at_alarms`` is the best
    recall (of boxes; of photos that show the class) at a threshold with at most so many false
    alarms per negative photo, None where no threshold is so quiet or nothing can be counted.
    ``curve`` is precision and recall after each find, ``sweep`` the counts at every threshold.
    """

    hazard_class: HazardClass
    photos: int
    boxes: int
    ap50: float | None
    ap50_95: float | None
    threshold: float
    counts: Counts
    mask_ap50: float | None
    mask_ap50_95: float | None
    image_recall_any: float | None
    image_recall_hit: float | None
    false_alarms_per_negative: float | None
    recall_at_alarms: Mapping[float, tuple[float, float] | None]
    intervals: Mapping[str, Interval]
    curve: tuple[FloatArray, FloatArray]
    sweep: Sweep


@dataclass(frozen=True, slots=True)
class PixelFigures:
    """Figures of drawn-out things by pixel and by length of centre line, all photos added up.

    ``best_f1`` and the threshold where it lies are told for information.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    iou: float | None
    length_recall: float | None
    length_precision: float | None
    length_tolerance_px: float
    best_f1: float
    best_f1_threshold: float
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one model on one set of photos.

    ``false_alarms`` are boxes per class on photos without any annotation, at the thresholds,
    after the merge; ``hazard_alarms_per_negative`` counts hazard classes only. ``pixels`` is None
    where the model or the truth has no outlines, or no class is drawn out. ``confusion`` is truth
    by row and found by column, the background last.
    """

    figures: tuple[ClassFigures, ...]
    photos: int
    negatives: int
    tiled: bool
    false_alarms: Mapping[HazardClass, int]
    pixels: PixelFigures | None = None
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    slices: Slices = field(default_factory=dict)
    negatives_megapixels: float = 0.0
    confusion: NDArray[np.intp] = field(default_factory=lambda: np.zeros((1, 1), dtype=np.intp))

    @property
    def map50(self) -> float | None:
        """Mean AP50 over the classes that the truth shows."""
        known = [item.ap50 for item in self.figures if item.ap50 is not None]
        return sum(known) / len(known) if known else None

    @property
    def hazard_alarms_per_negative(self) -> float | None:
        """False alarms of hazard classes per negative photo; None without negatives."""
        return self._hazard_alarms / self.negatives if self.negatives else None

    @property
    def hazard_alarms_per_12_mp(self) -> float | None:
        """False alarms of hazard classes per 12 megapixels of negatives, a common drone photo."""
        if not self.negatives_megapixels:
            return None
        return self._hazard_alarms * 12 / self.negatives_megapixels

    @property
    def _hazard_alarms(self) -> int:
        return sum(count for key, count in self.false_alarms.items() if key.is_hazard)
