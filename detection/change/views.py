"""The photos of an epoch as pinhole views: undistorted pixels, and which of them see a building."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.change.epoch import Epoch
from detection.change.settings import ChangeSettings
from detection.domain.geometry import FloatArray
from detection.ingest.decode import PhotoUnreadableError, decode_photo

MAX_CACHE_BYTES = 400_000_000
"""Decoded photos kept at once; those of one building come back for its neighbours."""
HALF_PX = 0.5
MIN_PIXELS_A_CELL = 1.0
"""A photo is made smaller until one pixel fills about a cell: a warp would skip pixels else."""
DETAIL_PX = 3.0
"""Details are what is left when a blur of this standard deviation is taken off."""
MIN_FRAMED = 0.5
"""Share of a place that has to lie inside a photo."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole view: pixel ~ ``matrix @ (point - center_m)``, matrix ``(3, 3)``."""

    matrix: FloatArray
    center_m: FloatArray

    def project(self, points_m: FloatArray) -> FloatArray:
        """Return pixels ``(n, 2)`` of points ``(n, 3)``; NaN of those behind the camera."""
        seen = (points_m - self.center_m) @ self.matrix.T
        depth = np.where(seen[:, 2:] > 0, seen[:, 2:], np.nan)
        return np.asarray(seen[:, :2] / depth)

    def scale(self, factor: float) -> Camera:
        """Return the view whose photo is ``factor`` times as large (pixel centres kept)."""
        shift = (factor - 1) / 2
        scaling = np.array([[factor, 0, shift], [0, factor, shift], [0, 0, 1.0]])
        return Camera(scaling @ self.matrix, self.center_m)


def build_camera(epoch: Epoch, index: int) -> Camera:
    """Return the view of photo ``index``, its lens taken as undistorted.

    Its pixels are counted as OpenCV does, from the middle of the first one; intrinsics count from
    that pixel's corner.
    """
    return Camera(_inner_matrix(epoch) @ epoch.model.axes[index], epoch.model.centers_m[index])


def _inner_matrix(epoch: Epoch) -> FloatArray:
    lens = epoch.model.intrinsics
    return np.array(
        [
            [lens.focal_px, 0.0, lens.cx_px - HALF_PX],
            [0.0, lens.focal_px, lens.cy_px - HALF_PX],
            [0.0, 0.0, 1.0],
        ]
    )


