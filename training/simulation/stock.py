"""The photos of a simulated loop: what can be labelled, what is measured, and all as tiles."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import Tile
from detection.tiling import cut_tile
from training.data.annotation import AnnotatedPhoto
from training.data.pixels import read_pixels
from training.data.sources import load_dataset, read_catalogue
from training.fitting.launch import find_start
from training.simulation.plan import LoopPlan


@dataclass(frozen=True, slots=True)
class Stock:
    """Photos of both sides in a fixed order; ``tiles`` holds each whole, ``(n, px, px, 3)``.

    The first ``len(train)`` tiles are of ``train``, the others of ``val``.
    """

    plan: LoopPlan
    train: tuple[AnnotatedPhoto, ...]
    val: tuple[AnnotatedPhoto, ...]
    tiles: Path
    start: Path

    @property
    def number_of(self) -> Mapping[str, int]:
        """Number of the tile of each photo, by name."""
        return {photo.name: number for number, photo in enumerate((*self.train, *self.val))}

    def count_budget(self, fraction: float) -> int:
        """Return how many training photos a fraction is, rounded."""
        return round(fraction * len(self.train))


def open_stock(plan: LoopPlan, shared_dir: Path, folder: Path) -> Stock:
    """Read a set of the catalogue and write its tiles below ``folder``, where they are not yet.

    Raises:
        InvalidInputError: the set is missing or damaged.
        ConfigurationError: the starting weights are missing; the trainer would ask the network.
    """
    photos = sorted(
        load_dataset(read_catalogue(plan.dataset), shared_dir), key=lambda photo: photo.name
    )
    train = tuple(photo for photo in photos if photo.split == "train")
    val = tuple(photo for photo in photos if photo.split == "val")
    tiles = folder / f"tiles-{plan.image_px}.npy"
    if not tiles.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = tiles.with_suffix(f".{os.getpid()}.npy")
        np.save(part, np.stack([cut_whole(photo, plan.image_px) for photo in (*train, *val)]))
        part.replace(tiles)
    return Stock(plan, train, val, tiles, find_start(plan.started_from, shared_dir))


def fit_whole(photo: AnnotatedPhoto, tile_px: int) -> Tile:
    """Return the one tile that holds a whole photo."""
    scale = tile_px / max(photo.width_px, photo.height_px)
    return Tile(0, 0, photo.width_px, photo.height_px, scale)


def cut_whole(photo: AnnotatedPhoto, tile_px: int) -> NDArray[np.uint8]:
    """Return a whole photo as one tile, ``(px, px, 3)`` RGB."""
    return cut_tile(read_pixels(photo.path), fit_whole(photo, tile_px), tile_px)


def take_named(photos: Iterable[AnnotatedPhoto], names: Iterable[str]) -> list[AnnotatedPhoto]:
    """Return the photos of these names, in the order of the photos."""
    wanted = set(names)
    return [photo for photo in photos if photo.name in wanted]
