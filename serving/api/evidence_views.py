"""The evidence of a candidate as an answer."""

from __future__ import annotations

from sqlalchemy.orm import Session

from detection.domain.building_change import Evidence
from detection.domain.hazard import HazardClass
from serving.api.change_schemas import EvidenceAnswer, EvidenceItem, SilentSignal
from serving.api.change_views import view_findings, view_run
from serving.db.finding_columns import building_from_columns, votes_from_columns
from serving.db.tables import BuildingFindingRow, CandidateRow
from serving.flights.change import find_finding, get_run, list_footprints
from serving.flights.change_epochs import origins_of
from serving.flights.results import geo_detection_from_row
from serving.jobs.evidence import OF_BUILDINGS, SaidOfBuilding, gather_evidence
from serving.review.queue import get_candidate


def view_evidence(session: Session, candidate_id: int) -> EvidenceAnswer:
    """Return what is said of a candidate; empty lists where nothing is about its building.

    Raises:
        CandidateNotFoundError: there is no such candidate.
    """
    row = get_candidate(session, candidate_id)
    building = building_from_columns(row.on_building)
    is_ours = HazardClass(row.class_of_models) in OF_BUILDINGS
    finding = (
        find_finding(session, row.flight_id, building.building_id)
        if is_ours and building is not None
        else None
    )
    said = _gather(row, finding) if is_ours else SaidOfBuilding(())
    run = get_run(session, finding.run_id) if finding is not None else None
    return EvidenceAnswer(
        candidate_id=row.id,
        hazard_class=HazardClass(row.class_of_models),
        has_evidence=bool(said.evidence) or finding is not None,
        building_id=building.building_id if building else None,
        layer_id=finding.layer_id if finding else None,
        building_name=list_footprints(session, [finding])[finding.id].name if finding else None,
        score=row.score,
        origin=origins_of(session, [row.id]).get(row.id),
        evidence=[_view(each) for each in said.evidence],
        cannot_tell=[SilentSignal(kind=kind, reason=reason) for kind, reason in said.silent],
        finding=view_findings(session, run, [finding])[0] if finding and run else None,
        run=view_run(session, run) if run else None,
    )


def _gather(row: CandidateRow, finding: BuildingFindingRow | None) -> SaidOfBuilding:
    sightings = [geo_detection_from_row(each.detection, outlined=False) for each in row.sightings]
    votes = votes_from_columns(row.votes)
    covering = votes.covering if votes is not None else None
    return gather_evidence(HazardClass(row.class_of_models), finding, sightings, covering)


def _view(evidence: Evidence) -> EvidenceItem:
    return EvidenceItem(
        kind=evidence.kind, probability=evidence.probability, figures=dict(evidence.figures)
    )
