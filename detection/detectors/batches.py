"""A stream of tiles to batches of one shape and back to answers in the order of the tiles."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.manifest import ModelManifest
from detection.detectors.rows import select_rows

Shape = tuple[int, ...]
"""Height and width of a tile in pixels, and its three channels."""

Work = Future[Sequence[TileDetections]]
"""The answers of a batch, in the order of its tiles."""


@dataclass(slots=True, eq=False)
class _Batch:
    tiles: list[TileImage] = field(default_factory=list)
    work: Work | None = None


def answer_in_batches(
    tiles: Iterable[TileImage],
    submit: Callable[[list[TileImage]], Work],
    *,
    size_batch: Callable[[Shape], int],
    ahead: int,
) -> Iterator[TileDetections]:
    """Yield the answer of each tile in order; tiles of one shape are handed over together.

    ``size_batch`` says how many tiles of a shape make a full batch. A batch is handed over
    by ``submit`` when it is full, when its first tile is the next to be answered and ``ahead``
    tiles more than a full batch wait behind it, or when the tiles end: so a rare shape (an
    overview) neither stops the others nor waits for ever. At most one full batch and ``ahead``
    tiles are taken and unanswered at any time. Whoever stops early leaves nothing running.
    """
    line: deque[tuple[_Batch, int]] = deque()
    filling: dict[Shape, _Batch] = {}

    def hand_over(shape: Shape) -> Work:
        batch = filling.pop(shape)
        batch.work = submit(batch.tiles)
        batch.tiles = []  # the tiles hold their photos in memory
        return batch.work

    def answer_oldest() -> TileDetections:
        batch, index = line.popleft()
        work = batch.work or hand_over(batch.tiles[0].shape)
        return work.result()[index]

    try:
        for tile in tiles:
            shape = tile.shape
            size = size_batch(shape)
            batch = filling.setdefault(shape, _Batch())
            line.append((batch, len(batch.tiles)))
            batch.tiles.append(tile)
            if len(batch.tiles) >= size:
                hand_over(shape)
            while len(line) >= ahead + size:
                yield answer_oldest()
        for shape in list(filling):
            hand_over(shape)
        while line:
            yield answer_oldest()
    finally:
        _stop(batch.work for batch, _ in line)


def _stop(unanswered: Iterable[Work | None]) -> None:
    """Take back what was not begun, wait for what was."""
    wait([work for work in set(unanswered) if work is not None and not work.cancel()])


def finish(answers: Sequence[TileDetections]) -> Work:
    """Return work that is done already."""
    done: Work = Future()
    done.set_result(answers)
    return done


def fit_batch(batch: int, shape: Shape, tile_px: int) -> int:
    """Return how many tiles of a shape hold as many pixels as ``batch`` squares of ``tile_px``."""
    return max(1, batch * tile_px**2 // (shape[0] * shape[1]))


def split_answers(
    outputs: Sequence[NDArray[np.float32]], manifest: ModelManifest
) -> list[TileDetections]:
    """Return what a model says of each tile of a batch; every output is ``(n, …)``.

    Raises:
        ModelError: see ``select_rows``.
    """
    return [
        select_rows([output[index : index + 1] for output in outputs], manifest)
        for index in range(len(outputs[0]))
    ]
