"""What is known of photos before anybody draws: detections as people left them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.current import is_current
from serving.db.tables import CandidateRow, CorrectionEventRow, DetectionRow, PhotoRow, SightingRow
from serving.labelstudio.tasks import Prediction, model_tag
from serving.review.correction_events import (
    CorrectionKind,
    Corrections,
    Target,
    class_from_event,
    load_corrections,
)

REJECTED = "rejected"


def load_predictions(
    session: Session, photo_ids: Iterable[int], classes: tuple[str, ...]
) -> dict[int, list[Prediction]]:
    """Return what to draw beforehand on each photo, the best score first.

    What a person rejected is left out, and what one corrected is sent as corrected. Detections of
    an earlier processing, and what a comparison of flights shows, are no boxes of a model.
    """
    statement = (
        select(DetectionRow, CandidateRow)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .outerjoin(SightingRow, SightingRow.detection_id == DetectionRow.id)
        .outerjoin(CandidateRow, CandidateRow.id == SightingRow.candidate_id)
        .where(
            DetectionRow.photo_id.in_(list(photo_ids)),
            DetectionRow.change_run_id.is_(None),
            is_current(),
        )
        .order_by(DetectionRow.score.desc(), DetectionRow.id)
    )
    found: defaultdict[int, list[Prediction]] = defaultdict(list)
    rows = [(row[0], row[1]) for row in session.execute(statement)]
    corrected = _load_corrected(session, {row.id: row for _, row in rows if row is not None})
    for detection, candidate in rows:
        if candidate is not None and candidate.state == REJECTED:
            continue
        prediction = _predict(detection, corrected.get(candidate.id) if candidate else None)
        if prediction.hazard_class in classes:
            found[detection.photo_id].append(prediction)
    return dict(found)


def _load_corrected(
    session: Session, candidates: dict[int, CandidateRow]
) -> dict[int, Corrections]:
    """Return the corrections of those candidates that have some."""
    statement = select(CorrectionEventRow.candidate_id).where(
        CorrectionEventRow.candidate_id.in_(candidates)
    )
    return {
        candidate_id: load_corrections(session, candidates[candidate_id])
        for candidate_id in set(session.scalars(statement))
    }


def _predict(row: DetectionRow, corrections: Corrections | None) -> Prediction:
    said = corrections or Corrections()
    box = said.box_of(row)
    is_moved = box != (row.x_min, row.y_min, row.x_max, row.y_max)
    rings = () if is_moved else tuple(tuple((x, y) for x, y in ring) for ring in row.polygons)
    return Prediction(
        row.id,
        _class_of(said, row),
        box,
        rings,
        row.score,
        model_tag(row.model_name, row.weights_sha256),
    )


def _class_of(said: Corrections, row: DetectionRow) -> str:
    """Return what a box shows: as a person said of it, else of the whole candidate, else models."""
    of_candidate = said.standing_on(Target(CorrectionKind.CLASS, None))
    of_sighting = said.standing_on(Target(CorrectionKind.CLASS, row.id))
    event = of_sighting or of_candidate
    return row.hazard_class if event is None else class_from_event(event)
