"""A flight as the templates show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from serving.db.tables import FlightRow
from serving.flights.catalogue import Progress
from serving.web.rendering import Words


@dataclass(frozen=True, slots=True)
class FlightView:
    """One flight with its exact counts; ``failure`` has the keys message and remedy."""

    id: int
    name: str
    kind: str
    site: str | None
    state: str
    created_at: datetime
    progress: Progress
    failure: Mapping[str, str] | None = None


def view_flight(row: FlightRow, progress: Progress, words: Words | None = None) -> FlightView:
    """Return the view of a flight; why it failed only where ``words`` can say it."""
    failure = None
    if words is not None and row.failure_code is not None:
        stored = (row.failure_message or "", row.failure_remedy or "")
        message, remedy = words.explain(row.failure_code, *stored)
        failure = {"message": message, "remedy": remedy}
    return FlightView(
        row.id, row.name, row.kind, row.site, row.state, row.created_at, progress, failure
    )
