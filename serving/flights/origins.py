"""How much of what flights show is new (新增) and how much was there before (存量), by time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.tables import FlightRow
from serving.flights.change_epochs import count_new_and_stock, find_epochs


@dataclass(frozen=True, slots=True)
class OriginTally:
    """Candidates of the flights of some time: ``stock`` of baselines, the others of later flights.

    ``baselines`` and ``later`` count the flights.
    """

    baselines: int = 0
    stock: int = 0
    later: int = 0
    new: int = 0
    seen_again: int = 0


def tally_origins(session: Session, days: int) -> OriginTally:
    """Count the candidates of the flights that were made in the last ``days`` days."""
    since = datetime.now(UTC) - timedelta(days=days)
    flight_ids = list(session.scalars(select(FlightRow.id).where(FlightRow.created_at >= since)))
    epochs = find_epochs(session, flight_ids)
    counts = count_new_and_stock(session, flight_ids)
    baselines = [counts[each.flight_id] for each in epochs.values() if each.is_baseline]
    later = [counts[each.flight_id] for each in epochs.values() if not each.is_baseline]
    return OriginTally(
        baselines=len(baselines),
        stock=sum(stock for _, stock in baselines),
        later=len(later),
        new=sum(new for new, _ in later),
        seen_again=sum(stock for _, stock in later),
    )
