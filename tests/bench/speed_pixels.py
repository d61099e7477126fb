"""Recall of the manhole model against pixels across the lid: how coarse a tile may be.

Run as ``python -m tests.bench.speed_pixels [manhole_far]``; prints one JSON object. Labelled
covers of val are made smaller with their surroundings, blended into real ground, and looked at in
one tile: as they are, and enlarged. The folders of shared photos are needed.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.detectors.manifest import select_manifests
from detection.detectors.registry import load_detector
from detection.detectors.rows import build_photo_boxes
from detection.domain.geometry import FloatArray, Tile, compute_iou
from training.settings import find_shared_dir

SIZES_PX = (12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 200, 256)
ENLARGED = (1, 2, 3)
ENLARGED_FROM_TO_PX = (32, 80)
PLACES = 3
"""Places on the ground for each cover and size."""

SEED = 20261122
MIN_IOU = 0.5
RIM = 0.06
"""Share of the shorter side over which a cover's surroundings fade into the ground."""

KEYS = ("manhole_ok", "manhole_broken", "manhole_missing")
"""By class number in the label files."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """A labelled cover: its photo, its box (4,) there and its class."""

    pixels: Pixels
    box: FloatArray
    key: str

    @property
    def size_px(self) -> float:
        """Longer side of the box."""
        return float((self.box[2:] - self.box[:2]).max())


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A tile that shows one cover: how large, how much enlarged, and where (4,)."""

    tile: Pixels
    box: FloatArray
    key: str
    size_px: int
    enlarged: int


def measure_pixels(
    model: str = "manhole", sizes_px: tuple[int, ...] = SIZES_PX
) -> dict[str, object]:
    """Return the recall at shipped thresholds and the number of looks, by size and enlarging."""
    detector = load_detector(select_manifests((model,))[0], precision="fp32")
    shown = list(_show_covers(sizes_px, detector.manifest.tile_px))
    hits: defaultdict[str, list[bool]] = defaultdict(list)
    for one, found in zip(shown, detector.detect_tiles(x.tile for x in shown), strict=True):
        side = detector.manifest.tile_px
        boxes = build_photo_boxes(
            found,
            Tile(0, 0, side, side, 1.0),
            detector.manifest,
            photo_id="",
            width_px=side,
            height_px=side,
            use_thresholds=True,
        )
        right = [x.detection for x in boxes if x.detection.hazard_class.value == one.key]
        is_hit = any(_overlap(x.bbox_xyxy.xyxy, one.box) >= MIN_IOU for x in right)
        hits[f"{one.size_px}px_x{one.enlarged}"].append(is_hit)
    return {
        name: {"looks": len(row), "recall": round(sum(row) / len(row), 3)}
        for name, row in hits.items()
    }


def _overlap(found: tuple[float, float, float, float], true: FloatArray) -> float:
    return float(compute_iou(np.array([found]), true[None]).item())


def _show_covers(sizes_px: tuple[int, ...], side_px: int) -> Iterator[Shown]:
    rng = np.random.default_rng(SEED)
    ground = _read_ground()
    covers = list(_read_covers())
    low, high = ENLARGED_FROM_TO_PX
    for size_px in sizes_px:
        for cover in covers:
            for _ in range(PLACES if cover.size_px >= size_px else 0):
                below = ground[int(rng.integers(len(ground)))]
                plain = _lay(rng, cover, size_px, below, side_px)
                for times in ENLARGED if low <= size_px <= high else (1,):
                    yield _enlarge(plain, times)


def _read_ground() -> list[Pixels]:
    folder = find_shared_dir(None) / "flights" / "turin_nadir_p4m_rtk"
    return [_read(str(path)) for path in sorted(folder.glob("*.JPG"))[16::2]]


def _read_covers() -> Iterator[Cover]:
    folder = find_shared_dir(None) / "data" / "manhole"
    for name in (folder / "val.txt").read_text(encoding="utf-8").split():
        labels = (folder / "labels" / name.rpartition("/")[2]).with_suffix(".txt")
        lines = labels.read_text(encoding="utf-8").splitlines() if labels.is_file() else []
        pixels = _read(str(folder / name)) if lines else np.zeros((1, 1, 3), np.uint8)
        sides = np.array(pixels.shape[1::-1])
        for line in lines:
            number, *rest = map(float, line.split())
            middle, size = np.array(rest[:2]) * sides, np.array(rest[2:]) * sides
            box = np.concatenate([middle - size / 2, middle + size / 2])
            yield Cover(pixels, box, KEYS[int(number)])


def _read(path: str) -> Pixels:
    return np.asarray(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB), np.uint8)


def _lay(
    rng: np.random.Generator, cover: Cover, size_px: int, ground: Pixels, side_px: int
) -> Shown:
    """Lay a cover with its surroundings somewhere on a tile of ground, whole."""
    scale = size_px / cover.size_px
    small = cv2.resize(cover.pixels, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    corner = [int(rng.integers(0, length - side_px)) for length in ground.shape[:2]]
    tile = ground[corner[0] :, corner[1] :][:side_px, :side_px].copy()
    middle = (cover.box[:2] + cover.box[2:]) / 2 * scale
    room = size_px / 2 + 4
    shift = np.round(rng.uniform(room, side_px - room, 2) - middle).astype(int)
    low = np.maximum(shift, 0)
    high = np.minimum(shift + small.shape[1::-1], side_px)
    part = small[low[1] - shift[1] : high[1] - shift[1], low[0] - shift[0] : high[0] - shift[0]]
    below = tile[low[1] : high[1], low[0] : high[0]]
    weight = _fade(part.shape[0], part.shape[1])
    below[:] = (weight * part + (1.0 - weight) * below).astype(np.uint8)
    return Shown(tile, cover.box * scale + np.tile(shift, 2), cover.key, size_px, 1)


def _fade(height_px: int, width_px: int) -> FloatArray:
    """Return weights ``(height, width, 1)`` that fall to nothing towards the border."""
    rim_px = max(1.0, RIM * min(height_px, width_px))
    down, across = (
        np.minimum(np.arange(length) + 1, length - np.arange(length))
        for length in (height_px, width_px)
    )
    nearest = np.minimum(down[:, None], across[None])
    return np.asarray(np.clip(nearest / rim_px, 0.0, 1.0)[..., None])


def _enlarge(shown: Shown, times: int) -> Shown:
    """Return the part of the tile round the cover so many times as large."""
    if times == 1:
        return shown
    whole_px = len(shown.tile)
    side_px = whole_px // times
    middle = (shown.box[:2] + shown.box[2:]) / 2
    x, y = np.clip(middle - side_px / 2, 0, whole_px - side_px).astype(int)
    part = shown.tile[y : y + side_px, x : x + side_px]
    large = cv2.resize(part, (whole_px, whole_px), interpolation=cv2.INTER_CUBIC)
    box = (shown.box - np.array([x, y, x, y])) * (whole_px / side_px)
    return Shown(np.asarray(large, np.uint8), box, shown.key, shown.size_px, times)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_pixels((sys.argv[1:] or ["manhole"])[0])) + "\n")
