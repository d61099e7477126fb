"""Pictures made from photos: thumbnails, deep-zoom tiles, crops. Cached up to a limit.

The cache may be deleted: everything in it is made again from the photos.

Everything is shown as a person sees it: the EXIF orientation is applied, so that boxes in pixels
of the displayed photo fit.
"""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyvips

from serving.storage.cache_limit import note_use, shrink_cache

TILE_PX = 512
JPEG_QUALITY = 85
MIN_CROP_PX = 320
MAX_CROP_PX = 1024
CROP_CONTEXT = 1.5
BOX_RGB = (255, 64, 32)
LOCKS = 64
PYRAMID_QUALITY = 89
"""From 90 on libvips keeps colour at full resolution, which cameras do not: twice the bytes."""

MAX_CACHE_BYTES = 20_000_000_000
SWEEP_SHARE = 0.05
"""The cache is looked through whenever this share of its limit was written."""


class TileNotFoundError(Exception):
    """The level, column or row does not exist in this photo."""


class DerivativeCache:
    """Derived pictures of the photos in an object store, below ``root``."""

    def __init__(self, root: Path, max_bytes: int = MAX_CACHE_BYTES) -> None:
        """Use (and create) the folder ``root``, for about ``max_bytes``."""
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)
        self._max_bytes = max_bytes
        self._written_bytes = 0
        self._locks = tuple(threading.Lock() for _ in range(LOCKS))

    def thumbnail(self, photo_path: Path, sha256: str, size_px: int) -> Path:
        """Return a JPEG whose longer side is ``size_px`` (never enlarged)."""

        def draw() -> pyvips.Image:
            return pyvips.Image.thumbnail(str(photo_path), size_px, height=size_px, size="down")

        target = self._target(sha256, f"thumb_{size_px}.jpg")
        return self._make_once(target, draw, f".jpg[Q={JPEG_QUALITY},strip]")

    def pyramid(self, photo_path: Path, sha256: str) -> Path:
        """Return a tiled pyramid TIFF of the photo, upright."""

        def draw() -> pyvips.Image:
            return _open_upright(photo_path)

        target = self._target(sha256, f"pyramid_{TILE_PX}.tif")
        tiles = f"tile,tile_width={TILE_PX},tile_height={TILE_PX}"
        return self._make_once(
            target, draw, f".tif[compression=jpeg,Q={PYRAMID_QUALITY},{tiles},pyramid,strip]"
        )

    def upright(self, photo_path: Path, sha256: str) -> Path:
        """Return the whole photo as a JPEG, upright and without metadata (no place, no camera)."""

        def draw() -> pyvips.Image:
            return _open_upright(photo_path)

        return self._make_once(self._target(sha256, "upright.jpg"), draw, ".jpg[Q=90,strip]")

    def zoom_tile(self, photo_path: Path, sha256: str, level: int, column: int, row: int) -> bytes:
        """Return one JPEG tile, DZI convention: level 0 is one pixel, the last is full size.

        Raises:
            TileNotFoundError: there is no such tile.
        """
        try:
            return self._read_tile(self.pyramid(photo_path, sha256), level, column, row)
        except pyvips.Error:
            # Swept away between the look and the reading: once more.
            return self._read_tile(self.pyramid(photo_path, sha256), level, column, row)

    def _read_tile(self, pyramid: Path, level: int, column: int, row: int) -> bytes:
        full = pyvips.Image.new_from_file(str(pyramid))
        top_level = top_zoom_level(full.width, full.height)
        if not 0 <= level <= top_level:
            raise TileNotFoundError
        image = _level_image(pyramid, full, top_level - level)
        left, top = column * TILE_PX, row * TILE_PX
        if column < 0 or row < 0 or left >= image.width or top >= image.height:
            raise TileNotFoundError
        width = min(TILE_PX, image.width - left)
        height = min(TILE_PX, image.height - top)
        data: bytes = image.crop(left, top, width, height).jpegsave_buffer(Q=JPEG_QUALITY)
        return data

    def crop(
        self, photo_path: Path, sha256: str, bbox_xyxy: tuple[float, float, float, float]
    ) -> Path:
        """Return a JPEG of the box with its surroundings, the box drawn in."""

        def draw() -> pyvips.Image:
            image = pyvips.Image.new_from_file(str(photo_path)).autorot()
            return _draw_crop(_as_srgb(image), bbox_xyxy)

        name = "crop_" + "_".join(f"{value:.0f}" for value in bbox_xyxy) + ".jpg"
        return self._make_once(self._target(sha256, name), draw, ".jpg[Q=90,strip]")

    def cut(self, photo_path: Path, sha256: str, window: tuple[int, int, int, int]) -> Path:
        """Return a JPEG of a window of the upright photo, in whole pixels, nothing drawn in."""

        def draw() -> pyvips.Image:
            image = pyvips.Image.new_from_file(str(photo_path)).autorot()
            x_min, y_min, x_max, y_max = window
            part = _as_srgb(image).crop(x_min, y_min, x_max - x_min, y_max - y_min)
            scale = MAX_CROP_PX / max(part.width, part.height)
            return part.resize(scale) if scale < 1.0 else part

        name = "cut_" + "_".join(str(value) for value in window) + ".jpg"
        return self._make_once(self._target(sha256, name), draw, ".jpg[Q=90,strip]")

    def _make_once(self, target: Path, draw: Callable[[], pyvips.Image], options: str) -> Path:
        """Make a picture that is not there; of many callers at once, one works, the rest wait."""
        if target.exists():
            note_use(target, time.time())
            return target
        with self._locks[hash(target) % LOCKS]:
            if not target.exists():
                self._sweep_if_due()  # before, so that what is about to be read stays
                target.parent.mkdir(parents=True, exist_ok=True)
                self._written_bytes += _write_whole(_as_srgb(draw()), target, options)
        return target

    def _sweep_if_due(self) -> None:
        """Look through the cache every now and then; two processes that both do harm nothing."""
        if self._written_bytes >= SWEEP_SHARE * self._max_bytes:
            self._written_bytes = 0
            shrink_cache(self._root, self._max_bytes)

    def _target(self, sha256: str, name: str) -> Path:
        return self._root / sha256[:2] / sha256 / name


