"""What the models said of a photo, stored once, and read back for grouping."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, defer

from detection.domain.finding import Detection, GeoDetection, GroundPoint
from detection.domain.geometry import BBox, Polygon
from detection.domain.hazard import HazardClass
from detection.domain.photo import IngestFailure
from serving.db.current import is_current
from serving.db.finding_columns import (
    building_from_columns,
    columns_from_building,
    columns_from_measure,
    measure_from_columns,
)
from serving.db.tables import (
    CandidateRow,
    DetectionRow,
    FlightRow,
    IngestFailureRow,
    PhotoRow,
)

OUTLINE_DECIMALS = 2
ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """With what a photo was looked at: the hash of the configuration and the thresholds.

    ``calibrations`` are the numbers of those whose threshold was in place of the model's own.
    """

    config_hash: str
    thresholds: Mapping[tuple[str, HazardClass], float]
    calibrations: Mapping[tuple[str, HazardClass], int] = field(default_factory=dict)

    def threshold_of(self, detection: Detection) -> float | None:
        """Return the threshold that the detection passed."""
        return self.thresholds.get((detection.model_name, detection.hazard_class))

    def calibration_of(self, detection: Detection) -> int | None:
        """Return the calibration that the threshold comes from; None where it is the model's."""
        return self.calibrations.get((detection.model_name, detection.hazard_class))


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What came of one photo: its detections with their identity, or why it could not be used.

    ``flight_run`` is the processing of the flight that it was looked at for; None: that of now.
    """

    photo_id: int
    detections: tuple[GeoDetection, ...] = ()
    run: RunIdentity | None = None
    failure: IngestFailure | None = None
    flight_run: int | None = None


def store_results(session: Session, results: Sequence[LookedAt]) -> int:
    """Write what came of several photos and mark them done or failed, all or nothing, each once.

    Returns how many there were to write: a photo that was finished before is left as it is, and so
    is one that is to be looked at anew since.
    """
    photos = _take_queued(session, [each.photo_id for each in results])
    runs = _runs_of(session, {photo.flight_id for photo in photos.values()})
    waiting = {
        each.photo_id: each
        for each in results
        if each.photo_id in photos
        and each.flight_run in {None, runs[photos[each.photo_id].flight_id]}
    }
    found, broken = [], []
    for photo_id, each in waiting.items():
        photo = photos[photo_id]
        if each.failure is not None:
            broken.append(_failure_values(photo, each.failure))
        elif each.run is not None:
            # From now on these stand for the photo, and those of an earlier run no more.
            photo.run = runs[photo.flight_id]
            found += _all_values(photo, each.detections, each.run)
        _finish(photo, "done" if each.failure is None else "failed")
    if found:
        session.execute(insert(DetectionRow).on_conflict_do_nothing(), found)
    if broken:
        session.execute(insert(IngestFailureRow).on_conflict_do_nothing(), broken)
    return len(waiting)


def store_detections(
    session: Session, photo_id: int, detections: Sequence[GeoDetection], run: RunIdentity
) -> bool:
    """Write the detections of one photo and mark it done, all or nothing, once.

    Returns False, and writes nothing, where the photo was finished before.
    """
    return bool(store_results(session, [LookedAt(photo_id, tuple(detections), run)]))


def store_failure(session: Session, photo_id: int, failure: IngestFailure) -> bool:
    """Mark a photo as failed and write why, once; False where it was finished before."""
    return bool(store_results(session, [LookedAt(photo_id, failure=failure)]))


def requeue_failed(session: Session, flight_id: int) -> int:
    """Give the failed photos of a flight another try; returns how many there were."""
    return _requeue(session, PhotoRow.flight_id == flight_id, PhotoRow.state == "failed")


def requeue_left_out(session: Session, flight_id: int) -> int:
    """Have the photos looked at that were left out; returns how many there were."""
    return _requeue(session, PhotoRow.flight_id == flight_id, PhotoRow.state == "left_out")


def requeue_all(session: Session, flight_id: int) -> int:
    """Have every photo of a flight looked at anew; returns how many there are.

    What was found before stands for a photo until the new look at it is stored.
    """
    return _requeue(session, PhotoRow.flight_id == flight_id)


def lock_photos(session: Session, *wanted: ColumnElement[bool]) -> list[int]:
    """Lock photos in the order of their numbers, as results are stored; returns the numbers.

    Whoever changes several does so first: in the order in which rows happen to lie, two would wait
    for each other for ever.
    """
    photos = select(PhotoRow.id).where(*wanted).order_by(PhotoRow.id)
    return list(session.scalars(photos.with_for_update(key_share=True)))


def _requeue(session: Session, *wanted: ColumnElement[bool]) -> int:
    ids = lock_photos(session, *wanted)
    for start in range(0, len(ids), ROWS_AT_ONCE):  # a statement takes 65,535 values
        part = ids[start : start + ROWS_AT_ONCE]
        session.execute(delete(IngestFailureRow).where(IngestFailureRow.photo_id.in_(part)))
        session.execute(
            update(PhotoRow)
            .where(PhotoRow.id.in_(part))
            .values(state="queued", attempts=0, processed_at=None)
        )
    return len(ids)


def count_detections(session: Session, flight_id: int) -> int:
    """Return how many detections of a flight are stored, of whatever run."""
    statement = select(func.count()).where(DetectionRow.flight_id == flight_id)
    return session.scalars(statement).one()


def list_geo_detections(session: Session, flight_id: int) -> dict[int, GeoDetection]:
    """Return every current detection of a flight by the number of its row, without outlines.

    Those of a whole flight are large, and grouping looks at boxes alone. Current are those of the
    run that stands for their photo, and of the comparison that stands for the flight.
    """
    statement = (
        select(DetectionRow)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .where(DetectionRow.flight_id == flight_id, is_current())
    )
    rows = session.scalars(
        statement.order_by(DetectionRow.id)
        .options(defer(DetectionRow.polygons))
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    return {row.id: geo_detection_from_row(row, outlined=False) for row in rows}


def geo_detection_from_row(row: DetectionRow, *, outlined: bool = True) -> GeoDetection:
    """Return a stored detection as the detection room knows it, with its outline or without."""
    detection = Detection(
        photo_id=str(row.photo_id),
        hazard_class=HazardClass(row.hazard_class),
        score=row.score,
        bbox_xyxy=BBox(row.x_min, row.y_min, row.x_max, row.y_max),
        model_name=row.model_name,
        weights_sha256=row.weights_sha256,
        polygons=polygons_from_row(row) if outlined else (),
    )
    return GeoDetection(
        detection,
        ground_from_row(row),
        row.unplaced_reason,
        on_building=building_from_columns(row.on_building),
        measure=measure_from_columns(row.measure),
    )


def polygons_from_row(row: DetectionRow) -> tuple[Polygon, ...]:
    """Return the outline of a stored detection, one ring per piece; none of a model of boxes."""
    return tuple(tuple((x, y) for x, y in ring) for ring in row.polygons)


def _take_queued(session: Session, photo_ids: Sequence[int]) -> dict[int, PhotoRow]:
    """Lock photos that still wait, by number; those with which another run was faster are left."""
    statement = select(PhotoRow).where(PhotoRow.id.in_(photo_ids), PhotoRow.state == "queued")
    locked = statement.order_by(PhotoRow.id).with_for_update()
    rows = session.scalars(locked.execution_options(populate_existing=True))
    return {row.id: row for row in rows}


def _runs_of(session: Session, flight_ids: Collection[int]) -> dict[int, int]:
    """Return which processing each flight is at."""
    statement = select(FlightRow.id, FlightRow.run).where(FlightRow.id.in_(flight_ids))
    return dict(session.execute(statement).all())


def _finish(photo: PhotoRow, state: str) -> None:
    photo.state = state
    photo.processed_at = datetime.now(UTC)


def _by_score(found: GeoDetection) -> tuple[float, tuple[float, float, float, float]]:
    return (-found.detection.score, found.detection.bbox_xyxy.xyxy)


def _failure_values(photo: PhotoRow, failure: IngestFailure) -> dict[str, object]:
    return {
        "flight_id": photo.flight_id,
        "photo_id": photo.id,
        "file_name": photo.name,
        "code": failure.code,
        "message": failure.message,
        "remedy": failure.remedy,
    }


def _all_values(
    photo: PhotoRow, detections: Sequence[GeoDetection], run: RunIdentity
) -> list[dict[str, object]]:
    """Return the rows of a photo's detections, best score first."""
    in_order = enumerate(sorted(detections, key=_by_score))
    return [_values(photo, ordinal, found, run) for ordinal, found in in_order]


