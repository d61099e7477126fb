"""What speaks for a storey that was added, brought together on the building.

A comparison and the register say something of a building, a model something of a photo. Their
detections on one building are one candidate, and its score is what all of them say together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.dedupe import SightingId
from detection.dedupe.score import fuse_scores
from detection.dedupe.views import count_classes
from detection.domain.building_change import Evidence, EvidenceKind
from detection.domain.finding import Candidate, GeoDetection, ViewVotes
from detection.domain.hazard import HazardClass
from detection.storeys.evidence import evidence_from_photo
from detection.storeys.fusion import fuse_evidence
from serving.db.tables import BuildingFindingRow, ChangeRunRow
from serving.db.tables.change import BUILDING_REGISTER, HEIGHT_CHANGE
from serving.review.grouping import GroupingAct, GroupingKind, SeenBox

OF_BUILDINGS: Final = frozenset({HazardClass.ADDED_STOREY, HazardClass.DEMOLISHED})
"""Of these a building has one candidate, however many photos and signals show it."""

DECIMALS: Final = 4
"""Of metres: far below every error, so that a stored figure is the measured one."""

NOT_SEEN_BY_MODELS: Final = frozenset({HEIGHT_CHANGE, BUILDING_REGISTER})


@dataclass(frozen=True, slots=True)
class SaidOfBuilding:
    """The signals about one candidate, and those that cannot tell, with the code of the reason."""

    evidence: tuple[Evidence, ...]
    silent: tuple[tuple[EvidenceKind, str], ...] = ()


def pick_of_buildings(detections: Mapping[int, GeoDetection]) -> dict[int, GeoDetection]:
    """Return the detections that are about a whole building, and lie on one."""
    return {
        row_id: found
        for row_id, found in detections.items()
        if found.detection.hazard_class in OF_BUILDINGS and found.on_building is not None
    }


def link_on_buildings(
    detections: Mapping[int, GeoDetection], names: Mapping[int, SightingId]
) -> list[GroupingAct]:
    """Return what joins the detections of each building, as acts older than any person's.

    So whoever splits a candidate overrules it, pair by pair.
    """
    boxes: dict[tuple[str, HazardClass], list[SeenBox]] = defaultdict(list)
    for row_id, found in pick_of_buildings(detections).items():
        if found.on_building is not None:
            name = names[row_id]
            box = SeenBox(name.photo_sha256, name.hazard_thing, name.bbox_xyxy.xyxy)
            boxes[found.on_building.building_id, found.detection.hazard_class].append(box)
    return [
        GroupingAct(-number, GroupingKind.MERGE, (tuple(boxes[key]),))
        for number, key in enumerate(sorted(boxes), start=1)
    ]


def weigh_candidates(
    session: Session, flight_id: int, candidates: Iterable[Candidate]
) -> tuple[Candidate, ...]:
    """Return the candidates, those of buildings with the score of all that is said of them.

    Votes count what models saw in photos, so that nobody takes a measurement for a view.
    """
    found = list(candidates)
    ids = {one.on_building.building_id for one in found if one.on_building and _is_ours(one)}
    findings = find_findings(session, flight_id, ids)
    return tuple(_weigh(one, findings) if _is_ours(one) else one for one in found)


def find_findings(
    session: Session, flight_id: int, building_ids: Iterable[str]
) -> dict[str, BuildingFindingRow]:
    """Return what the comparison that stands for a flight says of buildings, by their ids."""
    statement = (
        select(BuildingFindingRow)
        .join(ChangeRunRow, ChangeRunRow.id == BuildingFindingRow.run_id)
        .where(
            ChangeRunRow.new_flight_id == flight_id,
            ChangeRunRow.stands,
            BuildingFindingRow.building_id.in_(list(building_ids)),
        )
    )
    return {row.building_id: row for row in session.scalars(statement)}


def gather_evidence(
    hazard_class: HazardClass,
    finding: BuildingFindingRow | None,
    sightings: Sequence[GeoDetection],
    covering: int | None,
) -> SaidOfBuilding:
    """Return what is said of one candidate: of its building, and by the models in its photos.

    A roof that fell says nothing of a storey that was added, and the register nothing of what was
    taken down.
    """
    said = [] if finding is None else finding.evidence
    evidence = [_evidence(each) for each in said if "probability" in each]
    silent = [
        (EvidenceKind(str(each["kind"])), str(each["reason"]))
        for each in said
        if "probability" not in each
    ]
    if hazard_class is HazardClass.DEMOLISHED:
        return SaidOfBuilding(tuple(each for each in evidence if _fell(each)))
    evidence = [each for each in evidence if not _fell(each)]
    seen = seen_by_models(sightings)
    if seen:
        evidence.append(_evidence_of_photos(seen, covering))
    return SaidOfBuilding(tuple(evidence), tuple(silent))


def seen_by_models(sightings: Iterable[GeoDetection]) -> list[GeoDetection]:
    """Return the sightings that a model saw, without those that a measurement put there."""
    return [one for one in sightings if one.detection.model_name not in NOT_SEEN_BY_MODELS]


def columns_from_evidence(evidence: Evidence) -> dict[str, object]:
    """Return a signal as JSON can hold it."""
    return {
        "kind": evidence.kind.value,
        "probability": evidence.probability,
        "figures": {name: _rounded(value) for name, value in evidence.figures.items()},
    }


def _rounded(value: float | str | None) -> float | str | None:
    return round(value, DECIMALS) if isinstance(value, float) else value


def _is_ours(candidate: Candidate) -> bool:
    return candidate.hazard_class in OF_BUILDINGS


def _weigh(candidate: Candidate, findings: Mapping[str, BuildingFindingRow]) -> Candidate:
    building = candidate.on_building
    finding = findings.get(building.building_id) if building is not None else None
    seen = seen_by_models(candidate.sightings)
    if finding is None and len(seen) == len(candidate.sightings):
        return candidate
    covering = candidate.votes.covering if candidate.votes is not None else None
    said = gather_evidence(candidate.hazard_class, finding, candidate.sightings, covering)
    votes = ViewVotes(count_classes(seen), covering) if seen else None
    return replace(candidate, score=_fuse(candidate, said.evidence), votes=votes)


def _fuse(candidate: Candidate, evidence: Sequence[Evidence]) -> float:
    if candidate.hazard_class is HazardClass.DEMOLISHED:
        return max((each.probability for each in evidence), default=candidate.score)
    return fuse_evidence(evidence) if evidence else candidate.score


def _evidence(stored: Mapping[str, object]) -> Evidence:
    figures = cast("dict[str, Any]", stored.get("figures") or {})
    return Evidence(EvidenceKind(str(stored["kind"])), float(str(stored["probability"])), figures)


def _fell(evidence: Evidence) -> bool:
    return evidence.kind is EvidenceKind.CHANGE and evidence.figures.get("verdict") == "fall"


def _evidence_of_photos(seen: Sequence[GeoDetection], covering: int | None) -> Evidence:
    """Return what the models say of all photos together."""
    evidence = evidence_from_photo(fuse_scores(seen, covering))
    photos = len({one.detection.photo_id for one in seen})
    best = max(one.detection.score for one in seen)
    figures: dict[str, float | int | str | None] = {"score": best, "photos": photos}
    return replace(evidence, figures=figures)
