"""Which labels a held-out model disagrees with, the most suspicious first.

The idea is that of confident learning (Northcutt, Jiang and Chuang, Journal of Artificial
Intelligence Research 70, 2021) and its form for boxes (ObjectLab: Tkachenko, Thyagarajan and
Mueller, 2023): a model that has not learnt a photo, and is usually right where it is so sure, is
evidence against the label. Both compare a score with how the model scores elsewhere, not with a
fixed number. Here every suspicion is made of shares that were counted on the same photos
(:mod:`training.data.score_trust`), so that classes and kinds stand in one list:

- ``missing_label``: a box on no label; the share of boxes of its class and score that lie on one,
  times its score.
- ``wrong_class``: a box of another class on a label; the same, times how little there is for the
  class of the label.
- ``no_object``: a label that no box is near; the share of labels of its class and size that a
  trusted box is near, times how little there is for it.
- ``bad_box``: a box beside its label; the same as of a missing label, times the share of trusted
  boxes that fit theirs, times how far the two are from fitting.

The score stands beside the share because steps of few boxes make a faint box look trusted; with it,
more planted errors came first in two of three trials (docs/loop.md).

A suspicion is no probability that the label is wrong: it says how rarely labels and model part
like this where both are believed. What comes first has to be looked at by a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray, compute_iou
from training.data.annotation import AnnotatedPhoto
from training.data.score_trust import ScoreTrust, learn_trust
from training.data.suspects import (
    LabelInQuestion,
    Prediction,
    Predictions,
    Suspect,
    SuspectKind,
)
from training.data.touching import Touch, touch

SAME_THING_IOU = 0.5
"""Boxes that overlap so much are of one thing, whatever class each gives it."""

MIN_SUSPICION = 0.05
"""Less is not worth a look, and every faint box of a model would be listed."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A photo with its boxes, how far each is believed ``(boxes,)``, and where they meet labels."""

    photo: AnnotatedPhoto
    found: Sequence[Prediction]
    believed: FloatArray
    met: Touch


def find_suspects(photos: Sequence[AnnotatedPhoto], predictions: Predictions) -> list[Suspect]:
    """Return the suspects of all photos, the most suspicious first; each label at most once.

    Photos that are not in ``predictions`` are left out: nobody was asked about them.
    """
    asked = [photo for photo in photos if photo.name in predictions]
    trust = learn_trust(asked, predictions)
    found = [
        suspect
        for photo in asked
        for suspect in suspect_photo(photo, predictions[photo.name], trust)
    ]
    return sorted(found, key=lambda one: (-one.suspicion, one.photo.name, one.kind, one.box.xyxy))


def suspect_photo(
    photo: AnnotatedPhoto, found: Sequence[Prediction], trust: ScoreTrust
) -> list[Suspect]:
    """Return the suspects of one photo, in no order."""
    believed = np.array([trust.of(item) for item in found], dtype=np.float64)
    judged = _Judged(photo, found, believed, touch(photo.annotations, found))
    suspects = [
        *_list_missing(judged),
        *(_doubt_label(judged, number, trust) for number in range(len(photo.annotations))),
    ]
    return [suspect for suspect in suspects if suspect.suspicion >= MIN_SUSPICION]


def _list_missing(judged: _Judged) -> Iterator[Suspect]:
    """Yield the boxes on no label, of several on one thing the most trusted."""
    kept: list[FloatArray] = []
    for number in np.argsort(-judged.believed, kind="stable"):
        item = judged.found[number]
        box = np.array([item.box.xyxy], dtype=np.float64)
        is_named = any(compute_iou(box, other)[0, 0] >= SAME_THING_IOU for other in kept)
        if judged.met.near[:, number].any() or is_named or not judged.met.leads[number]:
            continue
        kept.append(box)
        suspicion = _weigh(judged, int(number))
        yield Suspect(SuspectKind.MISSING_LABEL, suspicion, judged.photo, None, item)


def _doubt_label(judged: _Judged, number: int, trust: ScoreTrust) -> Suspect:
    """Return the strongest doubt about one label."""
    item = judged.photo.annotations[number]
    key = item.hazard_class
    met = judged.met
    near, own, same = met.near[number], met.own[number], met.iou[number] >= SAME_THING_IOU
    doubts: list[tuple[float, SuspectKind, int | None]] = [
        (
            trust.found_share(judged.photo, item) * (1 - _best(judged, near)),
            SuspectKind.NO_OBJECT,
            None,
        )
    ]
    other, beside = _find_best(judged, same & ~own), _find_best(judged, near & own)
    if other is not None:
        doubt = _weigh(judged, other) * (1 - _best(judged, near & own))
        doubts.append((doubt, SuspectKind.WRONG_CLASS, other))
    if beside is not None:
        off = max(0.0, 1 - float(met.fit[number]) / SAME_THING_IOU)
        doubt = _weigh(judged, beside) * trust.fit_share(key) * off
        doubts.append((doubt, SuspectKind.BAD_BOX, beside))
    suspicion, kind, box = max(doubts, key=lambda doubt: doubt[0])
    model = None if box is None else judged.found[box]
    return Suspect(kind, suspicion, judged.photo, LabelInQuestion(number + 1, item), model)


def _weigh(judged: _Judged, box: int) -> float:
    """Return how much a box is believed, times how sure the model itself is."""
    return float(judged.believed[box]) * judged.found[box].score


def _best(judged: _Judged, which: NDArray[np.bool_]) -> float:
    return float(judged.believed[which].max()) if which.any() else 0.0


def _find_best(judged: _Judged, which: NDArray[np.bool_]) -> int | None:
    if not which.any():
        return None
    return int(np.flatnonzero(which)[np.argmax(judged.believed[which])])
