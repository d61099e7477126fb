"""A source of composed photos to the photos themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from training.composed_settings import PastedSource, ShrunkSource
from training.data.annotation import AnnotatedPhoto
from training.data.composed.covers import cut_covers
from training.data.composed.grounds import GroundMaker, list_makers
from training.data.composed.pasted import compose_pasted
from training.data.composed.scenes import Scene, write_scenes
from training.data.composed.shrunk import compose_shrunk, list_close_ups
from training.data.portion import keep_fraction

SetLoader = Callable[[str], Sequence[AnnotatedPhoto]]
"""Name of a catalogue set to its photos."""


def make_photos(
    source: PastedSource | ShrunkSource,
    load_set: SetLoader,
    flights: Sequence[Sequence[AnnotatedPhoto]],
    work_dir: Path,
    *,
    fraction: float = 1.0,
) -> list[AnnotatedPhoto]:
    """Compose the scenes of a source below ``work_dir``, from one side of its sets alone.

    Of a run on a ``fraction`` of the data, only photos of that part are cut and pasted on.
    """
    side = source.side if isinstance(source, ShrunkSource) else "train"
    negatives = [
        photo
        for name in source.ground_sets
        for photo in keep_fraction(load_set(name), fraction)
        if photo.split == side and photo.is_negative
    ]
    makers = list_makers(
        negatives, flights, size_px=source.size_px, width_px=source.cover_px, side=side
    )
    name, compose = _choose_composer(source, load_set, makers, fraction)
    folder = work_dir / f"{name}_{source.first_seed}"
    return write_scenes(compose, source.seeds, folder, dataset=name, side=side)


def _choose_composer(
    source: PastedSource | ShrunkSource,
    load_set: SetLoader,
    makers: Sequence[GroundMaker],
    fraction: float,
) -> tuple[str, Callable[[np.random.Generator], Scene]]:
    if isinstance(source, PastedSource):
        photos = load_set(source.pasted)
        kept = {photo.name for photo in keep_fraction(photos, fraction)}
        cuts = [cut for cut in cut_covers(photos, source.pasted) if cut.photo_name in kept]
        name = f"pasted_{source.pasted}"
        return name, partial(compose_pasted, cuts=cuts, makers=makers, source=source)
    part = keep_fraction(load_set(source.shrunk), fraction)
    own = [photo for photo in part if photo.split == source.side]
    close_ups = list_close_ups(own, side=source.side)
    name = f"shrunk_{source.shrunk}"
    return name, partial(compose_shrunk, close_ups=close_ups, makers=makers, source=source)
