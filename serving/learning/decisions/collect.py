"""Which photos an export holds, and everything of them but the pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from serving.db.label_annotations import list_standing
from serving.db.tables import (
    CandidateRow,
    CorrectionEventRow,
    DetectionRow,
    FlightRow,
    LabelAnnotationRow,
    PhotoRow,
    SightingRow,
)
from serving.learning.decisions.drawn import lay_over, read_drawings
from serving.learning.decisions.errors import NothingDecidedError
from serving.learning.decisions.rows import (
    DecisionsExport,
    ExportedFlight,
    ExportedLabel,
    ExportedPhoto,
    SearchedPhoto,
    UndecidedBox,
)
from serving.learning.decisions.sightings import DECIDED, label_sightings, list_seen

PHOTOS_AT_ONCE = 500
DAY_CHARS = len("2026-11-22")


def collect_export(
    session: Session, *, since: datetime | None = None, flight_ids: Sequence[int] = ()
) -> DecisionsExport:
    """Return what was decided and drawn, with the photos that show it.

    Args:
        session: of the database.
        since: only photos on which something was decided, corrected or drawn since then; what was
            said of them before comes with it.
        flight_ids: only these flights; all where none is named.

    Raises:
        NothingDecidedError: there is no such photo.
    """
    photo_ids = list_photo_ids(session, since=since, flight_ids=flight_ids)
    labels: list[ExportedLabel] = []
    undecided: list[UndecidedBox] = []
    searched: list[SearchedPhoto] = []
    for start in range(0, len(photo_ids), PHOTOS_AT_ONCE):
        part = photo_ids[start : start + PHOTOS_AT_ONCE]
        found = label_sightings(session, list_seen(session, part))
        drawings = read_drawings(list_standing(session, part))
        more_labels, more_undecided, more_searched = lay_over(drawings, *found)
        labels += more_labels
        undecided += more_undecided
        searched += more_searched
    told = {item.key for item in labels} | {item.key for item in searched}
    photos = [photo for photo in _list_photos(session, photo_ids) if photo.key in told]
    if not photos:
        raise NothingDecidedError
    return DecisionsExport(
        since,
        tuple(photos),
        tuple(sorted(labels, key=_order)),
        tuple(sorted((box for box in undecided if box.key in told), key=_order)),
        tuple(sorted(searched, key=lambda item: (*item.key, item.classes))),
    )


def list_photo_ids(
    session: Session, *, since: datetime | None, flight_ids: Sequence[int]
) -> list[int]:
    """Return the photos on which something was decided or drawn, in the order of their numbers."""
    decided = (
        select(DetectionRow.photo_id)
        .join(SightingRow, SightingRow.detection_id == DetectionRow.id)
        .join(CandidateRow, CandidateRow.id == SightingRow.candidate_id)
        .where(CandidateRow.state.in_(DECIDED), CandidateRow.merged_into.is_(None))
    )
    drawn = select(LabelAnnotationRow.photo_id).where(LabelAnnotationRow.kind == "annotated")
    if since is not None:
        decided = decided.where(_touched_since(since))
        drawn = drawn.where(LabelAnnotationRow.created_at >= since)
    statement = select(PhotoRow.id).where(PhotoRow.id.in_(decided.union(drawn)))
    if flight_ids:
        statement = statement.where(PhotoRow.flight_id.in_(flight_ids))
    return list(session.scalars(statement.order_by(PhotoRow.id)))


def _touched_since(since: datetime) -> ColumnElement[bool]:
    corrected = select(CorrectionEventRow.candidate_id).where(
        CorrectionEventRow.created_at >= since, CorrectionEventRow.is_opinion.is_(False)
    )
    return or_(CandidateRow.decided_at >= since, CandidateRow.id.in_(corrected))


def _list_photos(session: Session, photo_ids: Sequence[int]) -> list[ExportedPhoto]:
    rows: list[PhotoRow] = []
    for start in range(0, len(photo_ids), PHOTOS_AT_ONCE):  # a statement takes 65,535 values
        part = photo_ids[start : start + PHOTOS_AT_ONCE]
        statement = select(PhotoRow).where(PhotoRow.id.in_(part)).order_by(PhotoRow.id)
        rows += session.scalars(statement)
    flights = _list_flights(session, {row.flight_id for row in rows})
    return [_photo(row, flights[row.flight_id]) for row in rows]


def _list_flights(session: Session, flight_ids: Iterable[int]) -> dict[int, ExportedFlight]:
    first = (
        select(func.min(PhotoRow.captured_at))
        .where(PhotoRow.flight_id == FlightRow.id)
        .scalar_subquery()
    )
    statement = select(FlightRow, first).where(FlightRow.id.in_(list(flight_ids)))
    return {
        row.id: ExportedFlight(
            row.id, row.name, row.kind, (taken or "")[:DAY_CHARS] or None, row.site
        )
        for row, taken in session.execute(statement)
    }


def _photo(row: PhotoRow, flight: ExportedFlight) -> ExportedPhoto:
    height, focal = row.altitude_agl_m, row.focal_px
    return ExportedPhoto(
        photo_id=row.id,
        sha256=row.sha256,
        width_px=row.width_px,
        height_px=row.height_px,
        flight=flight,
        captured_at=row.captured_at,
        camera=row.camera_model,
        gsd_m=height / focal if height and focal and height > 0 else None,
        altitude_agl_m=height,
    )


def _order(item: ExportedLabel | UndecidedBox) -> tuple[object, ...]:
    return (*item.key, item.bbox_xyxy, item.hazard_class)
