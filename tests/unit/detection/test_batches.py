from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.batches import Work, answer_in_batches, finish, fit_batch

SIDES = (4, 6, 9)


def make_tile(number: int, side_px: int) -> TileImage:
    tile = np.zeros((side_px, side_px, 3), dtype=np.uint8)
    tile[0, 0] = (number % 256, number // 256, side_px)
    return tile


def read_tile(tile: TileImage) -> TileDetections:
    return TileDetections.from_rows(tile[:1, 0].astype(np.float32))


class Counter:
    """A stream of tiles that knows how many were taken and not answered."""

    def __init__(self, sides: Sequence[int]) -> None:
        self.sides = sides
        self.taken = self.answered = self.most_open = 0

    def __iter__(self) -> Iterator[TileImage]:
        for number, side_px in enumerate(self.sides):
            self.taken += 1
            self.most_open = max(self.most_open, self.taken - self.answered)
            yield make_tile(number, side_px)


@given(
    sides=st.lists(st.sampled_from(SIDES), max_size=60),
    sizes=st.tuples(*(st.integers(1, 7) for _ in SIDES)),
    ahead=st.integers(0, 12),
    threads=st.sampled_from([0, 2]),
)
def test_answers_come_in_order_from_batches_of_one_side(
    sides: list[int], sizes: tuple[int, ...], ahead: int, threads: int
) -> None:
    batches: list[list[int]] = []
    room = dict(zip(SIDES, sizes, strict=True))

    def answer(tiles: list[TileImage]) -> list[TileDetections]:
        return [read_tile(tile) for tile in tiles]

    with ThreadPoolExecutor(2) as pool:

        def submit(tiles: list[TileImage]) -> Work:
            batches.append([tile.shape[0] for tile in tiles])
            return pool.submit(answer, tiles) if threads else finish(answer(tiles))

        stream = Counter(sides)
        numbers: list[int] = []
        for found in answer_in_batches(
            stream, submit, size_batch=lambda shape: room[shape[0]], ahead=ahead
        ):
            stream.answered += 1
            low, high, side_px = found.rows[0]
            assert side_px == sides[len(numbers)]
            numbers.append(int(low + 256 * high))
    assert numbers == list(range(len(sides)))
    assert sum(map(len, batches)) == len(sides)
    for batch in batches:
        assert len(set(batch)) == 1
        assert len(batch) <= room[batch[0]]
    assert stream.most_open <= ahead + max(sizes)


def test_a_full_side_is_handed_over_although_a_rare_one_stands_before_it() -> None:
    batches: list[int] = []

    def submit(tiles: list[TileImage]) -> Work:
        batches.append(len(tiles))
        return finish([read_tile(tile) for tile in tiles])

    sides = [9, *[4] * 8]
    tiles = (make_tile(number, side_px) for number, side_px in enumerate(sides))
    answers = answer_in_batches(tiles, submit, size_batch=lambda _: 4, ahead=100)
    assert len(list(answers)) == 9
    assert batches == [4, 4, 1]


def never_ends() -> Iterator[TileImage]:
    while True:
        yield make_tile(1, 4)


def test_stopping_early_waits_for_what_runs_and_starts_nothing_more() -> None:
    go_on, running, finished = threading.Event(), threading.Event(), []

    def look(tiles: list[TileImage]) -> list[TileDetections]:
        running.set()
        assert go_on.wait(10)
        finished.append(len(tiles))
        return [read_tile(tile) for tile in tiles]

    with ThreadPoolExecutor(1) as pool:
        first = finish([read_tile(make_tile(0, 4))] * 2)
        handed: list[Work] = []

        def submit(tiles: list[TileImage]) -> Work:
            handed.append(pool.submit(look, tiles) if handed else first)
            return handed[-1]

        answers = answer_in_batches(never_ends(), submit, size_batch=lambda _: 2, ahead=6)
        next(answers)
        assert running.wait(10)
        threading.Timer(0.05, go_on.set).start()
        assert isinstance(answers, Iterator)
        close: Callable[[], None] = answers.close  # type: ignore[attr-defined] # a generator
        close()
        assert all(work.done() for work in handed)
        assert len(finished) == 1


@pytest.mark.parametrize("at", [0, 3])
def test_a_batch_that_fails_raises_where_its_answer_is_asked_for(at: int) -> None:
    def look(tiles: list[TileImage]) -> list[TileDetections]:
        if any(tile[0, 0, 0] == at for tile in tiles):
            message = "out of room"
            raise MemoryError(message)
        return [read_tile(tile) for tile in tiles]

    tiles = [make_tile(number, 4) for number in range(6)]
    with ThreadPoolExecutor(2) as pool:
        answers = answer_in_batches(
            tiles, lambda batch: pool.submit(look, batch), size_batch=lambda _: 2, ahead=2
        )
        for _ in range(at // 2 * 2):
            next(answers)
        with pytest.raises(MemoryError, match="out of room"):
            next(answers)


@given(batch=st.integers(1, 256), side_px=st.integers(32, 4096), tile_px=st.integers(32, 1280))
def test_larger_tiles_come_in_smaller_batches(batch: int, side_px: int, tile_px: int) -> None:
    size = fit_batch(batch, (side_px, side_px, 3), tile_px)
    assert size >= 1
    assert fit_batch(batch, (tile_px, tile_px, 3), tile_px) == batch
    assert size == 1 or size * side_px**2 <= batch * tile_px**2
