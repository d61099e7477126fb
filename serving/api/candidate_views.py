"""What a candidate looks like from outside: votes, building, areas, size, its place before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from detection.domain.finding import CrackMeasure
from detection.domain.hazard import HazardClass
from serving.api.queue_schemas import FactorItem, RiskAnswer
from serving.api.review_schemas import (
    AreaAnswer,
    GroupingItem,
    MeasureAnswer,
    OnBuildingAnswer,
    OnSameBuildingItem,
    SamePlaceItem,
    VoteItem,
    VotesAnswer,
)
from serving.db.finding_columns import (
    areas_from_columns,
    building_from_columns,
    measure_from_columns,
    votes_from_columns,
)
from serving.db.tables import CandidateRow, DetectionRow, GroupingEventRow
from serving.flights.building_card import BuildingCard, card_from_row
from serving.flights.layers import find_building_at
from serving.flights.register import find_permitted
from serving.review.decision import CandidateState
from serving.review.grouping import GroupingKind, standing_acts
from serving.review.grouping_events import act_from_row, parts_from_row
from serving.review.places import SamePlaceRow, list_on_building
from serving.review.risk import explain_risk


def view_risk(row: CandidateRow) -> RiskAnswer:
    """Return what the place of a candidate in the order comes from, as of now."""
    risk = explain_risk(row, datetime.now(UTC))
    factors = [
        FactorItem(
            code=each.code,
            factor=round(each.factor, 3),
            detail=each.detail,
            value=None if each.value is None else round(each.value, 1),
        )
        for each in risk.factors
    ]
    return RiskAnswer(value=float(f"{risk.value:.3g}"), factors=factors)


def view_votes(row: CandidateRow) -> VotesAnswer | None:
    """Return what the photos say; None of a candidate from before votes were kept."""
    votes = votes_from_columns(row.votes)
    if votes is None:
        return None
    counts = [VoteItem(hazard_class=each, photos=count) for each, count in votes.counts]
    return VotesAnswer(counts=counts, views=votes.views, covering=votes.covering)


def view_building(session: Session, row: CandidateRow) -> OnBuildingAnswer | None:
    """Return the building that a candidate is on, with its name where the layer has one."""
    on_building = building_from_columns(row.on_building)
    if on_building is None:
        return None
    card = _find_card(session, row, on_building.building_id)
    others = list_on_building(session, row, on_building.building_id)
    return OnBuildingAnswer(
        building_id=on_building.building_id,
        name=card.name if card else None,
        roof_height_m=card.roof_height_m if card else None,
        storeys=card.storeys if card else None,
        permitted_storeys=card.permitted_storeys if card else None,
        use=card.use if card else None,
        others=[OnSameBuildingItem.model_validate(other) for other in others],
        part=on_building.part,
        height_m=on_building.height_m,
        height_std_m=on_building.height_std_m,
        probability=on_building.probability,
    )


def _find_card(session: Session, row: CandidateRow, building_id: str) -> BuildingCard | None:
    if row.lon is None or row.lat is None:
        return None
    feature = find_building_at(session, building_id, row.lon, row.lat)
    if feature is None:
        return None
    permitted = find_permitted(session, feature)
    return replace(
        card_from_row(feature), permitted_storeys=permitted.storeys if permitted else None
    )


def view_areas(row: CandidateRow) -> list[AreaAnswer]:
    """Return the administrative areas that a candidate lies in."""
    return [AreaAnswer.model_validate(area) for area in areas_from_columns(row.areas)]


def view_measure(row: DetectionRow) -> MeasureAnswer | None:
    """Return the size of a crack in one photo."""
    measure = measure_from_columns(row.measure)
    return None if measure is None else MeasureAnswer.model_validate(measure)


def view_finest_measure(rows: Iterable[DetectionRow]) -> MeasureAnswer | None:
    """Return the size in the photo that shows the crack finest, with millimetres if any has."""
    measures = [each for row in rows if (each := measure_from_columns(row.measure)) is not None]
    best = min(measures, key=_fineness, default=None)
    return None if best is None else MeasureAnswer.model_validate(best)


def view_groupings(rows: Sequence[GroupingEventRow], candidate_id: int) -> list[GroupingItem]:
    """Return what was merged and split of a candidate, oldest first."""
    acts = [act_from_row(row) for row in rows]
    undone = {act.undoes for act in acts if act.undoes is not None}
    standing = standing_acts(acts)
    last_id = standing[-1].event_id if standing else None
    return [
        GroupingItem(
            id=row.id,
            kind=GroupingKind(row.kind).value,
            candidate_id=row.candidate_id,
            others=[each for each in row.candidate_ids if each != candidate_id],
            sightings=sum(len(part.sightings) for part in parts_from_row(row)[1:]),
            note=row.note,
            undoes=row.undoes,
            undone=row.id in undone,
            is_last=row.id == last_id,
            made_by=row.username,
            made_at=row.created_at,
        )
        for row in rows
    ]


def view_same_place(rows: Iterable[SamePlaceRow]) -> list[SamePlaceItem]:
    """Return candidates of other flights at one place."""
    return [
        SamePlaceItem(
            id=each.candidate.id,
            flight_id=each.candidate.flight_id,
            flight_name=each.flight_name,
            hazard_class=HazardClass(each.candidate.hazard_class),
            state=CandidateState(each.candidate.state),
            seen_on=each.seen_on,
        )
        for each in rows
    ]


def _fineness(measure: CrackMeasure) -> tuple[bool, float]:
    gsd_mm = float("inf") if measure.gsd_mm is None else measure.gsd_mm
    return not measure.width_measurable, gsd_mm