class PhotoCache:
    """Undistorted pixels of an epoch's photos, the latest used kept in memory."""

    def __init__(
        self, epoch: Epoch, settings: ChangeSettings, max_bytes: int = MAX_CACHE_BYTES
    ) -> None:
        """Remember what to read; nothing is read yet."""
        self._epoch = epoch
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[int, bool], NDArray[np.generic]] = OrderedDict()
        self._factor = _choose_factor(epoch, settings.cell_m)

    def read_gray(self, index: int) -> tuple[NDArray[np.float32], Camera] | None:
        """Return the details of the grey values, about a cell a pixel, and their camera.

        None where the file cannot be read any more.
        """
        pixels = self._read(index, is_gray=True)
        if pixels is None:
            return None
        return np.asarray(pixels, dtype=np.float32), self.camera(index).scale(self._factor)

    def read_color(self, index: int) -> NDArray[np.uint8] | None:
        """Return RGB pixels at full size; None where the file cannot be read any more."""
        pixels = self._read(index, is_gray=False)
        return None if pixels is None else np.asarray(pixels, dtype=np.uint8)

    def camera(self, index: int) -> Camera:
        """Return the view of photo ``index`` at full size."""
        return build_camera(self._epoch, index)

    def _read(self, index: int, *, is_gray: bool) -> NDArray[np.generic] | None:
        key = (index, is_gray)
        if key not in self._kept:
            try:
                pixels = self._undistort(decode_photo(self._epoch.photos[index]))
            except PhotoUnreadableError:
                return None
            self._keep(key, self._shrink(pixels) if is_gray else pixels)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, key: tuple[int, bool], pixels: NDArray[np.generic]) -> None:
        self._kept[key] = pixels
        while len(self._kept) > 1 and self._count_bytes() > self._max_bytes:
            self._kept.popitem(last=False)

    def _count_bytes(self) -> int:
        return sum(pixels.nbytes for pixels in self._kept.values())

    def _undistort(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        lens = self._epoch.model.intrinsics
        if lens.distortion is None or not any(lens.distortion):
            return pixels
        inner = _inner_matrix(self._epoch)
        return np.asarray(cv2.undistort(pixels, inner, np.array(lens.distortion)), dtype=np.uint8)

    def _shrink(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        if self._factor < 1.0:
            gray = cv2.resize(
                gray, None, fx=self._factor, fy=self._factor, interpolation=cv2.INTER_AREA
            ).astype(np.float32)
        # Shading changes slowly over a roof and looks alike at any height; details do not.
        shading = cv2.GaussianBlur(gray, (0, 0), DETAIL_PX)
        return np.asarray(gray - shading, dtype=np.float32)


def _choose_factor(epoch: Epoch, cell_m: float) -> float:
    """Return by how much photos are made smaller: never larger than they are.

    The ground's distance is that of the points below each camera, along the optical axis.
    """
    model = epoch.model
    if not len(model.points_m):
        return 1.0
    ground_m = float(np.median(model.points_m[:, 2]))
    forward_up = model.axes[:, 2, 2]
    drop = (model.centers_m[:, 2] - ground_m) / np.clip(-forward_up, 0.3, 1.0)
    gsd_m = float(np.median(drop)) / model.intrinsics.focal_px
    return float(np.clip(gsd_m / (cell_m * MIN_PIXELS_A_CELL), 0.05, 1.0))


def choose_views(
    epoch: Epoch, points_m: FloatArray, settings: ChangeSettings, count: int | None = None
) -> tuple[int, ...]:
    """Return the photos that show most of a place, ``(n, 3)`` points, spread over directions.

    The first is the one that looks most steeply; each further one is the one whose direction is
    furthest from those chosen, because a height is as good as the angle between its rays.
    """
    lines = epoch.model.centers_m - points_m.mean(axis=0)
    lengths = np.linalg.norm(lines, axis=1)
    directions = lines / np.maximum(lengths, 1e-9)[:, None]
    steep = directions[:, 2] >= np.cos(np.radians(settings.max_tilt_deg))
    framed = np.array([_share_framed(epoch, index, points_m) for index in range(len(lines))])
    usable = np.flatnonzero(steep & (framed >= MIN_FRAMED))
    return _spread(usable, directions, framed / lengths, count or settings.max_views)


def _share_framed(epoch: Epoch, index: int, points_m: FloatArray) -> float:
    lens = epoch.model.intrinsics
    pixels = build_camera(epoch, index).project(points_m)
    inside = (pixels >= 0) & (pixels <= [lens.width_px - 1, lens.height_px - 1])
    return float(inside.all(axis=1).mean())


def _spread(
    usable: NDArray[np.intp], directions: FloatArray, worth: FloatArray, count: int
) -> tuple[int, ...]:
    """Return up to ``count`` of the ``usable``: ``worth`` falls with distance and what is cut."""
    if not len(usable):
        return ()
    steepness = np.clip(directions[usable, 2] * worth[usable] / worth[usable].max(), 0.05, 1.0)
    chosen = [int(usable[np.argmax(steepness)])]
    while len(chosen) < min(count, len(usable)):
        apart = np.arccos(np.clip(directions[usable] @ directions[chosen].T, -1, 1)).min(axis=1)
        apart[np.isin(usable, chosen)] = -1.0
        chosen.append(int(usable[np.argmax(apart * np.sqrt(steepness))]))
    return tuple(chosen)
