"""A generator in a thread: order, errors, one item ahead and no more, and nothing left running."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.looks import Ahead


class Counter:
    """Counts to ``count`` and notes what it made, where, and whether it was closed."""

    def __init__(self, count: int, *, fails_at: int | None = None) -> None:
        self.count, self.fails_at = count, fails_at
        self.made: list[int] = []
        self.is_closed = False
        self.began = [threading.Event() for _ in range(count)]
        self.threads: set[int] = set()

    def items(self) -> Generator[int, None, None]:
        try:
            for number in range(self.count):
                self.began[number].set()
                self.threads.add(threading.get_ident())
                if number == self.fails_at:
                    message = f"no {number}"
                    raise LookupError(message)
                self.made.append(number)
                yield number
        finally:
            self.is_closed = True


@given(count=st.integers(0, 9), fails_at=st.one_of(st.none(), st.integers(0, 8)))
def test_items_come_in_order_up_to_the_error(count: int, fails_at: int | None) -> None:
    counter = Counter(count, fails_at=fails_at)
    found: list[int] = []
    with Ahead(counter.items()) as ahead:
        if fails_at is not None and fails_at < count:
            with pytest.raises(LookupError, match=f"no {fails_at}"):
                found.extend(ahead)
        else:
            found.extend(ahead)
    assert found == list(range(count if fails_at is None else min(count, fails_at)))
    assert counter.is_closed
    assert threading.get_ident() not in counter.threads


def test_the_next_item_is_made_while_one_is_used_and_no_other() -> None:
    counter = Counter(5)
    with Ahead(counter.items()) as ahead:
        items = iter(ahead)
        assert next(items) == 0
        assert counter.began[1].wait(10.0), "nobody asked for it yet"
        assert not counter.began[2].is_set()
        assert next(items) == 1
        assert counter.began[2].wait(10.0)


def test_whoever_leaves_early_closes_the_generator() -> None:
    counter = Counter(5)
    with closing(counter.items()) as items, Ahead(items) as ahead:
        assert next(iter(ahead)) == 0
    assert counter.is_closed
    assert counter.made in ([0], [0, 1]), "one may have been under way"
    assert not [one for one in threading.enumerate() if one.name == "ahead"]
