"""What the things of a flight look like, computed beside the detection of other flights."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.appearance import Describer, UndescribableModelError, vector_to_bytes
from detection.domain.geometry import BBox
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from serving.db.tables import DetectionAppearanceRow, DetectionRow, PhotoRow, SightingRow
from serving.flights.photo_rows import photo_from_row
from serving.jobs.context import WorkerContext
from serving.jobs.queue import APPEARANCE_QUEUE, defer

logger = logging.getLogger(__name__)

DESCRIBE_FLIGHT = "hazardlens.describe_flight"
WAITING_FLIGHTS = """
    select (args ->> 'flight_id')::bigint from procrastinate_jobs
    where task_name = :name and status = 'todo'
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A detection that is to be described, and by whose neck."""

    detection_id: int
    photo_id: int
    model_name: str
    box: BBox


def order_descriptions(session: Session, flight_ids: Collection[int]) -> None:
    """Order that what these flights show is described; what is described is not done again.

    A flight whose order still waits gets no other one: whoever waits for it asks again and again.
    """
    waiting = set(session.scalars(text(WAITING_FLIGHTS), {"name": DESCRIBE_FLIGHT}))
    for flight_id in sorted(set(flight_ids) - waiting):
        defer(session, DESCRIBE_FLIGHT, lane=APPEARANCE_QUEUE, flight_id=flight_id)


def describe_flight(context: WorkerContext, flight_id: int) -> None:
    """Describe each sighting of a flight that the present weights have not described yet.

    A photo is one transaction. A model whose file shows no neck, or a photo that cannot be read,
    is told of and left out: nothing waits for a description.
    """
    describers = _load_describers(context)
    with context.sessions() as session:
        wanted = _list_wanted(session, flight_id, describers)
    for photo_id, group in groupby(wanted, key=lambda each: each.photo_id):
        if context.stopping.is_set():
            return
        _describe_photo(context, photo_id, list(group), describers)


def _load_describers(context: WorkerContext) -> dict[str, Describer]:
    """Return the neck of every model in force, by the model's name."""
    describers = {}
    for detector in context.models().detectors:
        manifest = detector.manifest
        try:
            describer = Describer(manifest.weights_path, manifest.weights_sha256, manifest.tile_px)
        except UndescribableModelError as error:
            logger.warning("no appearance of what %s finds: %s", manifest.name, error)
            continue
        describers[manifest.name] = describer
    return describers


def _list_wanted(
    session: Session, flight_id: int, describers: Mapping[str, Describer]
) -> list[Wanted]:
    known = DetectionAppearanceRow
    statement = (
        select(DetectionRow, known.weights_sha256)
        .join(SightingRow, SightingRow.detection_id == DetectionRow.id)
        .outerjoin(known, known.detection_id == DetectionRow.id)
        .where(DetectionRow.flight_id == flight_id, DetectionRow.model_name.in_(describers))
        .order_by(DetectionRow.photo_id, DetectionRow.id)
    )
    return [
        Wanted(
            row.id, row.photo_id, row.model_name, BBox(row.x_min, row.y_min, row.x_max, row.y_max)
        )
        for row, weights in session.execute(statement)
        if weights != describers[row.model_name].weights_sha256
    ]


def _describe_photo(
    context: WorkerContext,
    photo_id: int,
    wanted: Collection[Wanted],
    describers: Mapping[str, Describer],
) -> None:
    with context.sessions() as session:
        row = session.get_one(PhotoRow, photo_id)
        photo = photo_from_row(row, context.store.path_of(row.sha256))
    try:
        pixels = decode_photo(photo)
    except PhotoUnreadableError as error:
        logger.warning("photo %d cannot be described: %s", photo_id, error)
        return
    values = [
        {
            "detection_id": each.detection_id,
            "weights_sha256": describers[each.model_name].weights_sha256,
            "vector": vector_to_bytes(describers[each.model_name].describe(pixels, [each.box])[0]),
        }
        for each in wanted
    ]
    with context.sessions.begin() as session:
        _store(session, values)


def _store(session: Session, values: list[dict[str, object]]) -> None:
    """Write what is still there: a detection may have gone with a later run meanwhile."""
    ids = [value["detection_id"] for value in values]
    locked = select(DetectionRow.id).where(DetectionRow.id.in_(ids)).with_for_update(key_share=True)
    there = set(session.scalars(locked))
    kept = [value for value in values if value["detection_id"] in there]
    if not kept:
        return
    statement = insert(DetectionAppearanceRow).values(kept)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["detection_id"],
            set_={
                "weights_sha256": statement.excluded.weights_sha256,
                "vector": statement.excluded.vector,
            },
        )
    )
