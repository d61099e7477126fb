"""Photos that reviewers will open are cut into tiles before they do.

A photo of 48 million pixels takes a second to cut. The queue is known, so nobody has to wait for
it: of each candidate that waits, the photo that is shown first, in the order of the queue.
"""

from __future__ import annotations

import logging

import pyvips
from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, DetectionRow, PhotoRow, SightingRow
from serving.jobs.context import WorkerContext
from serving.jobs.queue import PICTURES_QUEUE, defer
from serving.review.queue import QUEUE_ORDER
from serving.storage.derivatives import DerivativeCache

logger = logging.getLogger(__name__)

CUT_PHOTOS = "hazardlens.cut_photos"
SHARE_OF_CACHE = 0.25
"""One flight may fill this much of the cache: others wait too, and what is open must stay."""

BYTES_PER_PIXEL = 0.45
"""Of a pyramid, measured on photos of streets; a guess that only says when to stop."""


def order_cutting(session: Session, flight_id: int) -> None:
    """Write the job in the transaction that puts candidates into the queue."""
    defer(session, CUT_PHOTOS, lane=PICTURES_QUEUE, flight_id=flight_id)


def cut_photos(context: WorkerContext, flight_id: int) -> None:
    """Make the pyramids of the photos that are opened first; those that are there stay."""
    settings = context.settings
    cache = DerivativeCache(settings.cache_dir, settings.max_cache_bytes)
    left = SHARE_OF_CACHE * settings.max_cache_bytes
    with context.sessions() as session:
        photos = _list_first_photos(session, flight_id)
    for sha256, pixels in photos:
        left -= BYTES_PER_PIXEL * pixels
        if left < 0 or context.stopping.is_set():
            return
        try:
            cache.pyramid(context.store.path_of(sha256), sha256)
        except (OSError, pyvips.Error) as error:
            # Whoever opens it is told; the others are cut all the same.
            logger.warning("photo %s cannot be cut: %s", sha256[:12], error)


def _list_first_photos(session: Session, flight_id: int) -> list[tuple[str, int]]:
    """Return hash and number of pixels of each candidate's best photo, in the queue's order."""
    statement = (
        select(PhotoRow.sha256, PhotoRow.width_px * PhotoRow.height_px)
        .join(DetectionRow, DetectionRow.photo_id == PhotoRow.id)
        .join(SightingRow, SightingRow.detection_id == DetectionRow.id)
        .join(CandidateRow, CandidateRow.id == SightingRow.candidate_id)
        .where(
            CandidateRow.flight_id == flight_id,
            CandidateRow.state == "pending",
            SightingRow.ordinal == 0,
        )
        .order_by(*(each.desc() for each in QUEUE_ORDER))
    )
    return list(dict.fromkeys((sha256, pixels) for sha256, pixels in session.execute(statement)))
