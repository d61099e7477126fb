"""Shadow models look at the photos of a chunk after those in force; nobody is shown the results."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert

from detection.domain.finding import GeoDetection
from detection.domain.photo import FlightKind, Photo
from detection.pipeline import PhotoResult, detect_photos
from serving.db.tables import FlightRow, PhotoRow, ShadowResultRow
from serving.flights.catalogue import get_flight
from serving.flights.photo_rows import photo_from_row
from serving.jobs.context import WorkerContext
from serving.jobs.loading import LoadedModels
from serving.learning.shadow_differences import AT_ONCE, compare_waiting

logger = logging.getLogger(__name__)


def look_beside(context: WorkerContext, flight_id: int, photo_ids: Sequence[int]) -> None:
    """Let each shadow model look at the photos that it has not seen; a fault is only told of.

    The photos are done already: nothing that happens here can fail a flight or a photo.
    """
    for models in context.shadows():
        try:
            _look(context, models, flight_id, photo_ids)
        except Exception:
            logger.exception("a shadow model failed on flight %d", flight_id)
    compare_shadows(context)


def compare_shadows(context: WorkerContext) -> None:
    """Hold what shadow models have said against the models in force; a fault is only told of."""
    try:
        while not context.stopping.is_set():
            with context.sessions.begin() as session:
                if compare_waiting(session) < AT_ONCE:
                    return
    except Exception:
        logger.exception("shadow models could not be compared with those in force")


def _look(
    context: WorkerContext, models: LoadedModels, flight_id: int, photo_ids: Sequence[int]
) -> None:
    with context.sessions() as session:
        kind = FlightKind(get_flight(session, flight_id).kind)
        seen = exists().where(
            ShadowResultRow.photo_id == PhotoRow.id,
            ShadowResultRow.config_hash == models.run.config_hash,
        )
        rows = session.scalars(
            select(PhotoRow)
            .where(PhotoRow.flight_id == flight_id, PhotoRow.id.in_(photo_ids))
            .where(PhotoRow.state == "done", ~seen)
            .order_by(PhotoRow.id)
        )
        photos = [photo_from_row(row, context.store.path_of(row.sha256)) for row in rows]
    wanted = _while_wanted(context, flight_id, photos)
    own = {detector.manifest.name for detector in models.detectors}
    in_force = [detector.manifest for detector in context.models().detectors]
    looked_at = detect_photos(
        wanted,
        models.detectors,
        models.settings,
        kind=kind,
        beside=[manifest for manifest in in_force if manifest.name not in own],
    )
    for result in looked_at:
        if result.failure is None:
            _store(context, models, flight_id, result)


def _while_wanted(context: WorkerContext, flight_id: int, photos: list[Photo]) -> Iterator[Photo]:
    cancelled = exists().where(FlightRow.id == flight_id, FlightRow.state == "cancelled")
    for photo in photos:
        with context.sessions() as session:
            if context.stopping.is_set() or session.scalar(select(cancelled)):
                return
        yield photo


def _store(
    context: WorkerContext, models: LoadedModels, flight_id: int, result: PhotoResult
) -> None:
    manifest = models.detectors[0].manifest
    values = {
        "photo_id": int(result.photo.photo_id),
        "config_hash": models.run.config_hash,
        "flight_id": flight_id,
        "model_name": manifest.name,
        "version": manifest.version,
        "weights_sha256": manifest.weights_sha256,
        "boxes": [_describe(found) for found in result.detections],
    }
    with context.sessions.begin() as session:
        session.execute(insert(ShadowResultRow).values(values).on_conflict_do_nothing())


def _describe(found: GeoDetection) -> dict[str, object]:
    detection = found.detection
    return {
        "hazard_class": detection.hazard_class.value,
        "score": round(detection.score, 4),
        "bbox_xyxy": [round(side, 1) for side in detection.bbox_xyxy.xyxy],
        "polygons": [
            [[round(float(x), 1), round(float(y), 1)] for x, y in ring]
            for ring in detection.polygons
        ],
    }
