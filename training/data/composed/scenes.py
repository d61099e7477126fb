"""Composed photos: where a thing may lie, and how a scene becomes a training photo."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.composed.blend import Spot, describe_ground
from training.data.composed.covers import FloatImage
from training.data.composed.grounds import Ground, GroundMaker, contains
from training.data.following import follow
from training.data.notes import write_note
from training.data.sources import read_header

Rng = np.random.Generator

CLASS_SHARES = {
    HazardClass.MANHOLE_OK: 0.3,
    HazardClass.MANHOLE_BROKEN: 0.33,
    HazardClass.MANHOLE_MISSING: 0.37,
}
"""Real data hold six intact and five missing covers for each broken one."""

_QUALITY = (72, 95)
_TRIES = 40
_GAP = 1.3
_MAX_UNEVENNESS = 20.0
_MAX_TEXTURE = 26.0
_MAX_SATURATION = 50.0
_BRIGHTNESS = (60.0, 225.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """One composed photo, what is boxed in it, and what it was made of."""

    pixels: FloatImage
    annotations: tuple[Annotation, ...]
    ground: str
    cut_from: tuple[str, ...]
    confusers: tuple[str, ...]


def write_scenes(
    compose: Callable[[Rng], Scene],
    seeds: Collection[int],
    out_dir: Path,
    *,
    dataset: str,
    side: str = "train",
) -> list[AnnotatedPhoto]:
    """Compose one scene a seed into ``out_dir`` and return them, for one side of a split.

    The note beside them names every photo that a thing or a ground was taken from.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    photos, scenes = [], []
    for seed in follow(seeds, "Composing scenes"):
        rng = np.random.default_rng(seed)
        scene = compose(rng)
        photos.append(_write(rng, scene, out_dir / f"{dataset}_{seed:06d}.jpg", dataset, side))
        scenes.append(scene)
    write_note(out_dir, describe_scenes(scenes))
    return photos


def draw_ground(rng: Rng, makers: Sequence[GroundMaker]) -> Ground:
    """Draw a ground, each kind as often as its share says."""
    shares = np.array([maker.share for maker in makers])
    return makers[int(rng.choice(len(makers), p=shares / shares.sum()))].make(rng)


def draw_class(rng: Rng, present: Iterable[HazardClass]) -> HazardClass:
    """Draw one of the classes that there are, each as often as ``CLASS_SHARES`` says."""
    shown = set(present)
    keys = [key for key in CLASS_SHARES if key in shown]
    shares = np.array([CLASS_SHARES[key] for key in keys])
    return keys[int(rng.choice(len(keys), p=shares / shares.sum()))]


def find_spot(
    rng: Rng, ground: Ground, canvas: FloatImage, width_px: float, taken: Sequence[BBox]
) -> Spot | None:
    """Return the evenest of some random places that look like paving; None where there is none."""
    height, width = canvas.shape[:2]
    best, best_cost = None, math.inf
    for _ in range(_TRIES):
        tilt = float(rng.uniform(*ground.tilt))
        spot = Spot(float(rng.uniform(0, width)), float(rng.uniform(0, height)), width_px, tilt)
        if not contains(ground, spot.box) or any(_is_near(spot.box, other) for other in taken):
            continue
        look = describe_ground(ground.pixels, spot.box)
        if (
            look.unevenness > _MAX_UNEVENNESS
            or look.texture > _MAX_TEXTURE
            or look.saturation > _MAX_SATURATION
            or not _BRIGHTNESS[0] < float(look.mean_rgb.mean()) < _BRIGHTNESS[1]
        ):
            continue
        # Luck weighs as much as evenness: covers lie beside kerbs and markings too.
        cost = look.unevenness + 0.3 * look.saturation + rng.uniform(0, 20)
        if cost < best_cost:
            best, best_cost = spot, cost
    return best


def _is_near(box: BBox, other: BBox) -> bool:
    (x, y), (other_x, other_y) = box.center, other.center
    return (
        abs(x - other_x) < _GAP * (box.width_px + other.width_px) / 2
        and abs(y - other_y) < _GAP * (box.height_px + other.height_px) / 2
    )


def _write(rng: Rng, scene: Scene, path: Path, dataset: str, side: str) -> AnnotatedPhoto:
    quality = int(rng.integers(*_QUALITY))
    pixels = np.clip(scene.pixels, 0, 255).astype(np.uint8)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    header = read_header(path, dataset=dataset, split=side, group=path.stem)
    return replace(header, annotations=scene.annotations)


def describe_scenes(scenes: Sequence[Scene]) -> dict[str, object]:
    """Return what the scenes hold and where it came from."""
    boxes = Counter(item.hazard_class.value for scene in scenes for item in scene.annotations)
    return {
        "scenes": len(scenes),
        "boxes": dict(boxes),
        "confusers": dict(Counter(name for scene in scenes for name in scene.confusers)),
        "covers_from": dict(Counter(name for scene in scenes for name in scene.cut_from)),
        "grounds_from": dict(Counter(scene.ground for scene in scenes)),
    }
