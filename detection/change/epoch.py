"""One flight as an epoch: its photos with poses of their own making, and the points they show."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detection.domain.photo import Photo
from detection.plane import LocalPlane
from detection.refine.reconstruct import SparseModel


@dataclass(frozen=True, slots=True)
class Epoch:
    """A flight reconstructed from its own photos, in metres of one local plane.

    ``photos`` are those that could be joined, in the order of ``model.photo_ids`` and so of
    ``model.centers_m`` and ``model.axes``. All have the size and lens of ``model.intrinsics``.
    ``model`` is in metres east and north of ``plane``'s origin; its heights share one unknown
    zero: only differences of heights mean something.
    """

    photos: tuple[Photo, ...]
    model: SparseModel
    plane: LocalPlane


def shift_epoch(epoch: Epoch, east_m: float, north_m: float) -> Epoch:
    """Return the epoch moved in the plane."""
    off = np.array([east_m, north_m, 0.0])
    model = replace(
        epoch.model,
        centers_m=np.asarray(epoch.model.centers_m + off),
        points_m=np.asarray(epoch.model.points_m + off),
    )
    return replace(epoch, model=model)


def compute_position_std_m(epoch: Epoch) -> float:
    """Return one standard deviation of where the whole flight lies in the plane, as written."""
    stds = [photo.pose.horizontal_std_m for photo in epoch.photos if photo.pose is not None]
    return float(np.median(stds))
