"""Canvases of 12 MP with known boxes: held-out close-ups shrunk into photos of real flights.

No labelled hazard exists in a whole drone photo, so what "less work" loses is measured here: covers
at 24 to 84 px and walls with cracks at half size to full size, all from the val side of their data
sets, are blended into photos that really were flown. Dev and report sets share no photo, neither
below nor above. Where a thing lies is chosen among many spots as the one most like bare ground
(little colour, little texture), so a cover is seldom in a tree, but it may lie on a flat roof.

Everything comes from seeds and is kept in ``data/mosaics`` (never part of the repository).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.data.errors import CorruptImageError
from training.data.sources import load_dataset, read_catalogue
from training.settings import REPOSITORY_DIR, find_shared_dir

Part = Literal["dev", "report"]
Pixels = NDArray[np.uint8]

MOSAICS_DIR = REPOSITORY_DIR / "data" / "mosaics"
WIDTH_PX, HEIGHT_PX = 4000, 3000
VERSION = 1
"""Raised when the canvases come out otherwise; older ones are then made again."""

SEEDS: Final[dict[Part, int]] = {"dev": 8100, "report": 8200}
COVERS, WALLS = 50, 14
"""Pasted into each canvas, as far as there is room."""
COVER_PX, WALL_SCALE = (24.0, 84.0), (0.5, 1.0)
"""Longer side of a cover in the canvas (0.8 to 3 cm a pixel), and how much a wall is shrunk."""
CONTEXT = 1.5
"""How much more than its box is cut out with a cover."""
SPOTS = 60
"""Places tried for each patch."""
SKY_SHARE = 0.25
"""Upper share of a canvas that stays as it is: in oblique photos it may be far away, or sky."""
BRIGHT = 215
"""A spot brighter than this is a white roof or sky."""

FLIGHTS: Final[dict[str, tuple[int, dict[Part, tuple[str, int, int]]]]] = {
    "minsk": (
        1,
        {"dev": ("minsk_oblique_fc220", 0, 4), "report": ("minsk_oblique_fc220", 4, 8)},
    ),
    "turin": (
        3,
        {"dev": ("turin_nadir_p4m_rtk", 0, 16), "report": ("turin_nadir_p4m_rtk", 16, 32)},
    ),
    "sheffield": (
        5,
        {
            "dev": ("sheffield_park_fc300s_800px/passA_heading90", 0, 35),
            "report": ("sheffield_park_fc300s_800px/passB_heading180", 0, 33),
        },
    ),
}
"""Photos in a row of a canvas; then folder and photos of the flight that each part takes."""
CANVASES: Final[dict[str, int]] = {"minsk": 8, "turin": 2, "sheffield": 2}
"""How many canvases of each flight; a photo that comes twice is mirrored the second time."""


@dataclass(frozen=True, slots=True)
class KnownBox:
    """A thing that was put into a canvas, in pixels of the canvas."""

    hazard_class: HazardClass
    box: BBox


@dataclass(frozen=True, slots=True)
class Patch:
    """A close-up at the size in which it is pasted, how it blends in, and the boxes in it."""

    pixels: Pixels
    alpha: NDArray[np.float32]
    boxes: tuple[KnownBox, ...]


def find_mosaics(part: Part, folder: Path = MOSAICS_DIR) -> Path:
    """Return the folder of the canvases of a part, made first where it is not there.

    Raises:
        HazardLensError: the flights or the labelled photos are not in reach.
    """
    place = folder / f"{part}-{VERSION}"
    done = place / "boxes.json"
    if not done.is_file():
        place.mkdir(parents=True, exist_ok=True)
        known = dict(_write_canvases(part, place))
        done.write_text(json.dumps(known), encoding="utf-8")
    return place


def read_known(place: Path) -> dict[str, tuple[KnownBox, ...]]:
    """Return what was put into each canvas, by the name of its file."""
    document = json.loads((place / "boxes.json").read_text(encoding="utf-8"))
    return {
        name: tuple(KnownBox(HazardClass(kind), BBox(*box)) for kind, *box in rows)
        for name, rows in document.items()
    }


def _write_canvases(part: Part, place: Path) -> Iterator[tuple[str, list[list[object]]]]:
    rng = np.random.default_rng(SEEDS[part])
    shared = find_shared_dir(None)
    covers = _load_val("manhole", shared, part)
    walls = [photo for photo in _load_val("cracks", shared, part) if photo.annotations]
    for flight, count in CANVASES.items():
        per_row, sources = FLIGHTS[flight]
        folder, first, end = sources[part]
        photos = sorted((shared / "flights" / folder).glob("*.JPG"))[first:end]
        for index in range(count):
            name = f"{flight}_{index:02d}.jpg"
            canvas = lay_canvas(photos, per_row, index)
            boxes = paste_patches(rng, canvas, make_patches(rng, covers, walls))
            cv2.imwrite(str(place / name), canvas, [cv2.IMWRITE_JPEG_QUALITY, 95])
            yield name, [[one.hazard_class.value, *one.box.xyxy] for one in boxes]


def _load_val(dataset: str, shared: Path, part: Part) -> list[AnnotatedPhoto]:
    """Return every second group of the val side: one half for dev, the other for the report."""
    photos = [one for one in load_dataset(read_catalogue(dataset), shared) if one.split == "val"]
    groups = sorted({photo.group for photo in photos})
    mine = set(groups[0 if part == "dev" else 1 :: 2])
    return [photo for photo in photos if photo.group in mine]


def lay_canvas(photos: Sequence[Path], per_row: int, index: int) -> Pixels:
    """Return ``(HEIGHT_PX, WIDTH_PX, 3)`` BGR, filled row by row from the ``index``-th photo on."""
    canvas = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    number, y = index * per_row, 0
    while y < HEIGHT_PX:
        x, row_px = 0, HEIGHT_PX
        while x < WIDTH_PX:
            pixels = _read(photos[number % len(photos)])
            if (number // len(photos)) % 2:
                pixels = pixels[:, ::-1]
            height_px = min(pixels.shape[0], HEIGHT_PX - y)
            width_px = min(pixels.shape[1], WIDTH_PX - x)
            canvas[y : y + height_px, x : x + width_px] = pixels[-height_px:, :width_px]
            x, row_px, number = x + width_px, min(row_px, height_px), number + 1
        y += row_px
    return canvas


def make_patches(
    rng: np.random.Generator, covers: Sequence[AnnotatedPhoto], walls: Sequence[AnnotatedPhoto]
) -> list[Patch]:
    """Return the close-ups for one canvas, walls first because they need the most room."""
    boxes = [(photo, one) for photo in covers for one in photo.annotations]
    chosen_walls = [walls[i] for i in rng.choice(len(walls), WALLS, replace=False)]
    chosen = [boxes[i] for i in rng.choice(len(boxes), COVERS, replace=len(boxes) < COVERS)]
    made = [cut_wall(photo, rng.uniform(*WALL_SCALE)) for photo in chosen_walls]
    for photo, one in chosen:
        longest = float(np.exp(rng.uniform(*np.log(COVER_PX))))
        patch = cut_cover(photo, one.hazard_class, one.box, longest)
        made += [patch] if patch else []
    return made


def cut_wall(photo: AnnotatedPhoto, scale: float) -> Patch:
    """Return a whole labelled photo made smaller, soft at its edge."""
    pixels = _shrink(_read(photo.path), scale)
    boxes = tuple(
        KnownBox(one.hazard_class, BBox(*(side * scale for side in one.box.xyxy)))
        for one in photo.annotations
    )
    return Patch(pixels, _fade_edges(pixels.shape[0], pixels.shape[1]), boxes)


def cut_cover(
    photo: AnnotatedPhoto, hazard_class: HazardClass, box: BBox, longest_px: float
) -> Patch | None:
    """Return a cover with the ground round it, shrunk; None where it would have to be enlarged."""
    scale = longest_px / max(box.width_px, box.height_px)
    if scale > 1.0:
        return None
    (x, y), side = box.center, CONTEXT * max(box.width_px, box.height_px) / 2
    cut = BBox(x - side, y - side, x + side, y + side).clip(photo.width_px, photo.height_px)
    x_min, y_min, x_max, y_max = (round(one) for one in cut.xyxy)
    pixels = _shrink(_read(photo.path)[y_min:y_max, x_min:x_max], scale)
    moved = box.shift(-x_min, -y_min)
    found = KnownBox(hazard_class, BBox(*(one * scale for one in moved.xyxy)))
    return Patch(pixels, _fade_edges(pixels.shape[0], pixels.shape[1]), (found,))


def _read(path: Path) -> Pixels:
    """Return ``(H, W, 3)`` BGR pixels."""
    pixels = cv2.imread(str(path))
    if pixels is None:
        message = f"{path} cannot be read as an image."
        raise CorruptImageError(message, remedy="Check the shared folder.")
    return np.asarray(pixels, dtype=np.uint8)


def _shrink(pixels: Pixels, scale: float) -> Pixels:
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def _fade_edges(height_px: int, width_px: int) -> NDArray[np.float32]:
    """Return weights that rise from the border inwards over a twelfth of the shorter side."""
    rim = max(2.0, min(height_px, width_px) / 12)
    down = np.minimum(np.arange(height_px), np.arange(height_px)[::-1])
    across = np.minimum(np.arange(width_px), np.arange(width_px)[::-1])
    nearest = np.minimum(down[:, None], across[None, :])
    return np.asarray(np.clip((nearest + 0.5) / rim, 0.0, 1.0), dtype=np.float32)


def paste_patches(
    rng: np.random.Generator, canvas: Pixels, patches: Sequence[Patch]
) -> list[KnownBox]:
    """Blend patches into ``canvas`` where there is room; return their boxes in its pixels."""
    taken = np.zeros(canvas.shape[:2], dtype=bool)
    boxes: list[KnownBox] = []
    for patch in patches:
        height_px, width_px = patch.pixels.shape[:2]
        spot = _choose_spot(rng, canvas, taken, (height_px, width_px))
        if spot is None:
            continue
        x, y = spot
        _blend(canvas, patch, x, y)
        taken[y : y + height_px, x : x + width_px] = True
        boxes += [KnownBox(one.hazard_class, one.box.shift(x, y)) for one in patch.boxes]
    return boxes


def _choose_spot(
    rng: np.random.Generator, canvas: Pixels, taken: NDArray[np.bool_], size: tuple[int, int]
) -> tuple[int, int] | None:
    """Return the free spot with the least colour and texture, or None where none is free."""
    best, spot = np.inf, None
    height_px, width_px = size
    for _ in range(SPOTS):
        x = int(rng.integers(0, canvas.shape[1] - width_px))
        y = int(rng.integers(int(SKY_SHARE * canvas.shape[0]), canvas.shape[0] - height_px))
        if taken[y : y + height_px, x : x + width_px].any():
            continue
        under = canvas[y : y + height_px : 2, x : x + width_px : 2].astype(np.float32)
        if under.mean() > BRIGHT:
            continue
        grey = under.mean(axis=2)
        colour = float((under.max(axis=2) - under.min(axis=2)).mean())
        cost = colour + float(grey.std())
        if cost < best:
            best, spot = cost, (x, y)
    return spot


def _blend(canvas: Pixels, patch: Patch, x: int, y: int) -> None:
    """Lay a patch over the canvas, its brightness half way to that of what it covers."""
    height_px, width_px = patch.pixels.shape[:2]
    under = canvas[y : y + height_px, x : x + width_px].astype(np.float32)
    over = patch.pixels.astype(np.float32)
    over += (under.mean() - over.mean()) / 2
    alpha = patch.alpha[..., None]
    mixed = alpha * over + (1 - alpha) * under
    canvas[y : y + height_px, x : x + width_px] = np.clip(mixed, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    for wanted in SEEDS:
        path = find_mosaics(wanted)
        count = sum(len(boxes) for boxes in read_known(path).values())
        sys.stdout.write(f"{path}: {count} known boxes\n")
