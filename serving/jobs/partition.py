"""A few candidates of a flight put together anew from detections that a person parted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.dedupe import Constraints, group_candidates, identify_sighting
from serving.db.tables import CandidateRow, DetectionRow
from serving.flights.results import geo_detection_from_row
from serving.jobs.evidence import weigh_candidates
from serving.jobs.grouping import FlightScene, load_scene, rank_classes
from serving.jobs.ranking import rank_candidates
from serving.review.intake import FoundCandidate, put_candidate, take_sightings
from serving.storage.objects import ObjectStore


def show_exactly(
    session: Session, store: ObjectStore, flight_id: int, shown: Mapping[int, Sequence[int]]
) -> None:
    """Make candidates show exactly the given detections, placed and voted as grouping does.

    ``shown`` names the detections of each candidate. Those merged into one of them show nothing.
    """
    scene = load_scene(session, store, flight_id)
    merged = select(CandidateRow.id).where(CandidateRow.merged_into.in_(list(shown)))
    hidden = [each for each in session.scalars(merged) if each not in shown]
    before = take_sightings(session, [*shown, *hidden])
    for candidate_id, detection_ids in shown.items():
        candidate = session.get_one(CandidateRow, candidate_id)
        found = _group_as_one(session, scene, candidate, detection_ids)
        put_candidate(session, candidate, found, rank_classes(), before.get(candidate_id, []))
    rank_candidates(session, list(shown))


def _group_as_one(
    session: Session, scene: FlightScene, row: CandidateRow, detection_ids: Sequence[int]
) -> FoundCandidate:
    rows = session.scalars(select(DetectionRow).where(DetectionRow.id.in_(detection_ids)))
    stored = {geo_detection_from_row(each, outlined=False): each for each in rows}
    names = [identify_sighting(each.detection, scene.photos) for each in stored]
    together = tuple((names[0], name) for name in names[1:])
    (candidate,) = group_candidates(
        list(stored),
        scene.photos,
        constraints=Constraints(must_link=together),
        find_areas=scene.find_areas,
    )
    (candidate,) = weigh_candidates(session, row.flight_id, [candidate])
    ids = tuple(stored[sighting].id for sighting in candidate.sightings)
    return FoundCandidate(
        replace(candidate, key=row.key), ids, stored[candidate.sightings[0]].config_hash
    )
