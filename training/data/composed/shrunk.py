"""Close-ups made as small as a drone sees them, let into ground that goes on around them.

A whole stretch of the photo comes along (people, cones, a lid beside its opening), so unlike a
pasted cover a shrunk one keeps its surroundings and its own view.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.composed_settings import ShrunkSource
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.composed.blend import describe_ground
from training.data.composed.covers import FloatImage
from training.data.composed.grounds import GroundMaker
from training.data.composed.scenes import Scene, draw_class, draw_ground, find_spot
from training.data.pixels import read_pixels

Rng = np.random.Generator

_MARGIN = (0.25, 0.7)
_MIN_MARGIN = 0.15
_GAIN_BOUNDS = (0.45, 1.9)
_MOST_CLOSE_UPS = 3


@dataclass(frozen=True, slots=True)
class CloseUp:
    """A photo whose boxes all keep some ground around them, so that its edge can fade."""

    photo: AnnotatedPhoto
    bounds: BBox
    room_px: float

    @property
    def largest_px(self) -> float:
        """Longer side of its largest box."""
        return max(max(item.box.width_px, item.box.height_px) for item in self.photo.annotations)


def list_close_ups(photos: Sequence[AnnotatedPhoto], side: str = "train") -> list[CloseUp]:
    """Return the photos that can be let into other ground.

    Raises:
        InvalidInputError: a photo is on another side than the scenes will be.
    """
    found = []
    for photo in photos:
        if photo.split != side:
            message = f"{photo.name} is on the {photo.split} side."
            raise InvalidInputError(message, remedy=f"Only {side} photos may be shrunk.")
        if photo.is_negative:
            continue
        boxes = [item.box for item in photo.annotations]
        bounds = BBox(
            min(box.x_min for box in boxes),
            min(box.y_min for box in boxes),
            max(box.x_max for box in boxes),
            max(box.y_max for box in boxes),
        )
        room_px = min(
            bounds.x_min,
            bounds.y_min,
            photo.width_px - bounds.x_max,
            photo.height_px - bounds.y_max,
        )
        if room_px >= _MIN_MARGIN * max(bounds.width_px, bounds.height_px):
            found.append(CloseUp(photo, bounds, room_px))
    return found


def compose_shrunk(
    rng: Rng,
    close_ups: Sequence[CloseUp],
    makers: Sequence[GroundMaker],
    source: ShrunkSource,
) -> Scene:
    """Draw a ground and let one to three shrunk close-ups into it."""
    ground = draw_ground(rng, makers)
    canvas = ground.pixels.copy()
    cover_px = math.exp(rng.uniform(*np.log(source.cover_px)))
    annotations = list(ground.annotations)
    taken = [item.box for item in annotations]
    cut_from = []
    for _ in range(int(rng.integers(1, _MOST_CLOSE_UPS + 1))):
        close_up = _draw_close_up(rng, close_ups)
        patch, moved = _shrink(rng, close_up, cover_px * rng.uniform(0.8, 1.25))
        height_px, width_px = patch.shape[:2]
        tilt = height_px / width_px
        spot = find_spot(rng, replace(ground, tilt=(tilt, tilt)), canvas, width_px, taken)
        if spot is None:
            continue
        x, y = round(spot.box.x_min), round(spot.box.y_min)
        place = BBox(x, y, x + width_px, y + height_px)
        _let_in(rng, canvas, patch, [item.box for item in moved], place)
        annotations += [replace(item, box=item.box.shift(x, y)) for item in moved]
        cut_from.append(close_up.photo.name)
        taken.append(place)
    return Scene(canvas, tuple(annotations), ground.origin, tuple(cut_from), ())


def _draw_close_up(rng: Rng, close_ups: Sequence[CloseUp]) -> CloseUp:
    def shows(close_up: CloseUp, key: HazardClass) -> bool:
        return any(item.hazard_class is key for item in close_up.photo.annotations)

    present = {item.hazard_class for one in close_ups for item in one.photo.annotations}
    key = draw_class(rng, present)
    fitting = [close_up for close_up in close_ups if shows(close_up, key)]
    return fitting[int(rng.integers(len(fitting)))]


def _shrink(
    rng: Rng, close_up: CloseUp, cover_px: float
) -> tuple[FloatImage, tuple[Annotation, ...]]:
    """Return the surroundings of the boxes, shrunk, and the boxes in their pixels."""
    photo, bounds = close_up.photo, close_up.bounds
    wanted = float(rng.uniform(*_MARGIN)) * max(bounds.width_px, bounds.height_px)
    left, top = max(0.0, bounds.x_min - wanted), max(0.0, bounds.y_min - wanted)
    right = min(float(photo.width_px), bounds.x_max + wanted)
    bottom = min(float(photo.height_px), bounds.y_max + wanted)
    rows, columns = slice(int(top), int(bottom)), slice(int(left), int(right))
    crop = read_pixels(photo.path)[rows, columns]
    scale = min(1.0, cover_px / close_up.largest_px)
    size = (max(8, round(crop.shape[1] * scale)), max(8, round(crop.shape[0] * scale)))
    patch = cv2.resize(crop, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    x_scale, y_scale = size[0] / crop.shape[1], size[1] / crop.shape[0]
    moved = tuple(
        Annotation(
            item.hazard_class,
            BBox(
                (item.box.x_min - columns.start) * x_scale,
                (item.box.y_min - rows.start) * y_scale,
                (item.box.x_max - columns.start) * x_scale,
                (item.box.y_max - rows.start) * y_scale,
            ).clip(*size),
        )
        for item in photo.annotations
    )
    return patch, moved


def _let_in(
    rng: Rng, canvas: FloatImage, patch: FloatImage, boxes: Sequence[BBox], place: BBox
) -> None:
    """Blend a patch into the canvas (in place) so that its ground takes the tone of that there."""
    x, y = int(place.x_min), int(place.y_min)
    height_px, width_px = patch.shape[:2]
    region = canvas[y : y + height_px, x : x + width_px]
    look = describe_ground(canvas, place)
    rim = np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]])
    gain = np.clip(look.mean_rgb / np.maximum(np.median(rim, axis=0), 8.0), *_GAIN_BOUNDS)
    lit = np.clip(patch * (0.5 * gain + 0.5 * float(gain.mean())), 0, 245)
    weight = _fade(rng, (height_px, width_px), boxes)
    region += (_match_seam(lit, region, weight) - region) * weight[..., None]


def _match_seam(patch: FloatImage, region: FloatImage, weight: FloatImage) -> FloatImage:
    """Return the patch with its edge bent to the tones of the region, as a Poisson blend does.

    Half of the bend only: all of it would pull the colours of a road into the cover.
    """
    mask = np.where(weight > 0.0, 255, 0).astype(np.uint8)
    x, y, width_px, height_px = cv2.boundingRect(mask)
    bent = cv2.seamlessClone(
        patch.astype(np.uint8),
        np.clip(region, 0, 255).astype(np.uint8),
        mask,
        (x + width_px // 2, y + height_px // 2),
        cv2.NORMAL_CLONE,
    )
    return np.asarray((patch + bent) / 2, dtype=np.float32)


def _fade(rng: Rng, size: tuple[int, int], boxes: Sequence[BBox]) -> FloatImage:
    """Return weights ``size`` (rows, columns): 1 in the boxes, 0 at the border, wobbly between.

    The border itself is 0, so that nothing of it shows.
    """
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    outer = np.minimum(
        np.minimum(rows, size[0] - rows) - 1.0, np.minimum(columns, size[1] - columns) - 1.0
    )
    inner = np.full(size, np.inf)
    for box in boxes:
        aside_x = np.maximum(np.maximum(box.x_min - columns, columns - box.x_max), 0.0)
        aside_y = np.maximum(np.maximum(box.y_min - rows, rows - box.y_max), 0.0)
        inner = np.minimum(inner, np.hypot(aside_x, aside_y))
    inside = outer / np.maximum(outer + inner, 1e-6)
    wobble = cv2.GaussianBlur(rng.normal(size=size), (0, 0), 2.0 + min(size) / 20)
    wobble = wobble / max(float(wobble.std()), 1e-6)
    weight = np.clip((inside + 0.12 * wobble * (inside < 1.0) - 0.15) / 0.55, 0.0, 1.0)
    weight[outer <= 0.0] = 0.0
    return np.asarray(weight * weight * (3 - 2 * weight), dtype=np.float32)
