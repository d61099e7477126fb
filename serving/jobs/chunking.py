"""How the photos of a flight are cut into jobs: small at first, small again at the end.

The first jobs hold one photo each, so that reviewers have something to look at within seconds; then
they grow, because every job costs its beginning and end. Where several workers share a flight the
last ones shrink (guided self-scheduling, Polychronopoulos and Kuck 1987), so that all workers end
at nearly the same time.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.tables import PhotoRow
from serving.jobs.flights import DETECT_CHUNK
from serving.jobs.heartbeat import count_workers
from serving.jobs.queue import SOON, defer

SHARES_LEFT = 2
"""Near the end a job is at most one part in so many of what each worker has left to do."""

FIRST_PHOTOS = 8
"""So many photos of a flight go before the later ones of flights that came earlier: whoever has
just submitted sees within seconds that it works, and what the first photos show."""


def order_chunks(session: Session, flight_id: int, largest: int) -> None:
    """Order every photo of a flight that waits to be looked at, in the transaction of ``session``.

    The first photos go before the later ones of other flights.
    """
    waiting = select(PhotoRow.id).where(PhotoRow.flight_id == flight_id, PhotoRow.state == "queued")
    ids = list(session.scalars(waiting.order_by(PhotoRow.id)))
    ordered = 0
    for photo_ids in cut_chunks(ids, largest, count_workers(session)):
        priority = SOON if ordered < FIRST_PHOTOS else 0
        defer(session, DETECT_CHUNK, priority=priority, flight_id=flight_id, photo_ids=photo_ids)
        ordered += len(photo_ids)


def cut_chunks(photo_ids: Sequence[int], largest: int, workers: int) -> list[list[int]]:
    """Return all ids in their order, in pieces of one photo up to ``largest``.

    Every one of the ``workers`` begins with a single photo; each round of them doubles the size.
    One that is alone takes two of each size: the first photo seldom shows something.
    """
    turns = max(workers, 2)
    chunks: list[list[int]] = []
    start = 0
    while start < len(photo_ids):
        grown = 2 ** min(len(chunks) // turns, largest.bit_length())
        size = min(grown, largest, _even_share(len(photo_ids) - start, largest, workers))
        chunks.append(list(photo_ids[start : start + size]))
        start += size
    return chunks


def _even_share(left: int, largest: int, workers: int) -> int:
    """Return how many photos a job may take so that nobody waits long for its end."""
    return largest if workers == 1 else max(1, left // (SHARES_LEFT * workers))
