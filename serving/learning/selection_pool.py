"""What could be labelled next, read with as little as a choice needs: the database filters first.

Of 100,000 candidates those nearest to their threshold are read, so many of each class of each
flight, and all about which people disagree. A photo is chosen once, however much it shows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    SQLColumnExpression,
    any_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from serving.db.tables import (
    BlindTaskRow,
    CandidateRow,
    DetectionRow,
    FlightRow,
    PhotoRow,
    ReviewEventRow,
    SelectionPickRow,
    SelectionRow,
    SightingRow,
)
from serving.learning.slices import altitude_of, camera_of, model_of, season_of

NEAREST: Final = 200
"""Of each class of a flight, so many candidates nearest to the threshold are looked at."""

EMPTY_OF_FLIGHT: Final = 50
"""So many photos of a flight in which nothing was found are looked at, drawn by their hash."""

OPEN_STATES: Final = ("pending", "unsure")
DECIDED_STATES: Final = ("confirmed", "rejected")

Rows = Sequence[Row[Any]]


def list_things(
    session: Session,
    hazard_classes: Collection[str],
    flights: ColumnElement[bool],
    left_out: Collection[int],
) -> Rows:
    """Return candidates that nobody decided for good, each by its best sighting.

    Columns: candidate_id, detection_id, photo_id, flight_id, hazard_class (the model's), score
    and threshold (of the sighting), the box, place_key, model, weights_sha256, camera, altitude,
    season, and said: dispute, taken_back, unsure, asked or None.
    """
    hazard_class = func.coalesce(CandidateRow.model_class, CandidateRow.hazard_class)
    threshold = func.coalesce(DetectionRow.threshold, 0.0)
    nearest = func.row_number().over(
        partition_by=[CandidateRow.flight_id, hazard_class],
        order_by=[func.abs(DetectionRow.score - threshold), CandidateRow.id],
    )
    said = _said()
    statement = (
        _join(
            select(
                CandidateRow.id.label("candidate_id"),
                DetectionRow.id.label("detection_id"),
                DetectionRow.photo_id,
                CandidateRow.flight_id,
                hazard_class.label("hazard_class"),
                DetectionRow.score,
                DetectionRow.threshold,
                DetectionRow.x_min,
                DetectionRow.y_min,
                DetectionRow.x_max,
                DetectionRow.y_max,
                DetectionRow.weights_sha256,
                CandidateRow.place_key,
                model_of().label("model"),
                *_conditions(),
                said.label("said"),
                nearest.label("nearest"),
            )
        )
        .where(or_(CandidateRow.state.in_(OPEN_STATES), _is_disputed()), flights)
        .where(~_among(DetectionRow.photo_id, left_out))
    )
    if hazard_classes:
        statement = statement.where(hazard_class.in_(list(hazard_classes)))
    inner = statement.subquery()
    wanted = or_(inner.c.nearest <= NEAREST, inner.c.said.is_not(None))
    return session.execute(select(inner).where(wanted)).all()


def list_empty(
    session: Session, flights: ColumnElement[bool], left_out: Collection[int], limit: int
) -> Rows:
    """Return photos in which the models in force found nothing: photo_id, flight_id, where, how.

    Columns beside these: lat, lon, camera, altitude, season.
    """
    found = exists().where(
        DetectionRow.photo_id == PhotoRow.id,
        DetectionRow.run == PhotoRow.run,
        DetectionRow.change_run_id.is_(None),
    )
    order = func.row_number().over(
        partition_by=PhotoRow.flight_id, order_by=[PhotoRow.sha256, PhotoRow.id]
    )
    inner = (
        select(
            PhotoRow.id.label("photo_id"),
            PhotoRow.flight_id,
            PhotoRow.lat,
            PhotoRow.lon,
            *_conditions(),
            order.label("number"),
        )
        .join(FlightRow, FlightRow.id == PhotoRow.flight_id)
        .where(PhotoRow.state == "done", ~found, flights)
        .where(~_among(PhotoRow.id, left_out))
        .subquery()
    )
    statement = select(inner).where(inner.c.number <= EMPTY_OF_FLIGHT)
    return session.execute(statement.order_by(inner.c.number, inner.c.photo_id).limit(limit)).all()


def list_labelled(session: Session, drawn: Collection[int], limit: int) -> Rows:
    """Return what people decided or drew, the latest decision first: detection_id, place_key."""
    statement = _join(select(DetectionRow.id.label("detection_id"), CandidateRow.place_key)).where(
        _is_labelled(drawn)
    )
    return session.execute(
        statement.order_by(CandidateRow.decided_at.desc().nulls_last()).limit(limit)
    ).all()


def count_conditions(session: Session, drawn: Collection[int]) -> Rows:
    """Return how many labelled photos there are: camera, altitude, season, amount."""
    shown = (
        _join(select(DetectionRow.photo_id, *_conditions()))
        .where(_is_labelled(drawn))
        .union(select(PhotoRow.id, *_conditions()).where(_among(PhotoRow.id, drawn)))
        .subquery()
    )
    columns = (shown.c.camera, shown.c.altitude, shown.c.season)
    return session.execute(select(*columns, func.count().label("amount")).group_by(*columns)).all()


def count_confirmed(session: Session) -> dict[str, int]:
    """Return how many candidates people confirmed, by the class as they have it."""
    statement = (
        select(CandidateRow.hazard_class, func.count())
        .where(CandidateRow.state == "confirmed", CandidateRow.merged_into.is_(None))
        .group_by(CandidateRow.hazard_class)
    )
    return dict(session.execute(statement).all())


def list_sent_photos(session: Session) -> set[int]:
    """Return the photos of selections that were sent to be drawn: they are not chosen again."""
    statement = (
        select(SelectionPickRow.photo_id)
        .join(SelectionRow, SelectionRow.id == SelectionPickRow.selection_id)
        .where(SelectionRow.sent_at.is_not(None))
    )
    return set(session.scalars(statement))


def restrict_flights(flight_ids: Collection[int], days: int | None) -> ColumnElement[bool]:
    """Return the condition of the flights from which to choose."""
    condition: ColumnElement[bool] = FlightRow.state == "done"
    if flight_ids:
        condition &= FlightRow.id.in_(list(flight_ids))
    if days is not None:
        since = datetime.now(UTC) - timedelta(days=days)
        condition &= func.coalesce(FlightRow.submitted_at, FlightRow.created_at) >= since
    return condition


def _join(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Return the best sighting of each candidate by a model; what was merged away has none."""
    return (
        statement.select_from(CandidateRow)
        .join(SightingRow, SightingRow.candidate_id == CandidateRow.id)
        .join(DetectionRow, DetectionRow.id == SightingRow.detection_id)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .join(FlightRow, FlightRow.id == CandidateRow.flight_id)
        .where(SightingRow.ordinal == 0, CandidateRow.merged_into.is_(None))
        .where(DetectionRow.change_run_id.is_(None))
    )


def _conditions() -> list[ColumnElement[str]]:
    return [
        camera_of().label("camera"),
        altitude_of().label("altitude"),
        season_of().label("season"),
    ]


def _is_disputed() -> ColumnElement[bool]:
    return CandidateRow.id.in_(
        select(BlindTaskRow.candidate_id).where(BlindTaskRow.state == "disputed")
    )


def _is_labelled(drawn: Collection[int]) -> ColumnElement[bool]:
    decided = CandidateRow.state.in_(DECIDED_STATES) & ~_is_disputed()
    return or_(decided, _among(DetectionRow.photo_id, drawn))


def _said() -> ColumnElement[str | None]:
    """Return in what way people are not of one mind about a candidate."""
    taken_back = select(ReviewEventRow.candidate_id).where(ReviewEventRow.kind == "undo")
    asked = select(BlindTaskRow.candidate_id).where(
        BlindTaskRow.state.in_(("open", "waiting")), BlindTaskRow.kind == "asked"
    )
    return case(
        (_is_disputed(), literal("dispute")),
        (CandidateRow.state == "unsure", literal("unsure")),
        (CandidateRow.id.in_(taken_back), literal("taken_back")),
        (CandidateRow.id.in_(asked), literal("asked")),
    )


def _among(column: SQLColumnExpression[int], ids: Collection[int]) -> ColumnElement[bool]:
    """Whether a column is one of these numbers, however many there are: they are one value."""
    return column == any_(literal(list(ids), ARRAY(BigInteger)))
