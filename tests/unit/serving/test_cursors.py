"""Cursors go round unchanged, and rubbish is refused by name."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.cursors import (
    InvalidCursorError,
    cursor_from_hazard,
    cursor_from_id,
    cursor_from_queue,
    hazard_from_cursor,
    id_from_cursor,
    queue_from_cursor,
)
from serving.ledger.hazards import HazardPosition
from serving.review.queue import QueuePosition
from serving.review.tiers import Tier

ids = st.integers(1, 2**63 - 1)


@given(ids)
def test_id_round_trip(row_id: int) -> None:
    assert id_from_cursor(cursor_from_id(row_id)) == row_id


@given(st.sampled_from(list(Tier)), st.floats(-1e6, 1e6), ids)
def test_queue_round_trip_is_exact_to_the_last_bit(tier: Tier, key: float, row_id: int) -> None:
    position = QueuePosition(tier.value, key, row_id)
    assert queue_from_cursor(cursor_from_queue(position)) == position


@given(st.datetimes(timezones=st.just(UTC)), ids)
def test_hazard_round_trip(when: datetime, row_id: int) -> None:
    position = HazardPosition(when, row_id)
    assert hazard_from_cursor(cursor_from_hazard(position)) == position


@given(st.text(max_size=40))
def test_rubbish_is_refused_and_never_crashes(text: str) -> None:
    for read in (id_from_cursor, queue_from_cursor, hazard_from_cursor):
        try:
            read(text)
        except InvalidCursorError:
            continue


@pytest.mark.parametrize(
    "values", [[], [1, 2], ["1"], [None], [True], [2**70], {"a": 1}, 5, [1.5], ["2026-01-01", 1]]
)
def test_wrong_shapes_are_refused(values: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    for read in (id_from_cursor, queue_from_cursor, hazard_from_cursor):
        with pytest.raises(InvalidCursorError):
            read(cursor)


def test_no_cursor_is_the_beginning() -> None:
    assert id_from_cursor(None) is None
    assert queue_from_cursor(None) is None
    assert hazard_from_cursor(None) is None
