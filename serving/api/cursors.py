"""Opaque cursors: where a page ended, as text that only we read."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime

from detection.domain.errors import HazardLensError
from serving.flights.change import FindingPosition
from serving.ledger.hazards import HazardPosition
from serving.review.queue import QueuePosition
from serving.review.tiers import Tier

MAX_ID = 2**63 - 1


class InvalidCursorError(HazardLensError):
    """A cursor that we did not give out."""

    code = "invalid_cursor"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("The cursor is not valid.", remedy="Begin again without a cursor.")


def cursor_from_id(row_id: int) -> str:
    """Return the cursor of a list that is ordered by number."""
    return _encode([row_id])


def id_from_cursor(cursor: str | None) -> int | None:
    """Return where the page before ended; None at the beginning.

    Raises:
        InvalidCursorError: the text is not one of ours.
    """
    if cursor is None:
        return None
    (row_id,) = _decode(cursor, (int,))
    return _checked_id(row_id)


def cursor_from_queue(position: QueuePosition) -> str:
    """Return the cursor of the review queue."""
    return _encode([position.tier, position.risk_key, position.candidate_id])


def queue_from_cursor(cursor: str | None) -> QueuePosition | None:
    """Return where the page before ended; None at the beginning.

    Raises:
        InvalidCursorError: the text is not one of ours.
    """
    if cursor is None:
        return None
    tier, risk_key, candidate_id = _decode(cursor, (str, float, int))
    if tier not in set(Tier):
        raise InvalidCursorError
    return QueuePosition(str(tier), float(str(risk_key)), _checked_id(candidate_id))


def cursor_from_hazard(position: HazardPosition) -> str:
    """Return the cursor of the list of hazards."""
    return _encode([position.confirmed_at.isoformat(), position.hazard_id])


def hazard_from_cursor(cursor: str | None) -> HazardPosition | None:
    """Return where the page before ended; None at the beginning.

    Raises:
        InvalidCursorError: the text is not one of ours.
    """
    if cursor is None:
        return None
    confirmed_at, hazard_id = _decode(cursor, (str, int))
    try:
        when = datetime.fromisoformat(str(confirmed_at))
    except ValueError as error:
        raise InvalidCursorError from error
    if when.tzinfo is None:
        raise InvalidCursorError
    return HazardPosition(when, _checked_id(hazard_id))


def cursor_from_finding(position: FindingPosition) -> str:
    """Return the cursor of the list of findings."""
    return _encode([position.attention, position.finding_id])


def finding_from_cursor(cursor: str | None) -> FindingPosition | None:
    """Return where the page before ended; None at the beginning.

    Raises:
        InvalidCursorError: the text is not one of ours.
    """
    if cursor is None:
        return None
    attention, finding_id = _decode(cursor, (float, int))
    return FindingPosition(float(str(attention)), _checked_id(finding_id))


def _encode(values: list[int | float | str]) -> str:
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, kinds: tuple[type, ...]) -> list[object]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise InvalidCursorError from error
    if not isinstance(values, list) or len(values) != len(kinds):
        raise InvalidCursorError
    for value, kind in zip(values, kinds, strict=True):
        accepted = (int, float) if kind is float else kind
        if not isinstance(value, accepted) or isinstance(value, bool):
            raise InvalidCursorError
    return values


def _checked_id(value: object) -> int:
    if not isinstance(value, int) or not -MAX_ID <= value <= MAX_ID:
        raise InvalidCursorError
    return value
