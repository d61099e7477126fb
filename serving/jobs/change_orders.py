"""Ask for comparisons, and take back what was asked: by people, on arrival, by a new register."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from detection.domain.photo import FlightKind
from serving.audit.log import SERVICE, Actor
from serving.db.tables import ChangeRunRow, FlightRow, LayerRow, PhotoRow
from serving.flights.catalogue import get_flight, lock_flight
from serving.flights.change import find_open_run, find_standing_run, get_run, lock_run
from serving.flights.change_epochs import (
    FlightEpoch,
    find_epochs,
    is_taken_before,
    list_unplaced,
    place_flight,
)
from serving.flights.change_errors import (
    ChangeFlightNotReadyError,
    ChangeNoBaseError,
    ChangeNoLayerError,
    ChangeRunningError,
    ChangeRunOverError,
    ChangeSameFlightError,
    ChangeStreetFlightError,
)
from serving.flights.change_trail import record_cancelled_run, record_new_run
from serving.flights.layer_rows import Bounds, bounds_of
from serving.flights.layers import LayerKind, grow_bounds, layers_near, near_flight
from serving.flights.register import load_permitted
from serving.jobs.change_basis import hash_basis
from serving.jobs.queue import CHANGE_QUEUE, COVERAGE_QUEUE, defer

COMPARE_FLIGHTS: Final = "hazardlens.compare_flights"
PLACE_FLIGHTS: Final = "hazardlens.place_flights"

ONE_AT_A_TIME: Final = "change"
"""Two comparisons side by side would take the memory of two."""

BUILDINGS_M: Final = 60.0
"""What of a layer lies within this distance of the photos' positions can be in their middle."""

LEAST_PHOTOS: Final = 6
"""Fewer photos of a place are no survey of it: not compared unless a person asks."""


def order_comparison(
    session: Session, actor: Actor, flight_id: int, base_flight_id: int | None = None
) -> ChangeRunRow:
    """Order a flight to be compared with an earlier one, by itself with its baseline.

    A baseline is not compared: its roofs are measured and held against the register. Asked again
    for what is waiting or being made, that is returned.

    Raises:
        FlightNotFoundError: there is no such flight.
        ChangeFlightNotReadyError: one of the flights is not done.
        ChangeStreetFlightError: one of them was taken from the street.
        ChangeSameFlightError: both are the same.
        ChangeNoLayerError: there is no layer of buildings.
        ChangeNoBaseError: there is no baseline and no register.
        ChangeRunningError: another comparison of the flight is not over.
    """
    flight = lock_flight(session, flight_id)
    check_comparable(flight)
    if base_flight_id is None:
        base_flight_id = place_flight(session, flight_id).baseline_flight_id
    if base_flight_id == flight_id:
        raise ChangeSameFlightError
    if base_flight_id is not None:
        check_comparable(get_flight(session, base_flight_id))
    check_buildings(session, flight_id, with_register=base_flight_id is None)
    running = find_open_run(session, flight_id)
    if running is not None:
        if running.base_flight_id == base_flight_id and running.heights_of is None:
            return running
        raise ChangeRunningError(running.id)
    return _add_run(session, actor, flight_id, base_flight_id)


def check_can_start(session: Session, flight_id: int) -> None:
    """Whether a comparison of the flight could be begun now, with some base or a register.

    Raises:
        FlightNotFoundError: there is no such flight.
        ChangeStreetFlightError: it was taken from the street.
        ChangeFlightNotReadyError: it is not done.
        ChangeNoLayerError: there is no layer of buildings.
        ChangeRunningError: a comparison of it is not over.
    """
    check_comparable(get_flight(session, flight_id))
    check_buildings(session, flight_id, with_register=False)
    running = find_open_run(session, flight_id)
    if running is not None:
        raise ChangeRunningError(running.id)


def check_comparable(flight: FlightRow) -> None:
    """Whether a flight can be compared at all.

    Raises:
        ChangeStreetFlightError: it was taken from the street.
        ChangeFlightNotReadyError: it is not done.
    """
    if flight.kind != FlightKind.DRONE.value:
        raise ChangeStreetFlightError(flight.name)
    if flight.state != "done":
        raise ChangeFlightNotReadyError(flight.name, flight.state)


def check_buildings(session: Session, flight_id: int, *, with_register: bool) -> None:
    """Whether something is known of the buildings under a flight.

    Raises:
        ChangeNoLayerError: no layer of buildings lies there.
        ChangeNoBaseError: a register is needed, and none says how many storeys are permitted.
    """
    near = near_flight(session, flight_id, BUILDINGS_M)
    if near is None or not layers_near(session, near, LayerKind.BUILDINGS):
        raise ChangeNoLayerError
    if with_register and not has_register(session, near):
        raise ChangeNoBaseError


def has_register(session: Session, near: Bounds) -> bool:
    """Whether a register or a layer says how many storeys any building of a place may have."""
    permitted = load_permitted(session, near)
    return any(each.storeys is not None for each in permitted.values())


def cancel_run(session: Session, actor: Actor, run_id: int) -> ChangeRunRow:
    """Stop a comparison; whoever makes it notices within seconds. Again is harmless.

    Raises:
        ChangeRunNotFoundError: there is no such comparison.
        ChangeRunOverError: it is done or failed.
    """
    run = lock_with_flight(session, run_id)
    if run.state == "cancelled":
        return run
    if run.state in {"done", "failed"}:
        raise ChangeRunOverError(run.state)
    before = run.state
    run.state = "cancelled"
    run.finished_at = datetime.now(UTC)
    record_cancelled_run(session, actor, run, before)
    order_missed_check(session, run)
    return run


