"""The aligned detections: where each says that its thing is, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.dedupe.least_squares import Alignment
from detection.dedupe.observations import Observations
from detection.dedupe.pairs import Indices
from detection.dedupe.plane_normal import invert, spread, square_distances
from detection.dedupe.rays import ERRORS
from detection.domain.geometry import FloatArray

SAME_BUILDING = 0.8
"""From this probability on a building counts as known: two of them are two buildings."""

MISALIGNED = 0.2
"""Share of its deviations by which a photo may still be off after alignment: its covariance holds
against the neighbours as they are and does not know of a false alarm that pulled."""

_CHUNK = 500_000
_LEAST_HEIGHT_STD_M = 1e-3


@dataclass(frozen=True, eq=False)
class Evidence:
    """``n`` aligned detections.

    ``place_m`` (n, 2) with ``covariance`` (n, 2, 2), ``slope`` and ``height_std_m`` as in
    `Observations`: a thing that stands a metre higher shows its place moved by the slope. So a
    thing has three coordinates: east, north, height above what is assumed. ``building`` (n,)
    numbers the building, -1 where none is known surely; ``height_m`` (n,) on it, NaN where none.
    """

    photo: Indices
    thing: Indices
    place_m: FloatArray
    covariance: FloatArray
    slope: FloatArray
    height_std_m: FloatArray
    building: Indices
    height_m: FloatArray
    height_on_std_m: FloatArray

    def __len__(self) -> int:
        """Return the number of detections."""
        return len(self.photo)

    @property
    def on_building(self) -> NDArray[np.bool_]:
        """Whether each detection is on a building, known surely or not."""
        return ~np.isnan(self.height_m)

    def square_pairs(self, one: Indices, two: Indices) -> FloatArray:
        """Return squared Mahalanobis distances of pairs."""
        squared = np.empty(len(one))
        for start in range(0, len(one), _CHUNK):
            a, b = one[start : start + _CHUNK], two[start : start + _CHUNK]
            std_m = np.maximum(self.height_std_m[a], self.height_std_m[b])
            lean = (self.slope[a] - self.slope[b]) * std_m[:, None]
            both = self.covariance[a] + self.covariance[b] + lean[:, :, None] * lean[:, None, :]
            squared[start : start + _CHUNK] = square_distances(
                self.place_m[a] - self.place_m[b], both
            )
        return squared + self.square_on_building(one, two)

    def square_on_building(self, one: Indices, two: Indices) -> FloatArray:
        """Return what the heights on buildings add; infinite on two buildings known surely."""
        known = (self.building[one] >= 0) & (self.building[two] >= 0)
        higher = self.height_m[one] - self.height_m[two]
        std_m = np.hypot(self.height_on_std_m[one], self.height_on_std_m[two])
        std_m = np.maximum(std_m, _LEAST_HEIGHT_STD_M)
        squared = np.nan_to_num(np.square(higher / std_m))
        return np.where(known & (self.building[one] != self.building[two]), np.inf, squared)

    def inform(self, rows: Indices) -> tuple[FloatArray, FloatArray]:
        """Return the information (k, 3, 3) on a thing's coordinates and its pull (k, 3)."""
        inverse = invert(self.covariance[rows])
        columns = np.zeros((len(rows), 2, 3))
        columns[:, 0, 0] = columns[:, 1, 1] = 1.0
        columns[:, :, 2] = self.slope[rows]
        weighted = np.matmul(columns.transpose(0, 2, 1), inverse)
        pull = np.matmul(weighted, self.place_m[rows, :, None])[:, :, 0]
        return np.matmul(weighted, columns), pull

    def square_misses(self, parts: Indices, count: int) -> FloatArray:
        """Return how far (n,) each detection is from the mean of its part, squared Mahalanobis."""
        information, pull = self.inform(np.arange(len(self)))
        summed, pulled = np.zeros((count, 3, 3)), np.zeros((count, 3))
        np.add.at(summed, parts, information)
        np.add.at(pulled, parts, pull)
        highest = np.zeros(count)
        np.maximum.at(highest, parts, self.height_std_m)
        summed[:, 2, 2] += 1 / np.square(np.maximum(highest, _LEAST_HEIGHT_STD_M))
        thing = np.linalg.solve(summed, pulled[:, :, None])[parts, :, 0]
        shown = thing[:, :2] + thing[:, 2:] * self.slope
        return square_distances(self.place_m - shown, self.covariance)


def weigh_evidence(seen: Observations, alignment: Alignment) -> Evidence:
    """Return the detections at their aligned places, with what is left of their errors."""
    columns = seen.differentiate(alignment.errors)
    unsure = alignment.covariances + np.eye(ERRORS) * MISALIGNED**2
    covariance = seen.spread(alignment.errors) + spread(columns, unsure[seen.photo])
    buildings: dict[str, int] = {}
    on = [sighting.on_building for sighting in seen.sightings]
    for name in sorted({one.building_id for one in on if one is not None}):
        buildings[name] = len(buildings)
    sure = [one is not None and one.probability >= SAME_BUILDING for one in on]
    return Evidence(
        photo=seen.photo,
        thing=seen.thing,
        place_m=seen.place(alignment.errors),
        covariance=covariance,
        slope=seen.slopes,
        height_std_m=seen.height_std_m,
        building=np.array(
            [buildings[o.building_id] if o and s else -1 for o, s in zip(on, sure, strict=True)],
            dtype=np.intp,
        ),
        height_m=np.array([np.nan if one is None else one.height_m for one in on]),
        height_on_std_m=np.array([np.nan if one is None else one.height_std_m for one in on]),
    )
