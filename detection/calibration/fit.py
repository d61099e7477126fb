"""The threshold that labels speak for, what it would change, and whether they can tell at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detection.calibration.draws import FALSE, TRUE, UNKNOWN, Draws, draw_truth, list_thresholds
from detection.calibration.posterior import Prior, update
from detection.calibration.suggest import ScoredBox
from detection.domain.geometry import FloatArray

SURE = 0.95
"""Chance of a gain from which a change is proposed."""

SURE_STDS = 1.645
"""So many standard deviations a gain lies above nought when it is sure."""

SMALL_SHARE = 0.1
"""Less than this share of the cost is not worth a change; where no more is at stake, it fits."""

MOST_MORE = 60
"""Nobody is asked to label more than this: then the flight cannot tell."""


class Verdict(StrEnum):
    """What the labels say of a threshold."""

    CHANGE = "change"
    KEEP = "keep"
    TOO_FEW = "too_few"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Operation:
    """What happens at one threshold in the photos that were looked at.

    ``recall`` is the share that is shown of the true things to which the model gives any score
    from its floor upwards: what it does not see at all nobody knows. ``alarms_per_photo`` are
    false ones.
    """

    threshold: float
    recall: Estimate
    alarms_per_photo: Estimate


@dataclass(frozen=True, slots=True)
class ThresholdFit:
    """The outcome for one class: ``now`` against ``proposed``, with the change of both figures.

    ``labels`` were decided (yes or no), ``confirmed`` of them yes. ``gain_per_photo`` is what the
    change saves, in false alarms a photo, a miss counted as the settings say; ``chance`` is how
    likely it saves anything in the long run, whatever these few photos show. ``more`` is how many
    labels are missing before the question can be answered; None where no number of them in this
    flight would do.
    """

    verdict: Verdict
    now: Operation
    proposed: Operation
    recall_change: Estimate
    alarms_change: Estimate
    gain_per_photo: Estimate
    chance: float
    labels: int
    confirmed: int
    more: int | None = None


def fit_threshold(
    boxes: Sequence[ScoredBox],
    labels: Mapping[str, bool],
    prior: Prior,
    *,
    threshold: float,
    photos: int,
    alarms_per_miss: float,
    least_labels: int,
    may_raise: bool = True,
    seed: int = 0,
) -> ThresholdFit:
    """Fit the curve of truth over score to the labels and choose the threshold of least cost.

    ``boxes`` are all boxes of the class in ``photos`` photos, from the model's floor upwards;
    ``labels`` say of some of them, by key, whether they are true. The intervals hold what is not
    known of the curve, and of the boxes that nobody labelled. Without ``may_raise`` no threshold
    above the present one is proposed.

    Raises:
        ValueError: there is no box, no photo, or a label of no box.
    """
    _check(boxes, labels, photos)
    scores = np.array([box.score for box in boxes])
    known = np.array([labels.get(box.key, UNKNOWN) for box in boxes], dtype=np.int8)
    said = [(known == each).astype(np.float64) for each in (TRUE, FALSE)]
    posterior = update(prior, scores, *said)
    tried = list_thresholds(scores, threshold, may_raise=may_raise)
    draws = draw_truth(boxes, known, posterior, tried, photos=photos, seed=seed)
    return _judge(draws, known, threshold, alarms_per_miss, least_labels=least_labels)


def _check(boxes: Sequence[ScoredBox], labels: Mapping[str, bool], photos: int) -> None:
    if not boxes or photos < 1:
        message = "A threshold is fitted to boxes of photos: there are none."
        raise ValueError(message)
    unknown = set(labels) - {box.key for box in boxes}
    if unknown:
        message = f"There is a label of {min(unknown)}, which is none of the boxes."
        raise ValueError(message)


def _judge(
    draws: Draws,
    known: NDArray[np.int8],
    threshold: float,
    alarms_per_miss: float,
    *,
    least_labels: int,
) -> ThresholdFit:
    cost, recall, alarms = (
        draws.cost_per_photo(alarms_per_miss),
        draws.recall(),
        draws.alarms_per_photo(),
    )
    here = draws.find(threshold)
    expected = draws.cost_per_photo(alarms_per_miss, expected=True)
    best = _find_best(expected.mean(axis=0), draws.thresholds, here)
    gain = cost[:, here] - cost[:, best]
    lasting = expected[:, here] - expected[:, best]
    decided = int((known != UNKNOWN).sum())
    missing = least_labels - decided
    open_boxes = len(known) - decided
    if missing > 0:
        verdict, more = Verdict.TOO_FEW, missing if missing <= open_boxes else None
    else:
        verdict, more = _conclude(lasting, expected[:, here], decided, open_boxes)

    def describe(index: int) -> Operation:
        own = _estimate(recall[:, index]), _estimate(alarms[:, index])
        return Operation(float(draws.thresholds[index]), *own)

    return ThresholdFit(
        verdict=verdict,
        now=describe(here),
        proposed=describe(best),
        recall_change=_estimate(recall[:, best] - recall[:, here]),
        alarms_change=_estimate(alarms[:, best] - alarms[:, here]),
        gain_per_photo=_estimate(gain),
        chance=float((lasting > 0).mean()),
        labels=decided,
        confirmed=int((known == TRUE).sum()),
        more=more,
    )


def _find_best(mean_cost: FloatArray, thresholds: FloatArray, here: int) -> int:
    """Return the threshold of least cost, of equals the one nearest to the present one."""
    good = np.flatnonzero(mean_cost <= mean_cost.min() + 1e-9)
    return int(good[np.argmin(np.abs(thresholds[good] - thresholds[here]))])


def _conclude(
    gain: FloatArray, cost_now: FloatArray, decided: int, open_boxes: int
) -> tuple[Verdict, int | None]:
    """Return the verdict of enough labels, and how many more it needs where it cannot tell."""
    least = SMALL_SHARE * float(cost_now.mean())
    if (gain > 0).mean() >= SURE and gain.mean() >= least:
        return Verdict.CHANGE, None
    if np.quantile(gain, 0.975) <= least:
        return Verdict.KEEP, None
    mean, spread = float(gain.mean()), float(gain.std())
    # Were the gain as large as it seems, this would make it sure: spreads fall with the root.
    needed = math.ceil(decided * ((SURE_STDS * spread / max(mean, 1e-9)) ** 2 - 1.0))
    more = max(1, needed)
    return Verdict.CANNOT_TELL, more if more <= min(open_boxes, MOST_MORE) else None


def _estimate(values: FloatArray) -> Estimate:
    low, high = np.quantile(values, (0.025, 0.975))
    return Estimate(float(values.mean()), float(low), float(high))
