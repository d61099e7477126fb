"""Crops around what people decided, so that nothing else of a photo is taken for background.

A decision speaks of one box. What else a photo shows nobody looked for, unless somebody searched
it whole. So a photo becomes crops around its decided boxes, at the scale at which a model sees
them; undecided boxes inside a crop are filled with grey, and so is a thing of which a crop shows
only a piece.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from detection.domain.geometry import BBox, Polygon, Tile
from detection.domain.hazard import HazardClass
from detection.tiling import PAD_VALUE, cut_tile, tile_photo, tile_xyxy_from_photo
from training.data.annotation import Annotation
from training.data.decided import DecidedLabel, DecidedPhoto
from training.data.importers.rings import join_rings
from training.data.known import MIN_SIDE_PX, MIN_VISIBLE
from training.data.negatives import JPEG_QUALITY

CONTEXT = 1.5
"""How many times as wide as its thing a crop is, where the thing does not fit at full size."""

SHIFTS = ((0.0, 0.0), (-0.25, -0.2), (0.25, 0.2), (-0.2, 0.25), (0.2, -0.25))
"""Where else a crop lies, in shares of its side: a model must not learn that the middle counts."""

Meaning = Literal["there", "background", "unknown"]
Rejected = Literal["mask", "background"]


@dataclass(frozen=True, slots=True)
class CropRules:
    """What a set learns and how it is cut.

    ``classes`` are those it learns. ``outlines``: every label must have one. ``crop_px`` is the
    side of a crop, ``views`` how many differently placed ones a thing gets for training. A
    rejected cover may be a whole one, so where the set learns that class too ``rejected_covers``
    says whether its place is greyed or taught as background.
    """

    classes: tuple[HazardClass, ...]
    outlines: bool = False
    crop_px: int = 640
    views: int = 1
    rejected_covers: Rejected = "mask"


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a photo with what it shows.

    ``labels`` are those that it teaches, in the order of ``annotations``; ``refused`` the rejected
    things that lie in it; ``masks`` what is greyed, in pixels of the crop.
    """

    photo: DecidedPhoto
    tile: Tile
    annotations: tuple[Annotation, ...]
    labels: tuple[DecidedLabel, ...]
    refused: tuple[DecidedLabel, ...]
    masks: tuple[BBox, ...] = field(default=())

    @property
    def name(self) -> str:
        """File name, from the hash of the original and the place of the crop."""
        tile = self.tile
        scale = "" if tile.scale == 1.0 else f"_{round(tile.scale * 1e6)}"
        return f"{self.photo.facts.sha256[:16]}_{tile.x_min}_{tile.y_min}{scale}.jpg"


def read_meaning(label: DecidedLabel, rules: CropRules) -> tuple[Meaning, str]:
    """Return what a label teaches a set, and why where it teaches nothing."""
    if label.hazard_class not in rules.classes:
        return "unknown", "other_class"
    if label.is_there:
        if rules.outlines and not label.rings:
            return "unknown", "without_outline"
        return "there", ""
    may_be_harmless = any(
        key.thing == label.hazard_class.thing and not key.is_hazard for key in rules.classes
    )
    if may_be_harmless and rules.rejected_covers == "mask":
        return "unknown", "may_be_a_whole_cover"
    return "background", ""


def cut_crops(photo: DecidedPhoto, rules: CropRules) -> list[Crop]:
    """Return the crops of a photo; none where nothing that the set learns was decided on it."""
    if rules.classes and photo.searched_for >= set(rules.classes):
        tiles = _cover_whole(photo, rules)
        return _thin_quiet([_fill_crop(photo, tile, rules) for tile in tiles])
    taught = [label for label in photo.labels if read_meaning(label, rules)[0] != "unknown"]
    tiles = _cover_things(photo, [label.box for label in taught], rules)
    crops = [_fill_crop(photo, tile, rules) for tile in tiles]
    return [crop for crop in crops if crop.annotations or crop.refused]


def count_left_out(photo: DecidedPhoto, rules: CropRules) -> Counter[str]:
    """Return why labels and boxes of a photo teach a set nothing, with their numbers."""
    found = Counter(why for label in photo.labels if (why := read_meaning(label, rules)[1]))
    things = {key.thing for key in rules.classes}
    found.update(item.why for item in photo.undecided if item.hazard_class.thing in things)
    return found


