"""The imported layers near a flight, settled on its take-off, as whoever looks at it needs them."""

from __future__ import annotations

import logging
from dataclasses import replace

from sqlalchemy import select

from detection.domain.errors import InvalidInputError
from detection.georeference import Surroundings
from serving.db.tables import PhotoRow
from serving.flights.layers import load_surroundings, near_flight
from serving.flights.photo_rows import photo_from_row
from serving.jobs.context import WorkerContext

logger = logging.getLogger(__name__)


def know_surroundings(context: WorkerContext, flight_id: int) -> Surroundings:
    """Return the imported layers near a flight as they are now, the ground at its take-off.

    A ground model that does not reach the take-off is told of and left out: flat ground is then
    what it was before, and every place says so.

    Raises:
        InvalidInputError: the file of the ground model is damaged.
    """
    with context.sessions() as session:
        found = load_surroundings(session, context.store, near_flight(session, flight_id))
        if found.terrain is None:
            return found
        rows = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id))
        photos = [photo_from_row(row, context.store.path_of(row.sha256)) for row in rows]
    try:
        return found.settle(photos)
    except InvalidInputError as error:
        logger.warning("flight %d goes without its ground model: %s", flight_id, error)
        return replace(found, terrain=None)
