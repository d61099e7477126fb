"""Figures of parts of the photos: by source, view, surface, and by the size of the thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.evaluation.answers import select_truth
from training.evaluation.tally import ClassTally

FACETS: Final = ("source", "view", "surface")
NOT_STATED: Final = "not stated"

SIZES_PX: Final = {"small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, np.inf)}
"""COCO's bounds of the square root of a box's area, in pixels of the photo."""

SHARES: Final = {"under_10_percent": (0.0, 0.1), "10_to_30_percent": (0.1, 0.3)} | {
    "over_30_percent": (0.3, np.inf)
}
"""Bounds of the square root of a box's share of the photo's area."""


@dataclass(frozen=True, slots=True)
class ClassSlice:
    """One class in a part of the photos; precision and AP are None where only truth is sliced."""

    truths: int
    recall: float | None
    precision: float | None = None
    ap50: float | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the photos; without photos it is a part of the true boxes."""

    photos: int | None
    negatives: int | None
    false_alarms_per_negative: float | None
    classes: Mapping[HazardClass, ClassSlice]


Slices = Mapping[str, Mapping[str, Slice]]
"""Facet to value to figures."""


def slice_figures(
    photos: Sequence[AnnotatedPhoto], tallies: Mapping[HazardClass, ClassTally]
) -> Slices:
    """Return the figures of every part, by what the data set says of the origin of each photo."""
    slices: dict[str, dict[str, Slice]] = {}
    for facet in FACETS:
        values = np.array([getattr(p.origin, facet) or NOT_STATED for p in photos])
        if set(values) != {NOT_STATED}:
            slices[facet] = {
                str(value): _slice_photos(values == value, tallies) for value in np.unique(values)
            }
    slices["size"] = _slice_sizes(photos, tallies, SIZES_PX, relative=False)
    slices["relative_size"] = _slice_sizes(photos, tallies, SHARES, relative=True)
    return slices


def _slice_photos(chosen: NDArray[np.bool_], tallies: Mapping[HazardClass, ClassTally]) -> Slice:
    first = next(iter(tallies.values()))
    negatives = int((chosen & first.is_negative).sum())
    alarms = sum(
        int(tally.found[chosen & tally.is_negative].sum())
        for key, tally in tallies.items()
        if key.is_hazard
    )
    classes = {}
    for key, tally in tallies.items():
        figures = {name: row[0] for name, row in tally.figures(chosen[None].astype(float)).items()}
        classes[key] = ClassSlice(
            truths=int(tally.truths[chosen].sum()),
            recall=none_from_nan(figures["recall"]),
            precision=none_from_nan(figures["precision"]),
            ap50=tally.precision_figures(chosen.astype(np.intp))["ap50"],
        )
    return Slice(int(chosen.sum()), negatives, alarms / negatives if negatives else None, classes)


def _slice_sizes(
    photos: Sequence[AnnotatedPhoto],
    tallies: Mapping[HazardClass, ClassTally],
    bounds: Mapping[str, tuple[float, float]],
    *,
    relative: bool,
) -> dict[str, Slice]:
    sizes = {key: _list_sizes(photos, key, relative=relative) for key in tallies}
    slices = {}
    for name, (low, high) in bounds.items():
        classes = {}
        for key, tally in tallies.items():
            taken = np.concatenate([*tally.taken, np.zeros(0, dtype=np.bool_)])
            inside = (sizes[key] >= low) & (sizes[key] < high)
            recall = float(taken[inside].mean()) if inside.any() else None
            classes[key] = ClassSlice(int(inside.sum()), recall)
        slices[name] = Slice(None, None, None, classes)
    return slices


def _list_sizes(
    photos: Sequence[AnnotatedPhoto], key: HazardClass, *, relative: bool
) -> NDArray[np.float64]:
    areas = [
        item.box.area_px / (photo.width_px * photo.height_px if relative else 1.0)
        for photo in photos
        for item in select_truth(photo, key)
    ]
    return np.sqrt(np.array(areas, dtype=np.float64))


def none_from_nan(value: float) -> float | None:
    """Return a plain number, None where there is none."""
    return float(value) if np.isfinite(value) else None
