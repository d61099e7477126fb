"""Rows to answers: what a flight, a photo, a candidate or a hazard looks like from outside."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from detection.domain.ellipse import compute_ellipse
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind
from serving.api.blind_views import events_seen_by, hide_unknown
from serving.api.candidate_views import (
    view_areas,
    view_building,
    view_finest_measure,
    view_groupings,
    view_measure,
    view_risk,
    view_same_place,
    view_votes,
)
from serving.api.correction_views import view_corrections, view_standing
from serving.api.review_schemas import (
    CandidateAnswer,
    CandidateItem,
    Ellipse,
    EventItem,
    SightingDetail,
    SightingItem,
)
from serving.api.schemas import (
    FailureAnswer,
    FlightAnswer,
    FlightFailure,
    FlightSummary,
    HazardItem,
    HazardPermit,
    PhotoAccepted,
    PhotoAnswer,
    PhotoItem,
    ProgressAnswer,
)
from serving.db.current import list_current
from serving.db.tables import (
    CandidateRow,
    DetectionRow,
    FlightRow,
    IngestFailureRow,
    PhotoRow,
    ReviewEventRow,
)
from serving.flights.catalogue import Progress, count_progress, get_flight, list_failures
from serving.flights.change_epochs import origins_of
from serving.flights.photo_rows import flags_from_row
from serving.flights.results import ground_from_row, polygons_from_row
from serving.ledger.hazards import Hazard
from serving.review.correction_events import (
    CorrectionKind,
    Corrections,
    box_from_row,
    load_corrections,
    load_corrections_for,
)
from serving.review.decision import CandidateState, Verdict
from serving.review.grouping_events import list_grouping_events
from serving.review.places import list_same_place
from serving.review.queue import get_candidate, photos_of
from serving.review.tiers import Tier
from serving.storage.derivatives import TILE_PX, top_zoom_level

API = "/api/v1"


def view_flight_summary(row: FlightRow, progress: Progress) -> FlightSummary:
    """Return a flight as it stands in a list."""
    return FlightSummary(
        id=row.id,
        name=row.name,
        kind=FlightKind(row.kind),
        site=row.site,
        state=row.state,  # type: ignore[arg-type]  # the table holds no other
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        progress=ProgressAnswer.model_validate(progress),
    )


def view_flight(session: Session, flight_id: int) -> FlightAnswer:
    """Return a flight with its exact counts and failures.

    Raises:
        FlightNotFoundError: there is no such flight.
    """
    row = get_flight(session, flight_id)
    progress = count_progress(session, [flight_id])[flight_id]
    return FlightAnswer(
        **view_flight_summary(row, progress).model_dump(),
        failure=_view_flight_failure(row),
        failures=[view_failure(failure) for failure in list_failures(session, flight_id)],
    )


def _view_flight_failure(row: FlightRow) -> FlightFailure | None:
    if row.failure_code is None:
        return None
    return FlightFailure(
        code=row.failure_code, message=row.failure_message or "", remedy=row.failure_remedy or ""
    )


def view_failure(row: IngestFailureRow) -> FailureAnswer:
    """Return a file that could not be used."""
    return FailureAnswer.model_validate(row)


def view_accepted(row: PhotoRow) -> PhotoAccepted:
    """Return the receipt of one photo."""
    accepted = PhotoAccepted.model_validate(row)
    return accepted.model_copy(update={"flags": flags_from_row(row)})


def view_photo_item(row: PhotoRow) -> PhotoItem:
    """Return a photo as it stands in a list."""
    return PhotoItem(
        id=row.id,
        name=row.name,
        lon=row.lon,
        lat=row.lat,
        yaw_deg=row.yaw_deg,
        state=row.state,  # type: ignore[arg-type]  # the table holds no other
        captured_at=row.captured_at,
        flags=flags_from_row(row),
        thumbnail_url=thumbnail_url(row.id),
    )


def view_photo(row: PhotoRow) -> PhotoAnswer:
    """Return a photo with all that is needed to show it."""
    return PhotoAnswer(
        **view_photo_item(row).model_dump(),
        flight_id=row.flight_id,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        width_px=row.width_px,
        height_px=row.height_px,
        camera_model=row.camera_model,
        altitude_agl_m=row.altitude_agl_m,
        pitch_deg=row.pitch_deg,
        warnings=row.warnings,
        original_url=f"{API}/photos/{row.id}/original",
        tiles_url=f"{API}/photos/{row.id}/tiles/{{level}}/{{x}}_{{y}}.jpg",
        tile_px=TILE_PX,
        overlap_px=0,
        max_level=top_zoom_level(row.width_px, row.height_px),
    )


def thumbnail_url(photo_id: int) -> str:
    """Return the address of a photo's small picture."""
    return f"{API}/photos/{photo_id}/thumbnail"


def view_candidate_item(row: CandidateRow) -> CandidateItem:
    """Return a candidate as it stands in the queue."""
    return CandidateItem(
        id=row.id,
        flight_id=row.flight_id,
        hazard_class=HazardClass(row.hazard_class),
        score=row.score,
        state=CandidateState(row.state),
        lon=row.lon,
        lat=row.lat,
        error_m=row.error_m,
        crop_url=f"{API}/candidates/{row.id}/crop.jpg",
        sightings=[view_sighting(sighting.detection) for sighting in row.sightings],
        votes=view_votes(row),
        is_ambiguous=row.is_ambiguous,
        revision=row.revision,
        tier=Tier(row.tier),
        risk=view_risk(row),
    )


