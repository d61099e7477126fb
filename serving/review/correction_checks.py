"""What a person may say of a box or a class, and how it is written down."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.db.tables import CandidateRow, DetectionRow, PhotoRow, SightingRow
from serving.review.correction_events import BoxXyxy, CorrectionKind, Corrections, Target
from serving.review.errors import CorrectionChangedError, InvalidCorrectionError, WhyInvalid

MIN_SIDE_PX = 2.0
DECIMALS = 1
"""A box is drawn by hand: a tenth of a pixel is finer than anybody sees."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says: the box of a sighting, or the class of one or (None) of them all.

    ``expected`` is the number of the correction that they saw there; None where they saw what
    the model said.
    """

    detection_id: int | None
    bbox_xyxy: BoxXyxy | None = None
    hazard_class: HazardClass | None = None
    expected: int | None = None

    @property
    def target(self) -> Target:
        """What is spoken of."""
        kind = CorrectionKind.BOX if self.bbox_xyxy is not None else CorrectionKind.CLASS
        return Target(kind, self.detection_id)


def find_sighting(
    session: Session, row: CandidateRow, detection_id: int | None
) -> DetectionRow | None:
    """Return the sighting of a candidate that is spoken of; None for the candidate itself.

    Raises:
        CorrectionChangedError: it shows the candidate no more.
    """
    if detection_id is None:
        return None
    statement = (
        select(DetectionRow)
        .join(SightingRow, SightingRow.detection_id == DetectionRow.id)
        .where(SightingRow.candidate_id == row.id, DetectionRow.id == detection_id)
    )
    sighting = session.scalar(statement)
    if sighting is None:
        raise CorrectionChangedError(row.id)
    return sighting


def describe_present(
    row: CandidateRow, sighting: DetectionRow | None, target: Target, known: Corrections
) -> dict[str, object]:
    """Return the box or the class that holds now, as an event keeps it."""
    if target.kind is CorrectionKind.BOX and sighting is not None:
        return {"bbox_xyxy": [round(value, DECIMALS) for value in known.box_of(sighting)]}
    if sighting is not None:
        return {"hazard_class": known.class_of(sighting)}
    return {"hazard_class": known.class_of_candidate(row)}


def describe_wanted(
    session: Session, sighting: DetectionRow | None, correction: Correction
) -> dict[str, object]:
    """Return the box or the class that a person says, as an event keeps it.

    Raises:
        InvalidCorrectionError: it cannot be.
    """
    if correction.bbox_xyxy is not None:
        if sighting is None:
            raise InvalidCorrectionError(WhyInvalid.BOX_OF_NONE)
        photo = session.get_one(PhotoRow, sighting.photo_id)
        return {"bbox_xyxy": list(_fit_box(correction.bbox_xyxy, photo))}
    hazard_class = correction.hazard_class
    if hazard_class is None:
        raise InvalidCorrectionError(WhyInvalid.UNNAMED)
    if sighting is None and not hazard_class.is_hazard:
        raise InvalidCorrectionError(WhyInvalid.NO_HAZARD)
    return {"hazard_class": hazard_class.value}


def _fit_box(bbox_xyxy: BoxXyxy, photo: PhotoRow) -> BoxXyxy:
    """Return a box inside the photo, to a tenth of a pixel."""
    x_min, y_min, x_max, y_max = bbox_xyxy
    left, right = max(0.0, x_min), min(float(photo.width_px), x_max)
    top, bottom = max(0.0, y_min), min(float(photo.height_px), y_max)
    if not (right - left >= MIN_SIDE_PX and bottom - top >= MIN_SIDE_PX):
        raise InvalidCorrectionError(WhyInvalid.BAD_BOX)
    return (
        round(left, DECIMALS),
        round(top, DECIMALS),
        round(right, DECIMALS),
        round(bottom, DECIMALS),
    )