def _values(
    photo: PhotoRow, ordinal: int, found: GeoDetection, run: RunIdentity
) -> dict[str, object]:
    detection, ground, box = found.detection, found.ground, found.detection.bbox_xyxy
    return {
        "flight_id": photo.flight_id,
        "photo_id": photo.id,
        "run": photo.run,
        "ordinal": ordinal,
        "hazard_class": detection.hazard_class.value,
        "score": detection.score,
        "x_min": box.x_min,
        "y_min": box.y_min,
        "x_max": box.x_max,
        "y_max": box.y_max,
        "polygons": _rings(detection.polygons),
        "model_name": detection.model_name,
        "weights_sha256": detection.weights_sha256,
        "config_hash": run.config_hash,
        "threshold": run.threshold_of(detection),
        "calibration_id": run.calibration_of(detection),
        "unplaced_reason": found.unplaced_reason,
        "on_building": columns_from_building(found.on_building),
        "measure": columns_from_measure(found.measure),
        "lon": ground.lon if ground else None,
        "lat": ground.lat if ground else None,
        "cov_ee_m2": ground.cov_ee_m2 if ground else None,
        "cov_en_m2": ground.cov_en_m2 if ground else None,
        "cov_nn_m2": ground.cov_nn_m2 if ground else None,
        "method": ground.method if ground else None,
    }


def _rings(polygons: Sequence[Polygon]) -> list[list[list[float]]]:
    """Return an outline as it is stored: no finer than a model can know."""
    return [
        [[round(float(x), OUTLINE_DECIMALS), round(float(y), OUTLINE_DECIMALS)] for x, y in ring]
        for ring in polygons
    ]


def ground_from_row(row: DetectionRow | CandidateRow) -> GroundPoint | None:
    """Return the place of a detection or candidate with its error; None where it has none."""
    lon, lat, method = row.lon, row.lat, row.method
    cov_ee, cov_en, cov_nn = row.cov_ee_m2, row.cov_en_m2, row.cov_nn_m2
    if lon is None or lat is None or cov_ee is None or cov_en is None or cov_nn is None:
        return None
    return GroundPoint(lon, lat, cov_ee, cov_en, cov_nn, method or "")
