"""Photos are cut into jobs: every one once, small ones first, no straggler at the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serving.jobs.chunking import cut_chunks
from serving.supervisor.shares import THREADS, choose_workers, share_threads, worker_environment

Counts = st.integers(0, 600)
Sizes = st.integers(1, 256)
Workers = st.integers(1, 64)


@given(Counts, Sizes, Workers)
def test_every_photo_is_in_one_chunk_in_order(count: int, largest: int, workers: int) -> None:
    ids = [3 * number for number in range(count)]
    chunks = cut_chunks(ids, largest, workers)
    assert [each for one in chunks for each in one] == ids
    assert all(1 <= len(one) <= largest for one in chunks)


@given(st.integers(1, 600), Sizes, Workers)
def test_every_worker_begins_with_one_photo(count: int, largest: int, workers: int) -> None:
    chunks = cut_chunks(range(count), largest, workers)
    assert all(len(one) == 1 for one in chunks[:workers])


@given(st.integers(50, 2000), st.integers(8, 64), st.integers(2, 16))
def test_nobody_is_left_alone_with_much_at_the_end(count: int, largest: int, workers: int) -> None:
    """Photos that take equal time, given to whoever is free first: the last ends near the mean."""
    free_at = [0] * workers
    for one in cut_chunks(range(count), largest, workers):
        free_at[free_at.index(min(free_at))] += len(one)
    assert max(free_at) - min(free_at) <= max(2, count // (8 * workers))


def test_one_worker_is_not_bothered_with_small_chunks_at_the_end() -> None:
    sizes = [len(one) for one in cut_chunks(range(63), 16, 1)]
    assert sizes == [1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 1]


@given(st.integers(1, 512))
def test_workers_and_threads_fit_the_processors(cpus: int) -> None:
    workers = choose_workers(cpus)
    assert 1 <= workers <= cpus
    assert share_threads(cpus, workers) * workers <= cpus


def test_worker_gets_its_share_unless_somebody_set_another() -> None:
    assert worker_environment({"A": "b"}, cpus=16, workers=4) == {"A": "b", THREADS: "4"}
    assert worker_environment({THREADS: "7"}, cpus=16, workers=4) == {THREADS: "7"}
    assert worker_environment({}, cpus=2, workers=4) == {THREADS: "1"}
    assert worker_environment({}, cpus=16, workers=1) == {}
