"""Put candidates into the order of risk: when they come, and when rules or layers change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, DetectionRow, SightingRow
from serving.flights.layer_rows import Bounds
from serving.flights.layers import LayerKind, grow_bounds
from serving.jobs.context import WorkerContext
from serving.jobs.exposure import find_exposed, place_from_row
from serving.jobs.queue import RANKING_QUEUE, defer
from serving.review.risk import columns_from_exposed, refresh
from serving.review.rules import load_rules
from serving.review.unproven import find_unproven, has_waiting, is_waiting, mark_unproven

RANK_QUEUE = "hazardlens.rank_queue"
ROWS_AT_ONCE = 200
"""Few enough that nobody who decides on one of them waits."""

ROWS_OF_FLIGHT = 2000
"""Those of a flight that is grouped are locked in any case."""

RAISING = (LayerKind.KEY_PLACES, LayerKind.BUILDINGS)
"""The kinds of layers that change the order."""

Box = tuple[float, float, float, float]


def order_ranking_near(session: Session, kind: str, bounds: Bounds) -> None:
    """Let a worker rank what lies near a layer that came or went, if it changes the order."""
    if kind in set(RAISING):
        wide = grow_bounds(bounds, load_rules().exposure.key_place.near_m)
        box = [wide.west, wide.south, wide.east, wide.north]
        defer(session, RANK_QUEUE, lane=RANKING_QUEUE, box=box)


def order_ranking_if_outdated(session: Session) -> None:
    """Let a worker rank what was ranked by other rules than those in force."""
    if session.scalar(select(exists().where(*_outdated()))):
        defer(session, RANK_QUEUE, lane=RANKING_QUEUE, box=None)


def order_ranking_if_proven(session: Session, candidate_ids: Iterable[int]) -> None:
    """Let a worker rank what waited for the decision that has just been made."""
    tiers = load_rules().tiers
    if any(has_waiting(session, candidate_id, tiers) for candidate_id in candidate_ids):
        defer(session, RANK_QUEUE, lane=RANKING_QUEUE, box=None)


def rank_queue(context: WorkerContext, box: Box | None) -> None:
    """Rank what lies in a box (west, south, east, north), or else what is outdated or waits.

    Broken off, it goes on with what is still outdated; a box is begun again.
    """
    wanted = _unsettled() if box is None else _inside(box)
    last = 0
    while not context.stopping.is_set():
        with context.sessions.begin() as session:
            statement = select(CandidateRow.id).where(*wanted, CandidateRow.id > last)
            statement = statement.order_by(CandidateRow.id).limit(ROWS_AT_ONCE)
            ids = list(session.scalars(statement))
            if not ids:
                return
            rank_candidates(session, ids)
        last = ids[-1]


def rank_flight(session: Session, flight_id: int) -> None:
    """Rank the candidates of a flight."""
    of_flight = CandidateRow.flight_id == flight_id, CandidateRow.merged_into.is_(None)
    ids = list(session.scalars(select(CandidateRow.id).where(*of_flight).order_by(CandidateRow.id)))
    for start in range(0, len(ids), ROWS_OF_FLIGHT):
        rank_candidates(session, ids[start : start + ROWS_OF_FLIGHT])


def rank_candidates(session: Session, candidate_ids: Sequence[int]) -> None:
    """Find out who would be hurt, and set tier and place in the order.

    The rows are locked only after everything was looked up; what they say then counts.
    """
    rules = load_rules()
    wanted = select(CandidateRow).where(CandidateRow.id.in_(candidate_ids))
    places = [place_from_row(row) for row in session.scalars(wanted)]
    exposed = find_exposed(session, places, rules.exposure)
    models = _list_models(session, candidate_ids)
    shown = {model for names in models.values() for model in names}
    unproven = find_unproven(session, shown, rules.tiers)
    locked = wanted.order_by(CandidateRow.id).with_for_update()
    for row in session.scalars(locked.execution_options(populate_existing=True)):
        row.exposure = columns_from_exposed(exposed.get(row.id, []))
        row.models = models.get(row.id, [])
        refresh(session, row, rules, unproven)
    session.flush()


def _list_models(session: Session, candidate_ids: Iterable[int]) -> dict[int, list[str]]:
    name = DetectionRow.model_name + "@" + func.left(DetectionRow.weights_sha256, 12)
    statement = (
        select(SightingRow.candidate_id, name)
        .join(DetectionRow, DetectionRow.id == SightingRow.detection_id)
        .where(SightingRow.candidate_id.in_(list(candidate_ids)))
        .distinct()
        .order_by(SightingRow.candidate_id, name)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for candidate_id, model in session.execute(statement):
        found[candidate_id].append(model)
    return found


def _outdated() -> list[ColumnElement[bool]]:
    in_force = load_rules().order_hash
    known = in_force, mark_unproven(in_force)
    return [CandidateRow.merged_into.is_(None), CandidateRow.ranked_by.not_in(known)]


def _unsettled() -> list[ColumnElement[bool]]:
    """What is outdated, and what waits for its model to be proven."""
    of_queue, is_old = _outdated()
    return [of_queue, or_(is_old, is_waiting())]


def _inside(box: Box) -> list[ColumnElement[bool]]:
    west, south, east, north = box
    return [
        CandidateRow.merged_into.is_(None),
        CandidateRow.lat.between(south, north),
        CandidateRow.lon.between(west, east),
    ]
