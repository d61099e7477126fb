"""Look at photos of one camera from the models' floor upwards, and suggest what to label."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from detection.calibration import (
    Camera,
    ScoredBox,
    camera_of,
    load_calibration_settings,
    suggest_boxes,
)
from detection.domain.errors import HazardLensError
from detection.domain.finding import GeoDetection
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind, Photo
from detection.pipeline import detect_photos
from detection.taxonomy import load_taxonomy
from serving.db.tables import CalibrationBoxRow, CalibrationRow, PhotoRow
from serving.flights.catalogue import get_flight
from serving.flights.photo_rows import photo_from_row
from serving.jobs.chunk import StoppingError
from serving.jobs.context import WorkerContext
from serving.jobs.loading import LoadedModels
from serving.jobs.surroundings import know_surroundings
from serving.learning.calibrations import OPEN_STATES, camera_from_row, lock_calibration

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 3
PLACE_M: Final = 3.0
"""Boxes whose places on the ground lie this near are taken for one thing."""

METRES_PER_DEGREE: Final = 111_320.0


class CalibrationBrokeOffError(HazardLensError):
    """Looking at the photos broke off again and again."""

    code = "calibration_broke_off"


def look_for_calibration(context: WorkerContext, calibration_id: int) -> None:
    """Look at the photos and store their boxes, once; after a crash it begins anew.

    Raises:
        StoppingError: the process is asked to end before it is done.
    """
    row = _begin(context, calibration_id)
    if row is None:
        return
    if row.attempts > MAX_ATTEMPTS:
        give_up(context, calibration_id)
        return
    try:
        models = context.models()
        photos, kind = _choose_photos(context, row)
        found = list(_look(context, row, models, photos, kind=kind))
    except HazardLensError as error:
        # Somebody has to mend this (a model, a setting); repeating would not.
        _fail(context, calibration_id, error)
        return
    if context.stopping.is_set():
        _return_attempt(context, calibration_id)
        raise StoppingError
    _finish(context, calibration_id, models, found)


def give_up(context: WorkerContext, calibration_id: int) -> None:
    """Write that looking failed again and again."""
    message = "Looking at the photos broke off again and again."
    _fail(
        context,
        calibration_id,
        CalibrationBrokeOffError(message, remedy="See the log of the worker, then start it again."),
    )


def _begin(context: WorkerContext, calibration_id: int) -> CalibrationRow | None:
    """Count the attempt before the work: it is the only trace of one that kills us."""
    with context.sessions.begin() as session:
        row = lock_calibration(session, calibration_id)
        if row.state not in OPEN_STATES:
            return None
        row.state, row.done = "running", 0
        row.attempts += 1
        session.flush()
        session.expunge(row)
        return row


def _choose_photos(
    context: WorkerContext, row: CalibrationRow
) -> tuple[Sequence[Photo], FlightKind]:
    """Return photos of the camera, evenly spread over the flight: what they show is not chosen."""
    with context.sessions.begin() as session:
        kind = FlightKind(get_flight(session, row.flight_id).kind)
        camera = camera_from_row(row)
        photos = _list_photos(session, context, row.flight_id, camera)
        count = min(load_calibration_settings().photos, len(photos))
        chosen = [photos[index * len(photos) // count] for index in range(count)]
        session.execute(
            update(CalibrationRow).where(CalibrationRow.id == row.id).values(photos=count)
        )
    return chosen, kind


def _list_photos(
    session: Session, context: WorkerContext, flight_id: int, camera: Camera
) -> list[Photo]:
    wanted = select(PhotoRow).where(
        PhotoRow.flight_id == flight_id,
        PhotoRow.camera_model == camera.model,
        PhotoRow.state == "done",
    )
    rows = session.scalars(wanted.order_by(PhotoRow.name, PhotoRow.id))
    photos = (photo_from_row(row, context.store.path_of(row.sha256)) for row in rows)
    return [photo for photo in photos if camera_of(photo) == camera]


def _look(
    context: WorkerContext,
    row: CalibrationRow,
    models: LoadedModels,
    photos: Sequence[Photo],
    *,
    kind: FlightKind,
) -> Iterator[tuple[int, Sequence[GeoDetection]]]:
    """Yield what was found in each photo that could be read, and count it."""
    if not photos:
        return
    surroundings = know_surroundings(context, row.flight_id)
    for result in detect_photos(
        _while_wanted(context, photos),
        models.detectors,
        models.settings,
        kind=kind,
        surroundings=surroundings,
        use_thresholds=False,
    ):
        if result.failure is None:
            yield int(result.photo.photo_id), result.detections
            _count_photo(context, row.id)


def _count_photo(context: WorkerContext, calibration_id: int) -> None:
    with context.sessions.begin() as session:
        session.execute(
            update(CalibrationRow)
            .where(CalibrationRow.id == calibration_id)
            .values(done=CalibrationRow.done + 1)
        )


def _while_wanted(context: WorkerContext, photos: Sequence[Photo]) -> Iterator[Photo]:
    for photo in photos:
        if context.stopping.is_set():
            return
        yield photo


def _finish(
    context: WorkerContext,
    calibration_id: int,
    models: LoadedModels,
    found: Sequence[tuple[int, Sequence[GeoDetection]]],
) -> None:
    """Store every box and the order in which to label, in one transaction."""
    rows = [_values(calibration_id, photo_id, each) for photo_id, boxes in found for each in boxes]
    _number_suggested(rows, models)
    with context.sessions.begin() as session:
        row = lock_calibration(session, calibration_id)
        if row.state != "running":
            return
        if rows:
            session.execute(insert(CalibrationBoxRow), rows)
        row.state = "labelling"
        row.done = len(found)
        row.ready_at = datetime.now(UTC)
        row.models = [
            {
                "name": one.manifest.name,
                "version": one.manifest.version,
                "weights_sha256": one.manifest.weights_sha256,
                "thresholds": {
                    key.value: one.manifest.thresholds[key] for key in one.manifest.classes
                },
            }
            for one in models.detectors
        ]


def _number_suggested(rows: Sequence[dict[str, object]], models: LoadedModels) -> None:
    """Give the boxes to be labelled their turn: classes that matter most first."""
    taxonomy = load_taxonomy()
    count = load_calibration_settings().boxes_per_class
    manifests = [detector.manifest for detector in models.detectors]
    asked = [(manifest, key) for manifest in manifests for key in manifest.classes]
    turn = 0
    for manifest, key in sorted(asked, key=lambda one: taxonomy[one[1]].attention_order):
        own = {
            str(index): row
            for index, row in enumerate(rows)
            if (row["model_name"], row["hazard_class"]) == (manifest.name, key.value)
        }
        boxes = [
            ScoredBox(index, float(str(row["score"])), str(row["place"]))
            for index, row in own.items()
        ]
        for index in suggest_boxes(boxes, manifest.thresholds[HazardClass(key)], count):
            own[index]["ordinal"] = turn
            turn += 1


def _values(calibration_id: int, photo_id: int, found: GeoDetection) -> dict[str, object]:
    box = found.detection.bbox_xyxy
    return {
        "calibration_id": calibration_id,
        "photo_id": photo_id,
        "model_name": found.detection.model_name,
        "hazard_class": found.detection.hazard_class.value,
        "score": found.detection.score,
        "x_min": box.x_min,
        "y_min": box.y_min,
        "x_max": box.x_max,
        "y_max": box.y_max,
        "place": _name_place(found),
        "ordinal": None,
    }


def _name_place(found: GeoDetection) -> str:
    """Return a name that boxes of one thing share as a rule; empty where no place is known."""
    if found.ground is None:
        return ""
    north = found.ground.lat * METRES_PER_DEGREE
    east = found.ground.lon * METRES_PER_DEGREE * math.cos(math.radians(found.ground.lat))
    return f"{round(east / PLACE_M)}:{round(north / PLACE_M)}"


def _return_attempt(context: WorkerContext, calibration_id: int) -> None:
    with context.sessions.begin() as session:
        lock_calibration(session, calibration_id).attempts -= 1


def _fail(context: WorkerContext, calibration_id: int, error: HazardLensError) -> None:
    logger.warning("calibration %d: %s", calibration_id, error)
    with context.sessions.begin() as session:
        row = lock_calibration(session, calibration_id)
        if row.state not in OPEN_STATES:
            return
        row.state = "failed"
        row.failure_code, row.failure_message = error.code, error.message
        row.failure_remedy = error.remedy
