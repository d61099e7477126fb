"""How often labels agree with a model that says something with a certain score."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.suspects import Prediction, Predictions
from training.data.touching import touch

TRUSTED = 0.5
"""A box is trusted when labels agree with most boxes of its class and score."""


@dataclass(frozen=True, slots=True)
class RisingShare:
    """A share that rises in steps: from ``starts[k]`` on it is ``shares[k]``."""

    starts: FloatArray
    shares: FloatArray

    def at(self, value: float) -> float:
        """Return the share at a value."""
        step = int(np.searchsorted(self.starts, value, side="right")) - 1
        return float(self.shares[max(0, step)])


@dataclass(frozen=True, slots=True)
class ScoreTrust:
    """What labels and boxes of one set say of each other, by class.

    ``agreeing`` rises with the score of a box, ``finding`` with the size of a label (side of the
    square of its area, as a share of the photo's longer side): small things are missed more often.
    """

    agreeing: Mapping[HazardClass, RisingShare]
    finding: Mapping[HazardClass, RisingShare]
    fitting: Mapping[HazardClass, float]

    def of(self, item: Prediction) -> float:
        """Return the share of boxes of this class and score that lie on a label of the class."""
        return self.agreeing[item.hazard_class].at(item.score)

    def found_share(self, photo: AnnotatedPhoto, label: Annotation) -> float:
        """Return the share of labels of this class and size that a trusted box is near."""
        return self.finding[label.hazard_class].at(measure_size(photo, label))

    def fit_share(self, key: HazardClass) -> float:
        """Return the share of those labels that the boxes also fit."""
        return self.fitting.get(key, 0.0)


def measure_size(photo: AnnotatedPhoto, label: Annotation) -> float:
    """Return the side of a square as large as the label's box, as a share of the photo."""
    return math.sqrt(label.box.area_px) / max(photo.width_px, photo.height_px)


def learn_trust(photos: Sequence[AnnotatedPhoto], predictions: Predictions) -> ScoreTrust:
    """Count over all photos how boxes and labels of a class agree.

    The boxes and labels in question are counted too, as disagreeing: where there are few, little
    is trusted.
    """
    met = [touch(photo.annotations, predictions[photo.name]) for photo in photos]
    agreed: dict[HazardClass, list[tuple[float, bool]]] = defaultdict(list)
    for photo, where in zip(photos, met, strict=True):
        hits = np.any(where.near & where.own, axis=0).tolist()
        for number in np.flatnonzero(where.leads):
            item = predictions[photo.name][number]
            agreed[item.hazard_class].append((item.score, bool(hits[number])))
    agreeing = {key: fit_rising(rows) for key, rows in agreed.items()}
    found: dict[HazardClass, list[tuple[float, bool]]] = defaultdict(list)
    fits: dict[HazardClass, list[bool]] = defaultdict(list)
    for photo, where in zip(photos, met, strict=True):
        said = predictions[photo.name]
        trusted = np.array(
            [agreeing[item.hazard_class].at(item.score) >= TRUSTED for item in said], np.bool_
        )
        for row, label in enumerate(photo.annotations):
            is_found = bool((where.near[row] & where.own[row] & trusted).any())
            found[label.hazard_class].append((measure_size(photo, label), is_found))
            if is_found:
                fits[label.hazard_class].append(bool(where.fit[row] >= TRUSTED))
    finding = {key: fit_rising(rows) for key, rows in found.items()}
    fitting = {key: (sum(given) + 1) / (len(given) + 2) for key, given in fits.items()}
    return ScoreTrust(agreeing, finding, fitting)


def fit_rising(rows: Sequence[tuple[float, bool]]) -> RisingShare:
    """Return the share of ``True`` as a rising step function of a value.

    Isotonic regression (pool adjacent violators), after which a step of ``n`` with ``k`` true
    counts as (k + 1) / (n + 2), the rule of succession: three that agree do not make a share of 1.
    It rises still.
    """
    ordered = sorted(rows)
    values = np.array([value for value, _ in ordered], dtype=np.float64)
    true = np.array([is_true for _, is_true in ordered], dtype=np.float64)
    blocks = isotonic_regression(true).blocks
    starts, ends = blocks[:-1], blocks[1:]
    counted = (np.add.reduceat(true, starts) + 1) / (ends - starts + 2)
    return RisingShare(values[starts], np.maximum.accumulate(counted))
