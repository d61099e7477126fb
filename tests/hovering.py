"""A drone that stands still over one spot, so that one box in every photo is one thing.

Import as ``from tests.hovering import hover, place``.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.finding import Detection, GeoDetection
from detection.georeference import georeference_detection
from detection.taxonomy import load_taxonomy
from serving.db.tables import PhotoRow
from serving.flights.photo_rows import photo_from_row

HORIZONTAL_STD_M, VERTICAL_STD_M = 0.02, 0.03


def hover(
    session: Session,
    flight_id: int,
    *,
    lon: float | None = None,
    lat: float | None = None,
    altitude_agl_m: float = 20.0,
) -> list[PhotoRow]:
    """Let all photos of a flight be taken from one point with RTK; return them in their order.

    The point is that of the first photo where none is named.
    """
    statement = select(PhotoRow).where(PhotoRow.flight_id == flight_id).order_by(PhotoRow.id)
    photos = list(session.scalars(statement))
    for photo in photos:
        photo.lon, photo.lat = lon or photos[0].lon, lat or photos[0].lat
        photo.altitude_agl_m = altitude_agl_m
        photo.horizontal_std_m, photo.vertical_std_m = HORIZONTAL_STD_M, VERTICAL_STD_M
    session.flush()
    return photos


def place(detection: Detection, photo: PhotoRow) -> GeoDetection:
    """Return a detection where the line of sight through its box meets the ground."""
    seen_from = photo_from_row(photo, Path(photo.name))
    return georeference_detection(detection, seen_from, load_taxonomy())
