"""Comparisons of flights as rows: the runs, what stands, what is said of each building."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.db.tables import (
    BuildingFindingRow,
    ChangeRunRow,
    DetectionRow,
    LayerFeatureRow,
    SightingRow,
)
from serving.flights.change_errors import ChangeRunNotFoundError, FindingNotFoundError

OPEN_STATES: Final = ("queued", "running")

_GROUPS: Final = {"rise": 0.0, "fall": 1.0, "excess": 2.0, "cannot_tell": 3.0, "unchanged": 4.0}


@dataclass(frozen=True, slots=True)
class FindingPosition:
    """Where a page of findings ended."""

    attention: float
    finding_id: int


def order_by_attention(verdict: str | None, probability: float | None, *, excess: bool) -> float:
    """Return the number that findings are listed by, the smallest first.

    What rose, what fell, what has more storeys than it may, what cannot be told, the rest; within
    each the most probable first.
    """
    group = "excess" if excess and verdict not in {"rise", "fall"} else verdict or "unchanged"
    return _GROUPS[group] + 0.9 * (1.0 - (probability or 0.0))


def get_run(session: Session, run_id: int) -> ChangeRunRow:
    """Return a comparison as the database has it now.

    Raises:
        ChangeRunNotFoundError: there is none with this number.
    """
    row = session.get(ChangeRunRow, run_id, populate_existing=True)
    if row is None:
        raise ChangeRunNotFoundError(run_id)
    return row


def lock_run(session: Session, run_id: int) -> ChangeRunRow:
    """Return a comparison that nobody else changes until the transaction ends.

    Raises:
        ChangeRunNotFoundError: there is none with this number.
    """
    statement = select(ChangeRunRow).where(ChangeRunRow.id == run_id).with_for_update()
    row = session.scalar(statement.execution_options(populate_existing=True))
    if row is None:
        raise ChangeRunNotFoundError(run_id)
    return row


def list_runs(
    session: Session, flight_id: int, *, limit: int, before_id: int | None = None
) -> list[ChangeRunRow]:
    """Return up to ``limit`` comparisons of a flight with earlier ones, the latest first."""
    statement = select(ChangeRunRow).where(ChangeRunRow.new_flight_id == flight_id)
    if before_id is not None:
        statement = statement.where(ChangeRunRow.id < before_id)
    return list(session.scalars(statement.order_by(ChangeRunRow.id.desc()).limit(limit)))


def find_latest_run(session: Session, flight_id: int) -> ChangeRunRow | None:
    """Return the latest comparison of a flight, whatever became of it."""
    return next(iter(list_runs(session, flight_id, limit=1)), None)


def find_standing_run(session: Session, flight_id: int) -> ChangeRunRow | None:
    """Return the comparison whose findings count for a flight."""
    wanted = (ChangeRunRow.new_flight_id == flight_id, ChangeRunRow.stands)
    return session.scalar(select(ChangeRunRow).where(*wanted))


def find_open_run(session: Session, flight_id: int) -> ChangeRunRow | None:
    """Return the comparison of a flight that waits or is being made."""
    statement = select(ChangeRunRow).where(
        ChangeRunRow.new_flight_id == flight_id, ChangeRunRow.state.in_(OPEN_STATES)
    )
    return session.scalar(statement.order_by(ChangeRunRow.id.desc()).limit(1))


def list_findings(
    session: Session,
    run_id: int,
    *,
    limit: int | None = None,
    after: FindingPosition | None = None,
    verdict: str | None = None,
    excess: bool | None = None,
) -> list[BuildingFindingRow]:
    """Return what a comparison says of buildings, what matters first."""
    order = (BuildingFindingRow.attention, BuildingFindingRow.id)
    statement = select(BuildingFindingRow).where(BuildingFindingRow.run_id == run_id)
    if after is not None:
        statement = statement.where(tuple_(*order) > (after.attention, after.finding_id))
    if verdict is not None:
        statement = statement.where(BuildingFindingRow.verdict == verdict)
    if excess is not None:
        statement = statement.where(BuildingFindingRow.is_excess == excess)
    return list(session.scalars(statement.order_by(*order).limit(limit)))


def get_finding(session: Session, run_id: int, finding_id: int) -> BuildingFindingRow:
    """Return what a comparison says of one building.

    Raises:
        FindingNotFoundError: the comparison has none with this number.
    """
    row = session.get(BuildingFindingRow, finding_id)
    if row is None or row.run_id != run_id:
        raise FindingNotFoundError(finding_id)
    return row


def find_finding(session: Session, flight_id: int, building_id: str) -> BuildingFindingRow | None:
    """Return what the comparison that stands for a flight says of a building."""
    statement = (
        select(BuildingFindingRow)
        .join(ChangeRunRow, ChangeRunRow.id == BuildingFindingRow.run_id)
        .where(
            ChangeRunRow.new_flight_id == flight_id,
            ChangeRunRow.stands,
            BuildingFindingRow.building_id == building_id,
        )
    )
    return session.scalar(statement)


def list_footprints(
    session: Session, findings: Iterable[BuildingFindingRow]
) -> dict[int, LayerFeatureRow]:
    """Return the building of each finding as its layer has it, by the finding's number."""
    rows = list(findings)
    names = {(row.layer_id, row.ordinal) for row in rows}
    columns = tuple_(LayerFeatureRow.layer_id, LayerFeatureRow.ordinal)
    features = session.scalars(select(LayerFeatureRow).where(columns.in_(names)))
    by_name = {(each.layer_id, each.ordinal): each for each in features}
    return {row.id: by_name[row.layer_id, row.ordinal] for row in rows}


def find_candidates(session: Session, run_id: int) -> dict[str, int]:
    """Return the candidates that show what a comparison found, by building.

    What rose comes before what fell, where a building has both.
    """
    building_id = DetectionRow.on_building["building_id"].astext
    statement = (
        select(building_id, SightingRow.candidate_id)
        .join(DetectionRow, DetectionRow.id == SightingRow.detection_id)
        .where(DetectionRow.change_run_id == run_id)
        .order_by(
            DetectionRow.hazard_class != HazardClass.ADDED_STOREY.value, SightingRow.candidate_id
        )
    )
    found: dict[str, int] = {}
    for name, candidate_id in session.execute(statement):
        found.setdefault(name, candidate_id)
    return found
