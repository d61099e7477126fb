"""Detections of a flight become candidates in the queue, meanwhile and at the end.

What people merged and split by hand is told to the grouping as pairs of sightings; candidates keep
their keys when other boxes stand for them, and the key of their place when another flight saw it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from detection.dedupe import (
    Constraints,
    KnownCandidate,
    SightingId,
    carry_keys,
    group_candidates,
    identify_sighting,
)
from detection.domain.finding import AreaMembership, Candidate, GeoDetection, GroundPoint
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.georeference import assign_areas
from detection.taxonomy import load_taxonomy
from serving.db.tables import CandidateRow, DetectionRow, FlightRow, PhotoRow
from serving.flights.catalogue import lock_flight, try_lock_flight
from serving.flights.layers import ADMINISTRATIVE, load_areas, near_flight
from serving.flights.photo_rows import photo_from_row
from serving.flights.results import count_detections, list_geo_detections
from serving.jobs.appearance import order_descriptions
from serving.jobs.change_orders import order_placing
from serving.jobs.context import WorkerContext
from serving.jobs.drifting import order_drift_check
from serving.jobs.evidence import link_on_buildings, pick_of_buildings, weigh_candidates
from serving.jobs.pictures import order_cutting
from serving.jobs.places import find_places
from serving.jobs.ranking import rank_flight
from serving.review.grouping import SeenBox, link_sightings
from serving.review.grouping_events import list_acts, list_seen_boxes
from serving.review.intake import FoundCandidate, lock_candidates, store_candidates
from serving.storage.objects import ObjectStore

REGROUP_AFTER = timedelta(seconds=15)
REGROUP_AFTER_EACH = timedelta(milliseconds=3)
"""How long to wait at least, and for each detection: to put 100,000 together takes half a minute,
and that shall stay a tenth of the work."""

FindAreas = Callable[[GroundPoint], tuple[AreaMembership, ...]]


def group_flight(context: WorkerContext, flight_id: int) -> None:
    """Group the stored detections and end the flight, in one transaction; again is harmless."""
    with context.sessions.begin() as session:
        flight = lock_flight(session, flight_id)
        # Without its mark the job is of an earlier run, and photos of this one still wait.
        if flight.state != "processing" or flight.grouping_at is None:
            return
        regroup(session, context.store, flight_id)
        flight.state = "done"
        flight.finished_at = flight.grouped_at = datetime.now(UTC)
        order_descriptions(session, [flight_id])
        order_cutting(session, flight_id)
        order_placing(session, arrived=flight_id)
        order_drift_check(session)


def group_so_far(context: WorkerContext, flight_id: int) -> None:
    """Show reviewers what was found so far, now and then, while a long flight is worked on.

    At once where nothing of the flight is shown yet. Candidates that grow later keep their rows,
    and with them what was decided. A flight that somebody else holds is left alone: another worker
    groups it, or a person merges, and there will be a next time.
    """
    with context.sessions.begin() as session:
        flight = try_lock_flight(session, flight_id)
        if flight is None or not _is_due(session, flight):
            return
        regroup(session, context.store, flight_id)
        flight.grouped_at = datetime.now(UTC)
        order_cutting(session, flight_id)


def _is_due(session: Session, flight: FlightRow) -> bool:
    """Whether it is time to show what was found so far, and there is something to show."""
    if flight.state != "processing" or flight.grouping_at is not None or flight.started_at is None:
        return False
    found = count_detections(session, flight.id)
    wait = found * REGROUP_AFTER_EACH
    if session.scalar(select(exists().where(CandidateRow.flight_id == flight.id))):
        wait = max(REGROUP_AFTER, wait)
    return found > 0 and datetime.now(UTC) - (flight.grouped_at or flight.started_at) >= wait


@dataclass(frozen=True, slots=True)
class FlightScene:
    """What grouping needs of a flight besides detections: its photos by id, and its areas."""

    photos: Mapping[str, Photo]
    find_areas: FindAreas | None


def regroup(session: Session, store: ObjectStore, flight_id: int) -> None:
    """Make the queue show what the detections stored so far say.

    The flight has to be locked by the caller, where a person may merge or split at the same time.
    """
    scene = load_scene(session, store, flight_id)
    detections = list_geo_detections(session, flight_id)
    candidates = group_candidates(
        list(detections.values()),
        scene.photos,
        constraints=load_constraints(session, flight_id, detections, scene.photos),
        find_areas=scene.find_areas,
    )
    candidates = weigh_candidates(session, flight_id, candidates)
    candidates = carry_keys(candidates, list_known(session, flight_id), scene.photos)
    places = find_places(session, flight_id, candidates)
    row_ids = {found: row_id for row_id, found in detections.items()}
    hashes = _config_hashes(session, flight_id)
    found = [
        _found(candidate, row_ids, hashes, places.get(candidate.key)) for candidate in candidates
    ]
    store_candidates(session, flight_id, found, rank_classes())
    rank_flight(session, flight_id)


def load_scene(session: Session, store: ObjectStore, flight_id: int) -> FlightScene:
    """Return the photos of a flight and what is known of the areas that it lies in."""
    # A photo that was left out cannot speak against a thing that it would have shown. A comparison
    # may have shown a building in it all the same.
    shown = select(DetectionRow.photo_id).where(DetectionRow.flight_id == flight_id)
    looked_at = or_(PhotoRow.state != "left_out", PhotoRow.id.in_(shown))
    rows = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id, looked_at))
    photos = {str(row.id): photo_from_row(row, store.path_of(row.sha256)) for row in rows}
    areas = load_areas(session, near_flight(session, flight_id), ADMINISTRATIVE)
    return FlightScene(photos, None if areas is None else partial(assign_areas, areas=areas))


def load_constraints(
    session: Session,
    flight_id: int,
    detections: Mapping[int, GeoDetection],
    photos: Mapping[str, Photo],
) -> Constraints:
    """Return what people merged and split, of the sightings that are there now.

    What they did not speak of is joined where it is on one building and should be one there.
    """
    acts = list_acts(session, flight_id)
    # Naming all of a whole flight takes seconds; without an act of a person few are needed.
    concerned = detections if acts else pick_of_buildings(detections)
    named = {
        row_id: identify_sighting(found.detection, photos) for row_id, found in concerned.items()
    }
    acts = [*link_on_buildings(concerned, named), *acts]
    links = link_sightings(acts, {row_id: _seen_box(name) for row_id, name in named.items()})
    return Constraints(
        must_link=tuple((named[one], named[other]) for one, other in links.together),
        cannot_link=tuple((named[one], named[other]) for one, other in links.apart),
    )


def list_known(session: Session, flight_id: int) -> list[KnownCandidate]:
    """Return the candidates that are in the queue with their sightings, of whatever run.

    They are locked from here on: what becomes of them is decided with what was read.
    """
    rows = lock_candidates(session, flight_id)
    seen = list_seen_boxes(session, [row.id for row in rows])
    return [
        KnownCandidate(row.key, tuple(_sighting_id(box) for box in seen[row.id].values()))
        for row in rows
    ]


def rank_classes() -> dict[HazardClass, int]:
    """Return the attention order of every class (1 first)."""
    return {key: entry.attention_order for key, entry in load_taxonomy().items()}


def _seen_box(name: SightingId) -> SeenBox:
    return SeenBox(name.photo_sha256, name.hazard_thing, name.bbox_xyxy.xyxy)


def _sighting_id(box: SeenBox) -> SightingId:
    return SightingId(box.photo_sha256, box.thing, BBox(*box.bbox_xyxy))


def _found(
    candidate: Candidate,
    row_ids: Mapping[GeoDetection, int],
    hashes: Mapping[int, str],
    place_key: str | None,
) -> FoundCandidate:
    ids = tuple(row_ids[sighting] for sighting in candidate.sightings)
    return FoundCandidate(candidate, ids, hashes[ids[0]], place_key)


def _config_hashes(session: Session, flight_id: int) -> dict[int, str]:
    statement = select(DetectionRow.id, DetectionRow.config_hash)
    rows = session.execute(statement.where(DetectionRow.flight_id == flight_id))
    return dict(rows.all())