def view_sighting(row: DetectionRow) -> SightingItem:
    """Return one box."""
    box = (row.x_min, row.y_min, row.x_max, row.y_max)
    return SightingItem(photo_id=row.photo_id, bbox_xyxy=box, score=row.score)


def view_candidate(
    session: Session, candidate_id: int, seen_by: int | None = None
) -> CandidateAnswer:
    """Return a candidate with everything a reviewer looks at.

    ``seen_by`` is the number of the person who looks; None sees everything.

    Raises:
        CandidateNotFoundError: there is no such candidate.
    """
    row = get_candidate(session, candidate_id)
    photos = photos_of(session, row)
    detections = [sighting.detection for sighting in row.sightings]
    current = list_current(session, [each.id for each in detections])
    corrections = (
        load_corrections(session, row)
        if seen_by is None
        else load_corrections_for(session, row, seen_by)
    )
    class_correction = view_standing(corrections, CorrectionKind.CLASS)
    events, mask = events_seen_by(session, candidate_id, seen_by)
    answer = CandidateAnswer(
        **view_candidate_item(row).model_dump(exclude={"sightings", "hazard_class", "origin"}),
        origin=origins_of(session, [row.id]).get(row.id),
        hazard_class=HazardClass(corrections.class_of_candidate(row)),
        key=row.key,
        duplicate_of=row.duplicate_of,
        method=row.method,
        ellipse=_view_ellipse(row),
        unplaced_reason=row.unplaced_reason,
        config_hash=row.config_hash,
        model_names=sorted({detection.model_name for detection in detections}),
        sightings=[
            _view_sighting_detail(
                detection,
                photos[detection.photo_id],
                corrections,
                is_current=detection.id in current,
            )
            for detection in detections
        ],
        history=view_history(events),
        merged_into=row.merged_into,
        place_key=row.place_key,
        on_building=view_building(session, row),
        areas=view_areas(row),
        measure=view_finest_measure(detections),
        groupings=view_groupings(list_grouping_events(session, candidate_id), candidate_id),
        same_place=view_same_place(list_same_place(session, row)),
        model_class=HazardClass(row.class_of_models) if class_correction else None,
        class_correction=class_correction,
        corrections=view_corrections(corrections),
    )
    if answer.hazard_class.value != row.hazard_class:
        answer.risk = None  # it is weighed by a class that this person is not to know
    return hide_unknown(session, answer, seen_by, mask)


def _view_sighting_detail(
    row: DetectionRow, photo: PhotoRow, corrections: Corrections, *, is_current: bool
) -> SightingDetail:
    box_correction = view_standing(corrections, CorrectionKind.BOX, row.id)
    class_correction = view_standing(corrections, CorrectionKind.CLASS, row.id)
    return SightingDetail(
        photo_id=photo.id,
        bbox_xyxy=corrections.box_of(row),
        score=row.score,
        polygons=[list(ring) for ring in polygons_from_row(row)],
        hazard_class=HazardClass(corrections.class_of(row)),
        model_bbox_xyxy=box_from_row(row) if box_correction else None,
        model_class=HazardClass(row.hazard_class) if class_correction else None,
        box_correction=box_correction,
        class_correction=class_correction,
        model_name=row.model_name,
        weights_sha256=row.weights_sha256,
        threshold=row.threshold,
        calibration_id=row.calibration_id,
        photo_name=photo.name,
        photo_url=f"{API}/photos/{photo.id}",
        thumbnail_url=thumbnail_url(photo.id),
        width_px=photo.width_px,
        height_px=photo.height_px,
        lon=photo.lon,
        lat=photo.lat,
        yaw_deg=photo.yaw_deg,
        pitch_deg=photo.pitch_deg,
        focal_px=photo.focal_px,
        captured_at=photo.captured_at,
        unplaced_reason=row.unplaced_reason,
        detection_id=row.id,
        is_current=is_current,
        measure=view_measure(row),
    )


def view_history(rows: Sequence[ReviewEventRow]) -> list[EventItem]:
    """Return what was done, oldest first, each decision with whether it was undone."""
    undone = {row.undoes for row in rows if row.undoes is not None}
    return [
        EventItem(
            id=row.id,
            kind=row.kind,  # type: ignore[arg-type]  # the table holds no other
            verdict=Verdict(row.verdict) if row.verdict else None,
            state_before=CandidateState(row.state_before),
            state_after=CandidateState(row.state_after),
            note=row.note,
            duplicate_of=row.duplicate_of,
            undoes=row.undoes,
            undone=row.id in undone,
            made_by=row.username,
            made_at=row.created_at,
        )
        for row in rows
    ]


def view_hazard(hazard: Hazard) -> HazardItem:
    """Return a confirmed candidate."""
    return HazardItem(
        id=hazard.hazard_id,
        flight_id=hazard.flight_id,
        flight_name=hazard.flight_name,
        site=hazard.site,
        hazard_class=HazardClass(hazard.hazard_class),
        score=hazard.score,
        lon=hazard.lon,
        lat=hazard.lat,
        error_m=hazard.error_m,
        sightings=hazard.sightings,
        models=list(hazard.model_names),
        threshold=hazard.threshold,
        confirmed_by=hazard.confirmed_by,
        in_dispute=hazard.in_dispute,
        confirmed_at=hazard.confirmed_at,
        decision_id=hazard.decision_id,
        note=hazard.note,
        crop_url=f"{API}/candidates/{hazard.hazard_id}/crop.jpg",
        permits=[HazardPermit.model_validate(each) for each in hazard.permits],
    )


def _view_ellipse(row: CandidateRow) -> Ellipse | None:
    ground = ground_from_row(row)
    return None if ground is None else Ellipse.model_validate(compute_ellipse(ground))