def write_crop(crop: Crop, pixels: NDArray[np.uint8], folder: Path, crop_px: int) -> Path:
    """Write the pixels of a crop, with what may not be learnt greyed, as a JPEG."""
    tile = crop.tile
    height_px, width_px = _size_of(tile, crop_px)
    cut = cut_tile(pixels, tile, crop_px)[:height_px, :width_px].copy()
    spared = [_in_tile(label.box, tile) for label in (*crop.labels, *crop.refused)]
    _grey(cut, crop.masks, spared)
    path = folder / crop.name
    bgr = cv2.cvtColor(cut, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return path


def _grey(pixels: NDArray[np.uint8], masks: Sequence[BBox], spared: Sequence[BBox]) -> None:
    """Fill boxes with the grey of padding, but for what lies in a box that is taught."""
    hidden = np.zeros(pixels.shape[:2], dtype=np.bool_)
    for value, boxes in ((True, masks), (False, spared)):
        for box in boxes:
            rows = slice(max(0, int(box.y_min)), max(0, ceil(box.y_max)))
            hidden[rows, max(0, int(box.x_min)) : max(0, ceil(box.x_max))] = value
    pixels[hidden] = PAD_VALUE


def _size_of(tile: Tile, crop_px: int) -> tuple[int, int]:
    sides = (tile.y_max - tile.y_min, tile.x_max - tile.x_min)
    height_px, width_px = (min(crop_px, max(1, round(side * tile.scale))) for side in sides)
    return height_px, width_px


def _cover_whole(photo: DecidedPhoto, rules: CropRules) -> list[Tile]:
    return tile_photo(
        photo.facts.width_px, photo.facts.height_px, tile_px=rules.crop_px, overlap=0.1
    )


def _thin_quiet(crops: Sequence[Crop]) -> list[Crop]:
    """Return the tiles that show something, and as many of the others (one at least)."""
    shows = [crop for crop in crops if crop.annotations or crop.refused]
    quiet = [crop for crop in crops if not (crop.annotations or crop.refused)]
    step = max(1, len(quiet) // max(1, len(shows)))
    return [*shows, *quiet[::step][: max(1, len(shows))]]


def _cover_things(photo: DecidedPhoto, boxes: Sequence[BBox], rules: CropRules) -> list[Tile]:
    """Return windows so that each box lies whole in one, for each way of placing them."""
    tiles: dict[Tile, None] = {}
    for shift in SHIFTS[: rules.views]:
        placed: list[Tile] = []
        for box in boxes:
            tile = _window(photo, box, rules.crop_px, shift)
            if not any(_holds(other, box) and other.scale == tile.scale for other in placed):
                placed.append(tile)
        tiles.update(dict.fromkeys(placed))
    return list(tiles)


def _window(photo: DecidedPhoto, box: BBox, crop_px: int, shift: tuple[float, float]) -> Tile:
    longest = max(box.width_px, box.height_px)
    side = crop_px if longest <= crop_px else ceil(CONTEXT * longest)
    sizes = (photo.facts.width_px, photo.facts.height_px)
    starts = []
    for centre, share, size, low, high in zip(
        box.center, shift, sizes, box.xyxy[:2], box.xyxy[2:], strict=True
    ):
        start = centre - side / 2 + share * side
        start = min(max(start, high - side), low)  # the thing stays whole
        starts.append(round(min(max(start, 0.0), max(0.0, size - side))))
    x, y = starts
    x_max, y_max = (min(start + side, size) for start, size in zip(starts, sizes, strict=True))
    return Tile(x, y, x_max, y_max, 1.0 if side == crop_px else crop_px / side)


def _holds(tile: Tile, box: BBox) -> bool:
    inside_x = tile.x_min <= box.x_min and box.x_max <= tile.x_max
    return inside_x and tile.y_min <= box.y_min and box.y_max <= tile.y_max


def _in_tile(box: BBox, tile: Tile) -> BBox:
    return BBox(*tile_xyxy_from_photo(np.array([box.xyxy]), tile)[0].tolist())


def _fill_crop(photo: DecidedPhoto, tile: Tile, rules: CropRules) -> Crop:
    height_px, width_px = _size_of(tile, rules.crop_px)
    crop = Crop(photo, tile, (), (), ())
    things = {key.thing for key in rules.classes}
    masks = [
        _in_tile(item.box, tile) for item in photo.undecided if item.hazard_class.thing in things
    ]
    shown: list[tuple[Annotation, DecidedLabel]] = []
    refused = []
    for label in photo.labels:
        box = _in_tile(label.box, tile)
        seen = box.clip(width_px, height_px)
        if seen.area_px <= 0:
            continue
        meaning, _ = read_meaning(label, rules)
        annotation = _cut_label(label, box, seen, tile, rules) if meaning == "there" else None
        if annotation is not None:
            shown.append((annotation, label))
        elif meaning == "background":
            if seen.area_px >= MIN_VISIBLE * box.area_px:
                refused.append(label)
        elif label.hazard_class.thing in things:
            masks.append(box)
    return replace(
        crop,
        annotations=tuple(annotation for annotation, _ in shown),
        labels=tuple(label for _, label in shown),
        refused=tuple(refused),
        masks=tuple(masks),
    )


def _cut_label(
    label: DecidedLabel, box: BBox, seen: BBox, tile: Tile, rules: CropRules
) -> Annotation | None:
    """Return what a crop shows of a thing; None where that is too little to be boxed."""
    if seen.area_px < MIN_VISIBLE * box.area_px or min(seen.width_px, seen.height_px) < MIN_SIDE_PX:
        return None
    if not rules.outlines:
        return Annotation(label.hazard_class, seen)
    rings = list(_cut_rings(label.rings, tile, _size_of(tile, rules.crop_px)))
    if not rings:
        return None
    ring = tuple((float(x), float(y)) for x, y in join_rings(rings))
    xs, ys = zip(*ring, strict=True)
    return Annotation(label.hazard_class, BBox(min(xs), min(ys), max(xs), max(ys)), ring)


def _cut_rings(rings: Sequence[Polygon], tile: Tile, size_px: tuple[int, int]) -> Iterator[Polygon]:
    """Yield the pieces of an outline that lie in a crop, in its pixels."""
    height_px, width_px = size_px
    for ring in rings:
        moved = [((x - tile.x_min) * tile.scale, (y - tile.y_min) * tile.scale) for x, y in ring]
        shape = shapely.make_valid(shapely.Polygon(moved))
        inside = shapely.clip_by_rect(shape, 0, 0, width_px, height_px)
        for part in shapely.get_parts(inside):
            if part.geom_type == "Polygon" and part.area > 0:
                yield tuple(part.exterior.coords[:-1])
