"""Real covers and openings cut out of training photos, each with the light that it lay in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from detection.domain.errors import ConfigurationError, InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.data.pixels import read_pixels
from training.data.sources import CATALOGUE_DIR

PATCH_PX = 200
REACH = 1.25
"""Half sides of a patch per half side of the cover: a rim of the ground around it comes along."""

_RIM_FROM = 1.06
_MIN_RIM_PX = 200

Shape = Literal["round", "square"]
FloatImage = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CoverCut:
    """A cover with the rim around it, seen from above.

    ``pixels`` is ``(PATCH_PX, PATCH_PX, 3)`` RGB, the cover in its middle with a radius (or half
    side) of ``PATCH_PX / 2 / REACH``; ``ground_rgb`` the mean colour of the ground that it lay in.
    """

    hazard_class: HazardClass
    photo_name: str
    shape: Shape
    pixels: FloatImage
    ground_rgb: NDArray[np.float32]


def cut_covers(
    photos: Iterable[AnnotatedPhoto], dataset: str, catalogue_dir: Path = CATALOGUE_DIR
) -> list[CoverCut]:
    """Return the covers that ``datasets/<dataset>/pasting.yaml`` names.

    Raises:
        ConfigurationError: the file is missing or malformed, or names a box that is not there.
        InvalidInputError: a named photo is not on the train side.
    """
    path = catalogue_dir / dataset / "pasting.yaml"
    by_name = {photo.name: photo for photo in photos}
    cuts = []
    for shape, named in _read_list(path).items():
        for name, numbers in named.items():
            photo = by_name.get(name)
            if photo is None or not all(k < len(photo.annotations) for k in numbers):
                message = f"{path} names boxes {numbers} of {name}, which {dataset} does not have."
                raise ConfigurationError(message, remedy="Correct the list.")
            if photo.split != "train":
                message = f"{path} names {name}, which is on the {photo.split} side."
                raise InvalidInputError(message, remedy="Only train photos may be cut and pasted.")
            pixels = read_pixels(photo.path)
            cuts += [_cut(pixels, photo, number, shape) for number in numbers]
    return cuts


def _read_list(path: Path) -> Mapping[Shape, Mapping[str, list[int]]]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        shapes: tuple[Shape, ...] = ("round", "square")
        return {
            shape: {
                str(name): [int(k) for k in numbers] for name, numbers in document[shape].items()
            }
            for shape in shapes
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"The covers to paste cannot be read from {path}: {error}."
        raise ConfigurationError(message, remedy="See datasets/manhole/pasting.yaml.") from error


def _cut(pixels: NDArray[np.uint8], photo: AnnotatedPhoto, number: int, shape: Shape) -> CoverCut:
    item = photo.annotations[number]
    patch, is_inside = _take_patch(pixels, item.box)
    rim = is_inside & (measure_radius(PATCH_PX, shape) > _RIM_FROM)
    around = patch[rim] if rim.sum() >= _MIN_RIM_PX else pixels.reshape(-1, 3)
    ground_rgb = np.asarray(np.median(around, axis=0), dtype=np.float32)
    return CoverCut(item.hazard_class, photo.name, shape, patch, ground_rgb)


def _take_patch(pixels: NDArray[np.uint8], box: BBox) -> tuple[FloatImage, NDArray[np.bool_]]:
    """Return the square patch around a box and which of its pixels lie inside the photo."""
    (x, y), half_x, half_y = box.center, box.width_px * REACH / 2, box.height_px * REACH / 2
    height_px, width_px = pixels.shape[:2]
    scale = np.array([2 * half_x, 2 * half_y]) / PATCH_PX
    small = max(1.0, float(scale.min()))
    # A patch is far smaller than its source: shrink by whole areas first, sample then.
    reduced = cv2.resize(pixels, None, fx=1 / small, fy=1 / small, interpolation=cv2.INTER_AREA)
    steps = (np.arange(PATCH_PX) + 0.5) / PATCH_PX * 2 - 1
    columns, rows = np.meshgrid(x + steps * half_x, y + steps * half_y)
    patch = cv2.remap(
        reduced.astype(np.float32),
        (columns / small - 0.5).astype(np.float32),
        (rows / small - 0.5).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    is_inside = (columns >= 0) & (columns < width_px) & (rows >= 0) & (rows < height_px)
    return np.asarray(patch, dtype=np.float32), np.asarray(is_inside, dtype=np.bool_)


def measure_radius(side_px: int, shape: Shape) -> FloatImage:
    """Return the distance from the middle of a patch, 1 at the edge of its cover."""
    steps = ((np.arange(side_px) + 0.5) / side_px * 2 - 1) * REACH
    x, y = np.meshgrid(steps, steps)
    radius = np.hypot(x, y) if shape == "round" else np.maximum(abs(x), abs(y))
    return np.asarray(radius, dtype=np.float32)
