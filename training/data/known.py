"""Things that a flight without defects does show, found by eye: ``datasets/flights/*.csv``."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox, Tile
from detection.domain.hazard import HazardClass
from detection.tiling import tile_xyxy_from_photo
from training.data.annotation import AnnotatedPhoto, Annotation

MIN_VISIBLE = 0.4
"""Share of a thing that a tile must show for its box to be kept."""

MIN_SIDE_PX = 8.0
"""Things smaller than this in a tile carry no box, as in rendered scenes."""


def add_known(
    photos: Iterable[AnnotatedPhoto], path: Path, classes: Collection[HazardClass]
) -> list[AnnotatedPhoto]:
    """Return the photos with the boxes of a list; classes that a run does not learn are left out.

    Raises:
        InvalidInputError: the list cannot be read, or a box is malformed or outside its photo.
    """
    boxes = _read_boxes(path)
    found = []
    for photo in photos:
        kept = tuple(item for item in boxes.get(photo.name, ()) if item.hazard_class in classes)
        for item in kept:
            if item.box.clip(photo.width_px, photo.height_px) != item.box:
                message = f"{path} has a box outside {photo.name}: {item.box.xyxy}."
                raise InvalidInputError(message, remedy="Boxes are in pixels of the stored photo.")
        found.append(replace(photo, annotations=kept))
    return found


def boxes_in_tile(photo: AnnotatedPhoto, tile: Tile) -> tuple[Annotation, ...]:
    """Return the boxes of a photo in pixels of a tile, cut by its border.

    A thing of which the tile shows less than ``MIN_VISIBLE``, or that is smaller than
    ``MIN_SIDE_PX`` there, is left out.
    """
    width_px = (tile.x_max - tile.x_min) * tile.scale
    height_px = (tile.y_max - tile.y_min) * tile.scale
    found = []
    for item in photo.annotations:
        moved = BBox(*tile_xyxy_from_photo(np.array([item.box.xyxy]), tile)[0].tolist())
        shown = moved.clip(width_px, height_px)
        is_seen = shown.area_px >= MIN_VISIBLE * moved.area_px
        if is_seen and min(shown.width_px, shown.height_px) >= MIN_SIDE_PX:
            found.append(Annotation(item.hazard_class, shown))
    return tuple(found)


def _read_boxes(path: Path) -> dict[str, list[Annotation]]:
    boxes: dict[str, list[Annotation]] = defaultdict(list)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                sides = [float(row[key]) for key in ("x_min", "y_min", "x_max", "y_max")]
                boxes[row["photo"]].append(Annotation(HazardClass(row["class"]), BBox(*sides)))
    except (OSError, KeyError, TypeError, ValueError) as error:
        message = f"The known things cannot be read from {path}: {error}."
        raise InvalidInputError(message, remedy="See datasets/flights/CARD.md.") from error
    return boxes
