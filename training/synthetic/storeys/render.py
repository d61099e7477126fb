"""From seeds to photos and labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import BBox
from training.synthetic.camera import Array
from training.synthetic.rasterize import Image
from training.synthetic.sensor import develop, draw_look, encode_jpeg
from training.synthetic.storeys.blender import Studio
from training.synthetic.storeys.draws import chance
from training.synthetic.storeys.grounds import lay_ground
from training.synthetic.storeys.labels import box_things, write_rows
from training.synthetic.storeys.street import Street, build_street
from training.synthetic.storeys.surfaces import Wardrobe
from training.synthetic.storeys.view import draw_camera, draw_daylight
from training.synthetic.textures import Rng

# The wardrobe is part of the seed: no street of one is a street of the other.
WARDROBE_KEY = {"train": 11, "held_out": 23}

GROUND_SHARE = 0.4
HAZE_M = 45.0
"""How far away everything is for the haze; photos are square cut-outs of one distance."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A finished photo ``(h, w, 3)``, its boxes, and the JPEG quality to store it with."""

    photo: Image
    boxes: list[BBox]
    quality: int


def render_seeds(
    out_dir: Path,
    seeds: Iterable[int],
    *,
    wardrobe: Wardrobe,
    photos: int,
    size_px: int,
    samples: int,
    threads: int,
    grounds: Sequence[Path] = (),
) -> None:
    """Write ``photos`` photos of one street per seed as ``images/*.jpg`` and ``labels/*.txt``.

    A seed whose last photo is there is done. A photo is written after its labels, so what was cut
    off is made again. Real ``grounds`` are laid under a share of the photos.
    """
    for name in ("images", "labels"):
        (out_dir / name).mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        if (out_dir / "images" / f"{_stem(seed, photos - 1)}.jpg").exists():
            continue
        key = (seed, WARDROBE_KEY[wardrobe])
        rng = np.random.default_rng(key)
        street = build_street(rng, wardrobe)
        studio = Studio(street, samples=samples, threads=threads)
        # Draws of their own: a street looks the same on real ground and on its own.
        grounding = Grounding(np.random.default_rng((*key, 1)), grounds)
        for index in range(photos):
            shot = _shoot(rng, street, studio, grounding, size_px)
            _write(out_dir, _stem(seed, index), shot, size_px)


@dataclass(frozen=True, slots=True)
class Grounding:
    """Which real photos may lie under the houses, and the chance that decides."""

    rng: Rng
    photos: Sequence[Path]

    def lay(self, pixels: Image, numbers: NDArray[np.uint8]) -> Image:
        """Return the photo, on real ground in a share of the calls."""
        if not self.photos or not chance(self.rng, GROUND_SHARE):
            return pixels
        ground = self.photos[int(self.rng.integers(len(self.photos)))]
        return lay_ground(self.rng, pixels, numbers, ground)


def _shoot(rng: Rng, street: Street, studio: Studio, grounding: Grounding, size_px: int) -> Shot:
    camera, light = draw_camera(rng, street, size_px), draw_daylight(rng)
    pixels, numbers = studio.photograph(camera, light)
    pixels = grounding.lay(pixels, numbers)
    look = draw_look(rng, is_wild=True)
    inverse_depth = np.full(numbers.shape, 1 / HAZE_M, dtype=np.float32)
    photo = develop(rng, pixels, inverse_depth, look)
    return Shot(photo, box_things(numbers, camera, gather_corners(street)), look.jpeg_quality)


def _write(out_dir: Path, stem: str, shot: Shot, size_px: int) -> None:
    rows = write_rows(shot.boxes, size_px)
    (out_dir / "labels" / f"{stem}.txt").write_text(rows, encoding="utf-8")
    jpeg = encode_jpeg(shot.photo, shot.quality)
    (out_dir / "images" / f"{stem}.jpg").write_bytes(jpeg)


def gather_corners(street: Street) -> dict[int, Array]:
    """Return the points ``(n, 3)`` of each addition."""
    points: dict[int, list[Array]] = {}
    for solid in street.solids:
        if solid.thing:
            points.setdefault(solid.thing, []).extend(solid.faces)
    return {thing: np.concatenate(faces) for thing, faces in points.items()}


def _stem(seed: int, index: int) -> str:
    return f"storeys_{seed:06d}_{index:02d}"
