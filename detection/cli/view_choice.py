"""Which photos of a flight `hazardlens detect --views N` looks at, and what it says of the rest."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from rich.console import Console
from rich.progress import track

from detection.coverage.footprint import Footprint, compute_footprints
from detection.coverage.photo_flags import is_usable
from detection.domain.photo import Flight, Photo
from detection.domain.quality import PhotoQuality
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from detection.ingest.quality import measure_quality
from detection.machine import count_cpus
from detection.needs import load_needs
from detection.terrain import Terrain
from detection.views import ViewChoice, choose_views

MAX_THREADS = 4
MAX_BYTES = 512 * 2**20
"""Of the photos that are decoded at once."""

_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class ChosenFlight:
    """A flight with the photos that are looked at, and the names of those that are not."""

    flight: Flight
    left_out: tuple[str, ...]
    choice: ViewChoice

    def describe(self) -> dict[str, object]:
        """Return what was chosen, as it is written to ``views.json``."""
        return {
            "views": self.choice.wanted,
            "photos": len(self.choice.chosen),
            "looked_at": len(self.flight.photos),
            "always_looked_at": self.choice.unplaced,
            "poor": self.choice.poor,
            "left_out": list(self.left_out),
        }


def choose_photos(
    flight: Flight, wanted: int, terrain: Terrain | None, *, finished: Collection[str] = ()
) -> ChosenFlight:
    """Choose the photos of a flight; its ``terrain`` is settled on the take-off.

    Photos ``finished`` by an earlier run stay in, and so does one that cannot be decoded, so that
    its failure is told.
    """
    footprints = compute_footprints(flight.photos, terrain)
    judged: dict[int, PhotoQuality | None] = {}

    def judge(asked: Sequence[int]) -> list[bool]:
        judged.update(_measure_all(flight.photos, asked))
        return [_is_good(footprints[index], judged[index]) for index in asked]

    choice = choose_views(footprints, wanted, judge)
    unreadable = {flight.photos[index].photo_id for index, one in judged.items() if one is None}
    known = unreadable.union(finished)
    is_kept = [
        is_in or photo.photo_id in known
        for photo, is_in in zip(flight.photos, choice.chosen, strict=True)
    ]
    left_out = itertools.compress(flight.photos, (not one for one in is_kept))
    return ChosenFlight(
        replace(flight, photos=tuple(itertools.compress(flight.photos, is_kept))),
        tuple(photo.photo_id for photo in left_out),
        choice,
    )


def _is_good(footprint: Footprint, quality: PhotoQuality | None) -> bool:
    return quality is not None and is_usable(replace(footprint, quality=quality), load_needs())


def _measure_all(
    photos: Sequence[Photo], asked: Sequence[int]
) -> Mapping[int, PhotoQuality | None]:
    """Return sharpness and exposure of the photos asked for; None where one cannot be decoded."""
    largest = max(photos[index].width_px * photos[index].height_px for index in asked)
    threads = max(1, min(MAX_THREADS, count_cpus(), MAX_BYTES // (_CHANNELS * largest)))
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="quality") as pool:
        found = pool.map(lambda index: _measure(photos[index]), asked)
        shown = track(
            found, "Judging the photos chosen", total=len(asked), console=Console(stderr=True)
        )
        return dict(zip(asked, shown, strict=True))


def _measure(photo: Photo) -> PhotoQuality | None:
    try:
        return measure_quality(decode_photo(photo))
    except PhotoUnreadableError:
        return None
