"""Sharpness and exposure of the photos of a flight, with a bar that shows how far it is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import track

from detection.domain.photo import Photo
from detection.domain.quality import PhotoQuality
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from detection.ingest.quality import measure_quality


def measure_qualities(photos: Sequence[Photo]) -> dict[str, PhotoQuality]:
    """Return the quality of each photo by its id; one that cannot be decoded is left out."""
    found: dict[str, PhotoQuality] = {}
    for photo in track(photos, "Looking at the photos", console=Console(stderr=True)):
        try:
            found[photo.photo_id] = measure_quality(decode_photo(photo))
        except PhotoUnreadableError:
            continue
    return found
