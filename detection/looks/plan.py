"""A photo and a model to looks: tiles of one size each, and those that are left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detection.detectors.manifest import ModelManifest
from detection.domain.geometry import FloatArray, Tile
from detection.domain.hazard import COUNTABLE_THINGS
from detection.looks.shares import EVERYWHERE, GroundShare
from detection.settings import DetectionSettings
from detection.tiling import fit_side, spread_tiles, tile_photo

GRID_PX = 32
"""The coarsest grid of a model: the sides of its tiles are multiples of it."""

WIDE_FROM = 3
"""Photos of which no side is longer than so many trained tiles are looked at through trained
tiles: wide ones save little there, and close-ups are what models are judged by."""

OUTLINE_OVERLAP = 0.1
"""Enough for outlines: as many known cracks are found as with 0.2 (docs/speed.md)."""

COUNTED_M = 0.9
"""A lid of 0.7 m with its frame."""

CanHold = Callable[[Sequence[Tile], ModelManifest], NDArray[np.bool_]]
"""Which of the tiles of a photo could hold what a model looks for, ``(n,)``."""

TileGsd = Callable[[Sequence[Tile]], FloatArray]
"""The finest ground sampling distance in each tile of a photo, ``(n,)`` metres a pixel."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one model sees of one photo through tiles of one size.

    ``size_px`` is width and height of the model's input, ``scale`` model pixels per photo pixel.
    ``skipped`` are the tiles that are not looked at, because they can hold nothing.
    """

    size_px: tuple[int, int]
    scale: float
    tiles: tuple[Tile, ...]
    skipped: tuple[Tile, ...] = ()


def plan_looks(
    width_px: int,
    height_px: int,
    manifest: ModelManifest,
    settings: DetectionSettings,
    *,
    gsd_m: float | None = None,
    can_hold: CanHold | None = None,
    share: GroundShare = EVERYWHERE,
    tile_gsd: TileGsd | None = None,
) -> tuple[Look, ...]:
    """Return the looks of a model at a photo: through its tiles, then at the whole made small.

    Tiles of ground that is not the model's ``share`` are another model's, and not in its looks at
    all; ``tile_gsd`` tells which. A photo without a tile of its own it does not look at.

    ``gsd_m`` is the finest ground sampling distance of the photo: a model that learned coarser
    ones alone sees it made smaller. ``can_hold`` says which tiles could hold something; the whole
    photo is looked at in any case.
    """
    scale = choose_scale(manifest, gsd_m) if settings.scale_by_gsd else 1.0
    overlap = choose_overlap(manifest, settings, None if gsd_m is None else gsd_m / scale)
    size_px, tiles = _cut_up(
        width_px, height_px, manifest.tile_px, settings, scale=scale, overlap=overlap
    )
    own = share.find_own(None if tile_gsd is None else tile_gsd(tiles), len(tiles))
    tiles = [tile for tile, is_own in zip(tiles, own, strict=True) if is_own]
    if not tiles:
        return ()
    trained = (manifest.tile_px, manifest.tile_px)
    if len(own) == 1 and size_px == trained:
        return (Look(trained, tiles[0].scale, tuple(tiles)),)
    held = np.ones(len(tiles), np.bool_) if can_hold is None else can_hold(tiles, manifest)
    kept = tuple(tile for tile, wanted in zip(tiles, held, strict=True) if wanted)
    skipped = tuple(tile for tile, wanted in zip(tiles, held, strict=True) if not wanted)
    look = Look(size_px, tiles[0].scale, kept, skipped)
    if not settings.include_overview:
        return (look,)
    fitting = manifest.tile_px / max(width_px, height_px)
    whole = Tile(0, 0, width_px, height_px, min(scale, fitting))
    return (look, Look(trained, whole.scale, (whole,)))


def choose_scale(manifest: ModelManifest, gsd_m: float | None) -> float:
    """Return how much smaller a photo is made, so that no pixel is finer than the model learned."""
    if gsd_m is None or manifest.finest_gsd_m is None:
        return 1.0
    return min(1.0, gsd_m / manifest.finest_gsd_m)


def choose_overlap(
    manifest: ModelManifest, settings: DetectionSettings, gsd_m: float | None
) -> float:
    """Return the share of a tile that neighbours see both: no more than what is sought needs.

    Outlines are joined across seams, so they need only meet. Of things that are counted the
    largest should be whole in one tile, where ``gsd_m``, metres a model pixel, tells how large that
    is. Boxes of anything else cannot be joined from pieces, so they have the whole ``overlap``.
    """
    if not settings.narrow_overlap:
        return settings.overlap
    if manifest.task == "segment":
        return min(settings.overlap, OUTLINE_OVERLAP)
    if gsd_m is None or any(key.thing not in COUNTABLE_THINGS for key in manifest.classes):
        return settings.overlap
    return min(settings.overlap, COUNTED_M / gsd_m / manifest.tile_px)


def _cut_up(
    width_px: int,
    height_px: int,
    trained_px: int,
    settings: DetectionSettings,
    *,
    scale: float,
    overlap: float,
) -> tuple[tuple[int, int], list[Tile]]:
    """Return the size of a model's input and the tiles of a photo, without the overview.

    Wide tiles overlap by as many pixels as trained ones. At full size their sides are fitted to
    the photo; of a photo made smaller, by a scale of its own, they are multiples of the trained
    side, so that a flight does not ask for another size with each photo.
    """
    lengths_px = [int(length * scale) for length in (width_px, height_px)]
    if settings.tile_factor == 1 or max(lengths_px) <= WIDE_FROM * trained_px:
        tiles = tile_photo(
            width_px,
            height_px,
            tile_px=trained_px,
            overlap=overlap,
            include_overview=False,
            scale=scale,
        )
        return (trained_px, trained_px), tiles
    overlap_px = math.ceil(overlap * trained_px)
    fit = partial(
        fit_side,
        trained_px=trained_px,
        overlap_px=overlap_px,
        widest_px=settings.tile_factor * trained_px,
        step_px=GRID_PX if scale == 1.0 else trained_px,
    )
    size_px = (fit(lengths_px[0]), fit(lengths_px[1]))
    tiles = spread_tiles(width_px, height_px, size_px=size_px, overlap_px=overlap_px, scale=scale)
    return size_px, tiles
