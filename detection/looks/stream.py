"""Tiles of photo after photo through every model, without a pause between photos or models."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detection.detectors.base import Detector, TileDetections, TileImage
from detection.domain.geometry import Tile
from detection.domain.photo import IngestFailure, Photo
from detection.looks.line import PhotoLine
from detection.looks.plan import Look
from detection.tiling import cut_tile

Answer = list[list[tuple[Tile, TileDetections]]]
"""For each detector, its tiles of one photo and what it says of them."""

LooksOfModels = tuple[tuple[Look, ...], ...]
"""For each detector, its looks at one photo."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadyPhoto:
    """A photo with its pixels ``(H, W, 3)`` and the looks of each detector, or why it has none.

    ``cut_ahead`` are the tiles of looks at another scale, cut where the photo was made ready: to
    resample millions of pixels takes long, and the models wait for whoever cuts their tiles.
    """

    photo: Photo
    pixels: NDArray[np.uint8] | None
    looks: LooksOfModels
    failure: IngestFailure | None = None
    cut_ahead: Mapping[Look, Sequence[TileImage]] = field(default_factory=dict)


def cut_ahead(pixels: NDArray[np.uint8], looks: LooksOfModels) -> dict[Look, tuple[TileImage, ...]]:
    """Return the tiles of each look at a photo ``(H, W, 3)`` that is not at its full size."""
    resampled = {look for one in looks for look in one if look.scale != 1.0}
    return {
        look: tuple(cut_tile(pixels, tile, look.size_px) for tile in look.tiles)
        for look in resampled
    }


def answer_photos(
    line: PhotoLine[ReadyPhoto], detectors: Sequence[Detector]
) -> Generator[tuple[ReadyPhoto, Answer], None, None]:
    """Yield each photo with what every detector says of its tiles, in order.

    A detector is fed by one stream of tiles over all photos: while the last answers of a photo
    are awaited, the first tiles of the next are under way, with each detector, and whatever is
    done with the photo in between costs no time of theirs. Photos that do not fit into memory
    beside those before them wait, and the stream with them.
    """
    with ExitStack() as stack:
        streams = [_Stream(line, detector, place) for place, detector in enumerate(detectors)]
        for stream in streams:
            stack.callback(stream.close)
        for number in itertools.count():
            ready = line.get(number)
            if ready is None:
                return
            yield ready, [stream.answer(number, ready) for stream in streams]
            del ready  # the line alone holds photos
            line.drop()


def answer_pixels(
    pixels: NDArray[np.uint8], looks: LooksOfModels, detectors: Sequence[Detector]
) -> Answer:
    """Return what every detector says of the tiles of one photo."""
    answer = []
    for one, detector in zip(looks, detectors, strict=True):
        tiles = [tile for look in one for tile in look.tiles]
        found = detector.detect_tiles(_cut_all(pixels, one, {}))
        answer.append(list(zip(tiles, found, strict=True)))
    return answer


def _cut_all(
    pixels: NDArray[np.uint8],
    looks: Sequence[Look],
    cut_already: Mapping[Look, Sequence[TileImage]],
) -> Iterator[TileImage]:
    for look in looks:
        if look in cut_already:
            yield from cut_already[look]
            continue
        for tile in look.tiles:
            yield cut_tile(pixels, tile, look.size_px)


class _Stream:
    """The tiles of all photos through one detector."""

    def __init__(self, line: PhotoLine[ReadyPhoto], detector: Detector, place: int) -> None:
        self._line = line
        self._detector = detector
        self._place = place
        self._fed = 0
        self._feed: Generator[TileImage, None, None] | None = None
        self._answers: Iterator[TileDetections] = iter(())

    def answer(self, number: int, ready: ReadyPhoto) -> list[tuple[Tile, TileDetections]]:
        """Return the detector's answers to the tiles of photo ``number``."""
        self._fed = max(self._fed, number)  # photos before it are done, some without any tile
        tiles = [tile for look in ready.looks[self._place] for tile in look.tiles]
        return [(tile, self._take(number)) for tile in tiles]

    def close(self) -> None:
        """Wait for what is under way and forget it."""
        if isinstance(self._answers, Generator):
            self._answers.close()
        if self._feed is not None:
            self._feed.close()

    def _take(self, number: int) -> TileDetections:
        found = next(self._answers, None)
        if found is None:
            # The tiles ended with the photos that fitted into memory; this is the next.
            if self._fed > number:
                message = f"{self._detector.manifest.name} did not answer every tile."
                raise RuntimeError(message)
            self._fed = number
            self._feed = self._cut_on()
            self._answers = iter(self._detector.detect_tiles(self._feed))
            found = next(self._answers)
        return found

    def _cut_on(self) -> Generator[TileImage, None, None]:
        """Yield tiles from the first photo that was not fed yet, as long as there is room."""
        while self._line.has_room(self._fed):
            ready = self._line.get(self._fed)
            if ready is None:
                return
            self._fed += 1
            if ready.pixels is not None:
                looks = ready.looks[self._place]
                yield from _cut_all(ready.pixels, looks, ready.cut_ahead)
            del ready
