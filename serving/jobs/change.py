"""Make a comparison that was ordered, and place flights in the history of their place."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from detection.domain.photo import Flight, FlightKind
from detection.layers.buildings import BuildingLayer
from detection.storeys.settings import load_storey_settings
from serving.db.tables import ChangeRunRow, LayerFeatureRow, PhotoRow
from serving.flights.catalogue import get_flight
from serving.flights.change import OPEN_STATES, find_candidates, get_run, list_findings, lock_run
from serving.flights.change_epochs import find_epochs, list_unplaced, place_flight
from serving.flights.change_trail import record_ended_run
from serving.flights.layers import list_buildings, load_buildings, near_flight
from serving.flights.photo_rows import photo_from_row
from serving.flights.register import Permitted, load_permitted
from serving.jobs.change_basis import hash_basis
from serving.jobs.change_earlier import measured_from_row, pictures_from_row
from serving.jobs.change_orders import lock_with_flight, order_missed_check, order_on_arrival
from serving.jobs.change_process import ComparisonBrokeOffError
from serving.jobs.change_result import Comparison, ComparisonTask, MeasuredBuilding, Refusal
from serving.jobs.change_shown import SettingsHashes, store_shown
from serving.jobs.change_store import (
    JudgedBuilding,
    KeptPictures,
    judge_building,
    keep_pictures,
    let_stand,
    store_findings,
    summarize,
)
from serving.jobs.chunk import StoppingError
from serving.jobs.context import WorkerContext
from serving.jobs.grouping import regroup
from serving.jobs.pictures import order_cutting

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 3
"""A comparison at which the process ends so often is given up."""

QUALITY: Final = ("sigma_dz_m", "overlap_share", "layer_shift_m", "photos_base", "photos_new")
"""What of a summary tells of the measurement, whatever the register says."""

BROKE_OFF: Final = Refusal(
    "change_broke_off",
    "The comparison ended without a result, again and again.",
    "See the log of the worker: most often its memory is too small for the photos. Give it more, "
    "or compare parts of the flight.",
)


@dataclass(frozen=True, slots=True)
class _Measured:
    """What is to be judged: the buildings with their pictures, and how they were measured."""

    buildings: Sequence[tuple[MeasuredBuilding, KeptPictures]]
    settings_hash: str
    quality: Mapping[str, object]


def place_flights(context: WorkerContext, arrived: int | None) -> None:
    """Say of every flight that is done which baseline it belongs to; compare what ``arrived``."""
    with context.sessions() as session:
        waiting = list_unplaced(session)
    for flight_id in waiting:
        with context.sessions.begin() as session:
            place_flight(session, flight_id)
    if arrived is None or not context.settings.compare_on_arrival:
        return
    with context.sessions.begin() as session:
        epoch = find_epochs(session, [arrived]).get(arrived)
        if epoch is not None:
            order_on_arrival(session, epoch)


def compare_flights(context: WorkerContext, run_id: int) -> None:
    """Make a comparison; done again after a crash it begins anew, and ends only once.

    The attempts of workers that were killed count too.

    Raises:
        StoppingError: the process is asked to end before it is done.
        ComparisonBrokeOffError: it ended without a result; the next attempt may do better.
    """
    run = _begin(context, run_id)
    if run is None:
        return
    found = BROKE_OFF if run.attempts > MAX_ATTEMPTS else _try_to_measure(context, run)
    if isinstance(found, Refusal):
        _refuse(context, run_id, found)
    elif found is not None:
        _finish(context, run_id, found)
    elif context.stopping.is_set():
        _return_attempt(context, run_id)
        raise StoppingError


def give_up(context: WorkerContext, run_id: int) -> None:
    """Write that a comparison failed again and again."""
    _refuse(context, run_id, BROKE_OFF)


def _begin(context: WorkerContext, run_id: int) -> ChangeRunRow | None:
    """Count the attempt before the work: it is the only trace of one that kills us."""
    with context.sessions.begin() as session:
        run = lock_run(session, run_id)
        if run.state not in OPEN_STATES:
            return None
        run.state = "running"
        run.attempts += 1
        run.started_at = run.started_at or datetime.now(UTC)
        session.flush()
        session.expunge(run)
        return run


def _try_to_measure(context: WorkerContext, run: ChangeRunRow) -> _Measured | Refusal | None:
    try:
        return _measure(context, run)
    except ComparisonBrokeOffError:
        if run.attempts < MAX_ATTEMPTS:
            raise
        logger.exception("comparison %d is given up", run.id)
        return BROKE_OFF


def _return_attempt(context: WorkerContext, run_id: int) -> None:
    with context.sessions.begin() as session:
        lock_run(session, run_id).attempts -= 1


def _measure(context: WorkerContext, run: ChangeRunRow) -> _Measured | Refusal | None:
    if run.heights_of is not None:
        return _take_over(context, run.heights_of)
    progress = _Progress(context, run.id)
    with context.sessions() as session:
        task = _load_task(session, context, run)
    found = context.compare(task, progress.report, progress.is_unwanted)
    if not isinstance(found, Comparison):
        return found
    kept = [
        (replace(one, pictures=None), keep_pictures(context.store, one.pictures))
        for one in found.buildings
    ]
    return _Measured(kept, found.settings_hash, found.quality)


def _take_over(context: WorkerContext, run_id: int) -> _Measured:
    """Return what an earlier comparison measured."""
    with context.sessions() as session:
        earlier = get_run(session, run_id)
        rows = list_findings(session, run_id)
        summary = earlier.summary or {}
    quality: dict[str, object] = {name: summary[name] for name in QUALITY if name in summary}
    kept = [(measured_from_row(row), pictures_from_row(row)) for row in rows]
    return _Measured(kept, str(summary.get("measured_with", "")), quality)


def _load_task(session: Session, context: WorkerContext, run: ChangeRunRow) -> ComparisonTask:
    near = near_flight(session, run.new_flight_id)
    base_id = run.base_flight_id
    return ComparisonTask(
        new=_load_flight(session, context, run.new_flight_id),
        base=None if base_id is None else _load_flight(session, context, base_id),
        buildings=load_buildings(session, near) or BuildingLayer(()),
        threads=context.settings.change_threads,
    )


def _load_flight(session: Session, context: WorkerContext, flight_id: int) -> Flight:
    row = get_flight(session, flight_id)
    wanted = select(PhotoRow).where(PhotoRow.flight_id == flight_id).order_by(PhotoRow.id)
    photos = [
        photo_from_row(each, context.store.path_of(each.sha256)) for each in session.scalars(wanted)
    ]
    return Flight(row.name, FlightKind(row.kind), tuple(photos), ())


class _Progress:
    """Tells the row how far the work is, and the work whether anybody still wants it."""

    def __init__(self, context: WorkerContext, run_id: int) -> None:
        self._context = context
        self._run_id = run_id
        self._told: tuple[str, int, int] | None = None

    def report(self, stage: str, done: int, total: int) -> None:
        if (stage, done, total) == self._told:
            return
        self._told = (stage, done, total)
        running = (ChangeRunRow.id == self._run_id, ChangeRunRow.state == "running")
        with self._context.sessions.begin() as session:
            session.execute(
                update(ChangeRunRow).where(*running).values(stage=stage, done=done, total=total)
            )

    def is_unwanted(self) -> bool:
        if self._context.stopping.is_set():
            return True
        with self._context.sessions() as session:
            return get_run(session, self._run_id).state != "running"


def _refuse(context: WorkerContext, run_id: int, refusal: Refusal) -> None:
    """End a comparison with the reason why there is none; what stood before it stands."""
    logger.warning("comparison %d: %s", run_id, refusal.message)
    with context.sessions.begin() as session:
        run = lock_with_flight(session, run_id)
        if run.state not in OPEN_STATES:
            return
        run.state = "failed"
        run.finished_at = datetime.now(UTC)
        run.failure_code, run.failure_message = refusal.code, refusal.message
        run.failure_remedy = refusal.remedy
        record_ended_run(session, run)
        order_missed_check(session, run)


def _finish(context: WorkerContext, run_id: int, found: _Measured) -> None:
    """Write findings, detections and the queue in one transaction, once."""
    with context.sessions.begin() as session:
        run = lock_with_flight(session, run_id)
        if run.state != "running":
            return  # cancelled meanwhile, or another worker was faster
        settings = load_storey_settings()
        near = near_flight(session, run.new_flight_id)
        permitted = load_permitted(session, near)
        features = {name: row for row, name in list_buildings(session, near)}
        judged = _judge(found, features, permitted)
        hashes = SettingsHashes(found.settings_hash, settings.settings_hash())
        run.settings_hash = hash_basis(found.settings_hash, permitted)
        run.stage, run.done, run.total = "storing", 0, len(judged)
        store_findings(session, run.id, judged)
        store_shown(session, run, judged, hashes)
        summary = summarize(judged, found.quality) | {"measured_with": found.settings_hash}
        let_stand(session, run, summary)
        regroup(session, context.store, run.new_flight_id)
        order_cutting(session, run.new_flight_id)
        run.done = len(judged)
        run.summary = summary | {
            "candidates": len(set(find_candidates(session, run.id).values())),
            "seconds": _seconds(run),
        }
        record_ended_run(session, run)


def _judge(
    found: _Measured,
    features: Mapping[str, LayerFeatureRow],
    permitted: Mapping[str, Permitted],
) -> list[JudgedBuilding]:
    """Judge every building that is still in a layer."""
    settings = load_storey_settings()
    return [
        judge_building(
            measured,
            features[measured.building_id],
            permitted.get(measured.building_id),
            pictures,
            settings,
        )
        for measured, pictures in found.buildings
        if measured.building_id in features
    ]


def _seconds(run: ChangeRunRow) -> float | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return round((run.finished_at - run.started_at).total_seconds(), 1)