def _open_upright(photo_path: Path) -> pyvips.Image:
    """Return the photo as a person sees it, read as a stream where it can be."""
    image = pyvips.Image.new_from_file(str(photo_path), access="sequential")
    if image.get_typeof("orientation") and image.get("orientation") > 1:
        # Turning needs rows out of order, which a stream does not give.
        image = pyvips.Image.new_from_file(str(photo_path))
    return image.autorot()


def top_zoom_level(width_px: int, height_px: int) -> int:
    """Return the deep-zoom level of the full-size photo."""
    return math.ceil(math.log2(max(width_px, height_px, 1)))


def _level_image(pyramid: Path, full: pyvips.Image, steps_down: int) -> pyvips.Image:
    """Return the photo halved ``steps_down`` times, read from the nearest stored page."""
    page = min(steps_down, int(full.get("n-pages")) - 1)
    image = pyvips.Image.new_from_file(str(pyramid), page=page)
    width = max(1, math.ceil(full.width / 2**steps_down))
    height = max(1, math.ceil(full.height / 2**steps_down))
    if (image.width, image.height) == (width, height):
        return image
    # Stored pages round down where deep zoom rounds up, and the smallest levels are not stored.
    return image.thumbnail_image(width, height=height, size="force")


def _draw_crop(image: pyvips.Image, bbox_xyxy: tuple[float, float, float, float]) -> pyvips.Image:
    x_min, y_min, x_max, y_max = bbox_xyxy
    side = max(x_max - x_min, y_max - y_min) * (1 + 2 * CROP_CONTEXT)
    side = max(side, MIN_CROP_PX)
    left, width = _window((x_min + x_max) / 2, side, image.width)
    top, height = _window((y_min + y_max) / 2, side, image.height)
    cut = image.crop(left, top, width, height)
    scale = min(1.0, MAX_CROP_PX / max(width, height))
    if scale < 1.0:
        cut = cut.resize(scale)
    box = [
        (value - origin) * scale for value, origin in zip(bbox_xyxy, (left, top) * 2, strict=True)
    ]
    return _draw_box(cut.copy_memory(), box)


def _window(center: float, side: float, limit: int) -> tuple[int, int]:
    """Return start and length of a window of ``side`` pixels inside ``[0, limit)``."""
    length = max(1, min(limit, round(side)))
    start = min(max(0, round(center - side / 2)), limit - length)
    return start, length


def _draw_box(image: pyvips.Image, box: list[float]) -> pyvips.Image:
    thickness = max(2, round(max(image.width, image.height) / 250))
    x_min, y_min, x_max, y_max = (round(value) for value in box)
    for grow in range(thickness):
        image = image.draw_rect(
            list(BOX_RGB),
            x_min - grow,
            y_min - grow,
            x_max - x_min + 2 * grow,
            y_max - y_min + 2 * grow,
        )
    return image


def _as_srgb(image: pyvips.Image) -> pyvips.Image:
    """Return three 8-bit bands, whatever the camera stored."""
    if image.hasalpha():
        image = image.flatten(background=255)
    return image.colourspace("srgb").cast("uchar")


def _write_whole(image: pyvips.Image, target: Path, format_options: str) -> int:
    """Write beside the target and rename, so that readers never meet half a file; return bytes."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, suffix=".part")
    os.close(descriptor)
    part = Path(name)
    try:
        target_stream = pyvips.Target.new_to_file(str(part))
        image.write_to_target(target_stream, format_options)
        size_bytes = part.stat().st_size
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return size_bytes