def lock_with_flight(session: Session, run_id: int) -> ChangeRunRow:
    """Return a comparison of which nobody else changes the state, nor begins another beside it.

    Raises:
        ChangeRunNotFoundError: there is none with this number.
    """
    lock_flight(session, get_run(session, run_id).new_flight_id)
    return lock_run(session, run_id)


def order_placing(session: Session, arrived: int | None = None) -> None:
    """Let a worker say which baseline flights belong to, and compare the one that ``arrived``."""
    defer(session, PLACE_FLIGHTS, lane=COVERAGE_QUEUE, arrived=arrived)


def order_placing_if_needed(session: Session) -> None:
    """Let a worker place flights that were done before anybody asked for their baselines."""
    if list_unplaced(session):
        order_placing(session)


def order_on_arrival(session: Session, epoch: FlightEpoch) -> ChangeRunRow | None:
    """Order what a flight that is done calls for; None where there is nothing to compare it by.

    With its baseline where it has one that was flown before it; a baseline is only held against
    a register.
    """
    flight = lock_flight(session, epoch.flight_id)
    base_id = epoch.baseline_flight_id
    near = near_flight(session, flight.id, BUILDINGS_M)
    if flight.state != "done" or near is None or _has_run(session, flight.id, base_id):
        return None
    if not layers_near(session, near, LayerKind.BUILDINGS):
        return None
    if base_id is None and not has_register(session, near):
        return None
    flown = [flight.id] if base_id is None else [flight.id, base_id]
    if any(_count_placed(session, each) < LEAST_PHOTOS for each in flown):
        return None
    if base_id is not None and is_taken_before(session, flight.id, base_id):
        return None  # what it shows is older than the baseline; a person may turn them round
    return _add_run(session, SERVICE, flight.id, base_id)


def order_register_check_near(session: Session, layer_id: int) -> int:
    """Hold the roofs of flights over a layer against the register of now; return how many.

    Where the heights are known the photos are not looked at again. Call it in the transaction
    that changed the register.
    """
    layer = session.get_one(LayerRow, layer_id)
    around = grow_bounds(bounds_of(layer), BUILDINGS_M)
    return sum(_order_check(session, flight_id) for flight_id in _list_over(session, around))


def order_missed_check(session: Session, run: ChangeRunRow) -> None:
    """Hold roofs against a register that came while ``run`` was open, which ended without result.

    Whoever brought the register left it to the run.
    """
    standing = find_standing_run(session, run.new_flight_id)
    if standing is None or standing.summary is None or run.heights_of is not None:
        return
    permitted = load_permitted(session, near_flight(session, run.new_flight_id))
    if standing.settings_hash != hash_basis(str(standing.summary["measured_with"]), permitted):
        base_id = standing.base_flight_id
        _add_run(session, SERVICE, run.new_flight_id, base_id, heights_of=standing.id)


def _order_check(session: Session, flight_id: int) -> bool:
    lock_flight(session, flight_id)
    if find_open_run(session, flight_id) is not None:
        return False  # it reads the register when it ends; see `order_missed_check`
    standing = find_standing_run(session, flight_id)
    if standing is not None:
        _add_run(session, SERVICE, flight_id, standing.base_flight_id, heights_of=standing.id)
        return True
    epoch = find_epochs(session, [flight_id]).get(flight_id)
    return epoch is not None and order_on_arrival(session, epoch) is not None


def _add_run(
    session: Session,
    actor: Actor,
    flight_id: int,
    base_flight_id: int | None,
    *,
    heights_of: int | None = None,
) -> ChangeRunRow:
    run = ChangeRunRow(
        kind="survey" if base_flight_id is None else "compare",
        base_flight_id=base_flight_id,
        new_flight_id=flight_id,
        heights_of=heights_of,
        requested_by=actor.user_id,
    )
    session.add(run)
    session.flush()
    session.refresh(run)
    defer(session, COMPARE_FLIGHTS, lane=CHANGE_QUEUE, lock=ONE_AT_A_TIME, run_id=run.id)
    record_new_run(session, actor, run)
    return run


def _has_run(session: Session, flight_id: int, base_flight_id: int | None) -> bool:
    """Whether a flight was compared with another, or is to be, or a person stopped it."""
    statement = select(func.count()).where(
        ChangeRunRow.new_flight_id == flight_id,
        ChangeRunRow.base_flight_id.is_not_distinct_from(base_flight_id),
        ChangeRunRow.state != "failed",
    )
    return session.scalars(statement).one() > 0


def _count_placed(session: Session, flight_id: int) -> int:
    wanted = (PhotoRow.flight_id == flight_id, PhotoRow.lon.is_not(None))
    return session.scalars(select(func.count()).where(*wanted)).one()


def _list_over(session: Session, around: Bounds) -> list[int]:
    statement = (
        select(PhotoRow.flight_id)
        .join(FlightRow, FlightRow.id == PhotoRow.flight_id)
        .where(
            FlightRow.kind == FlightKind.DRONE.value,
            FlightRow.state == "done",
            PhotoRow.lat.between(around.south, around.north),
            PhotoRow.lon.between(around.west, around.east),
        )
        .distinct()
        .order_by(PhotoRow.flight_id)
    )
    return list(session.scalars(statement))
