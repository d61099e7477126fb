"""Candidates to labels: what the standing decisions and corrections say of each sighting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.db.current import is_current
from serving.db.tables import (
    CandidateRow,
    CorrectionEventRow,
    DetectionRow,
    PhotoRow,
    ReviewEventRow,
    SightingRow,
)
from serving.learning.decisions.rows import ExportedLabel, Outline, UndecidedBox
from serving.review.blind.masks import disputed_ids
from serving.review.correction_events import (
    CorrectionKind,
    Corrections,
    Target,
    box_from_row,
    load_corrections,
)
from serving.review.decision import CandidateState, standing_decisions
from serving.review.event_rows import events_from_rows

DECIDED = (CandidateState.CONFIRMED.value, CandidateState.REJECTED.value)
SHA_SHORT = 12
OF_COMPARISON = "comparison"
NOT_REVIEWED = "not_reviewed"
DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class Seen:
    """One detection with its photo and, where it shows one, its candidate."""

    detection: DetectionRow
    photo_sha256: str
    candidate: CandidateRow | None


def list_seen(session: Session, photo_ids: Sequence[int]) -> list[Seen]:
    """Return every detection of some photos that counts now, in the order of their numbers."""
    statement = (
        select(DetectionRow, PhotoRow.sha256, CandidateRow)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .outerjoin(SightingRow, SightingRow.detection_id == DetectionRow.id)
        .outerjoin(CandidateRow, CandidateRow.id == SightingRow.candidate_id)
        .where(DetectionRow.photo_id.in_(photo_ids), is_current())
        .order_by(DetectionRow.id)
    )
    return [Seen(*row) for row in session.execute(statement)]


def label_sightings(
    session: Session, seen: Sequence[Seen]
) -> tuple[list[ExportedLabel], list[UndecidedBox]]:
    """Return the labels that people's decisions make of detections, and what stays undecided.

    A decision stands until it is undone. Unsure, duplicate and pending candidates are undecided,
    and so is what two people disagree about. What a comparison of flights found has no box that a
    model or a person drew in the photo; it is undecided too.
    """
    candidates = {item.candidate.id: item.candidate for item in seen if item.candidate}
    decisions = _standing_decisions(session, candidates)
    disputed = disputed_ids(session, candidates)
    corrections = _corrections(session, seen)
    labels: list[ExportedLabel] = []
    undecided: list[UndecidedBox] = []
    for item in seen:
        known = corrections.get(item.candidate.id) if item.candidate else None
        why = _why_undecided(item, disputed, decisions)
        if item.candidate is not None and not why:
            events = decisions[item.candidate.id]
            labels.append(_label(item, item.candidate, known or Corrections(), events))
        else:
            undecided.append(_undecided(item, known or Corrections(), why))
    return labels, undecided


def _why_undecided(
    item: Seen, disputed: frozenset[int], decisions: Mapping[int, tuple[int, ...]]
) -> str:
    """Return why nothing may be concluded of a sighting; empty where it was decided."""
    if item.candidate is None:
        return NOT_REVIEWED
    if item.candidate.id in disputed:
        return DISPUTED
    if item.candidate.state not in DECIDED or item.candidate.id not in decisions:
        return item.candidate.state
    return OF_COMPARISON if item.detection.change_run_id is not None else ""


def _label(
    item: Seen, candidate: CandidateRow, known: Corrections, events: tuple[int, ...]
) -> ExportedLabel:
    """Return what a decided sighting teaches.

    The class is that of the sighting where somebody corrected it there, else of the candidate. A
    sighting that somebody called harmless (a whole cover) is that, whatever the hazard became.
    """
    row = item.detection
    box_event = known.standing_on(Target(CorrectionKind.BOX, row.id))
    own_class = known.standing_on(Target(CorrectionKind.CLASS, row.id))
    of_all = known.standing_on(Target(CorrectionKind.CLASS, None))
    hazard_class = known.class_of(row) if own_class else known.class_of_candidate(candidate)
    is_there = (
        candidate.state == CandidateState.CONFIRMED.value or not HazardClass(hazard_class).is_hazard
    )
    used = [event.id for event in (box_event, own_class or of_all) if event is not None]
    return ExportedLabel(
        photo_sha256=item.photo_sha256,
        flight_id=row.flight_id,
        origin="decision",
        verdict="confirmed" if is_there else "rejected",
        hazard_class=hazard_class,
        bbox_xyxy=known.box_of(row),
        model_class=row.hazard_class,
        # The outline is the model's: it does not fit a box that a person drew.
        outline=_outline(row) if box_event is None else None,
        event_ids=events,
        correction_event_ids=tuple(sorted(used)),
        candidate_key=candidate.key,
        place_key=candidate.place_key,
        place_group=candidate.place_key or f"{row.flight_id}/{candidate.key}",
        model=f"{row.model_name}@{row.weights_sha256[:SHA_SHORT]}",
        weights_sha256=row.weights_sha256,
        score=row.score,
    )


def _outline(row: DetectionRow) -> Outline | None:
    rings = [[[float(x), float(y)] for x, y in ring] for ring in row.polygons]
    return [ring for ring in rings if len(ring) > 2] or None  # noqa: PLR2004  # a triangle


def _undecided(item: Seen, known: Corrections, why: str) -> UndecidedBox:
    row = item.detection
    return UndecidedBox(
        item.photo_sha256, row.flight_id, known.class_of(row), _wider(row, known), why
    )


def _wider(row: DetectionRow, known: Corrections) -> tuple[float, float, float, float]:
    """Return the box around what the model and a person drew: neither may be learnt."""
    first, second = box_from_row(row), known.box_of(row)
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def _standing_decisions(
    session: Session, candidate_ids: Iterable[int]
) -> dict[int, tuple[int, ...]]:
    """Return the number of the decision that stands for each decided candidate."""
    statement = select(ReviewEventRow).where(ReviewEventRow.candidate_id.in_(list(candidate_ids)))
    rows: dict[int, list[ReviewEventRow]] = defaultdict(list)
    for row in session.scalars(statement.order_by(ReviewEventRow.id)):
        rows[row.candidate_id].append(row)
    standing = {key: standing_decisions(events_from_rows(own)) for key, own in rows.items()}
    return {key: (found[-1].event_id,) for key, found in standing.items() if found}


def _corrections(session: Session, seen: Sequence[Seen]) -> dict[int, Corrections]:
    """Return what was corrected of the candidates, by number; most have no correction."""
    flights = {item.detection.flight_id for item in seen}
    statement = select(CorrectionEventRow.candidate_id, CorrectionEventRow.photo_sha256).where(
        CorrectionEventRow.flight_id.in_(flights), CorrectionEventRow.is_opinion.is_(False)
    )
    told = session.execute(statement).all()
    numbers, photos = {row[0] for row in told}, {row[1] for row in told}
    corrected = {
        item.candidate.id: item.candidate
        for item in seen
        if item.candidate and (item.candidate.id in numbers or item.photo_sha256 in photos)
    }
    return {number: load_corrections(session, row) for number, row in corrected.items()}
