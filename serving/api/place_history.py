"""One place on several dates: photos of other flights, and what ties them to this one's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.orm import Session

from detection.taxonomy import load_taxonomy
from serving.api.candidates import CandidateId
from serving.api.place_schemas import (
    CounterpartAnswer,
    PlaceAnswer,
    PlaceInPhotoAnswer,
    PlaceView,
    SightingTie,
)
from serving.api.problems import describe_problems
from serving.api.review_schemas import CandidateAnswer, SamePlaceItem, SightingDetail
from serving.api.schemas import MAX_ID
from serving.api.views import view_candidate, view_photo
from serving.db.tables import PhotoRow
from serving.deps import FlightReader, QueueReader, SessionDep
from serving.flights.catalogue import get_flight, get_photo
from serving.flights.place_views import (
    PhotoOfPlace,
    PlaceInPhoto,
    at_pixel,
    choose_best_by_flight,
    find_photos_of_place,
    locate_in_photo,
    locate_middle,
)
from serving.review.queue import best_sighting, get_candidate

router = APIRouter(tags=["review"])

MAX_VIEWS = 20
STD_TO_95 = 1.96
DAY_CHARS = len("2026-11-22")


@router.get("/candidates/{candidate_id}/place", responses=describe_problems(404))
def read_place(candidate_id: CandidateId, person: QueueReader, session: SessionDep) -> PlaceAnswer:
    """Return how other flights show the place, also those in which nothing was found there."""
    candidate = view_candidate(session, candidate_id, person.user_id)
    ties = [_tie_sighting(session, candidate, each) for each in candidate.sightings]
    like = next((shown for _, shown in ties if shown is not None), None)
    day = _day_of_candidate(session, candidate)
    views = _list_found(session, candidate, day)
    taken = {view.flight_id for view in views}
    views += [
        view for view in _list_unfound(session, candidate, like, day) if view.flight_id not in taken
    ]
    views.sort(key=lambda view: (view.taken_on, view.flight_id), reverse=True)
    return PlaceAnswer(
        taken_on=day,
        sightings=[
            SightingTie(detection_id=each.detection_id, shown=_view_shown(shown))
            for each, shown in ties
        ],
        views=views[:MAX_VIEWS],
    )


@router.get("/photos/{photo_id}/counterpart", tags=["photos"], responses=describe_problems(404))
def read_counterpart(
    photo_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    flight_id: Annotated[int, Query(ge=1, le=MAX_ID)],
    _: FlightReader,
    session: SessionDep,
) -> CounterpartAnswer:
    """Return the photo of another flight that shows what is in the middle of this one."""
    row = get_photo(session, photo_id)
    middle = locate_middle(row)
    own = None if middle is None else locate_in_photo(row, *middle)
    found: list[PhotoOfPlace] = []
    if middle is not None and own is not None:
        found = find_photos_of_place(session, *middle, flight_ids=[flight_id])
    best = next(iter(choose_best_by_flight(found, own)), None)
    return CounterpartAnswer(
        photo=view_photo(row),
        shown=_view_shown(own),
        other=view_photo(best.photo) if best else None,
        other_shown=_view_shown(best.shown) if best else None,
    )


def _tie_sighting(
    session: Session, candidate: CandidateAnswer, sighting: SightingDetail
) -> tuple[SightingDetail, PlaceInPhoto | None]:
    row = get_photo(session, sighting.photo_id)
    return sighting, _locate_box(row, candidate, sighting.bbox_xyxy)


def _locate_box(
    row: PhotoRow, candidate: CandidateAnswer, box: tuple[float, float, float, float]
) -> PlaceInPhoto | None:
    """Return how a photo shows a candidate; the point is the middle of its box."""
    if candidate.lon is None or candidate.lat is None:
        return None
    shown = locate_in_photo(row, candidate.lon, candidate.lat, _height_of(candidate))
    x_min, y_min, x_max, y_max = box
    return shown and at_pixel(shown, (x_min + x_max) / 2, (y_min + y_max) / 2)


def _list_found(session: Session, candidate: CandidateAnswer, day: str) -> list[PlaceView]:
    """Return the views of flights that found something at the place."""
    views = []
    for same in candidate.same_place:
        best = best_sighting(session, get_candidate(session, same.id))
        if best is not None:
            row = get_photo(session, best.photo_id)
            box = (best.x_min, best.y_min, best.x_max, best.y_max)
            shown = _locate_box(row, candidate, box)
            views.append(_view(session, row, shown, day, found=(same, box)))
    return views


def _list_unfound(
    session: Session, candidate: CandidateAnswer, like: PlaceInPhoto | None, day: str
) -> list[PlaceView]:
    """Return the best view of each other flight, whatever was found there."""
    if candidate.lon is None or candidate.lat is None:
        return []
    photos = find_photos_of_place(
        session,
        candidate.lon,
        candidate.lat,
        height_m=_height_of(candidate),
        but_flight_id=candidate.flight_id,
    )
    return [
        _view(session, best.photo, best.shown, day, error_m=_error_m(candidate, best.photo))
        for best in choose_best_by_flight(photos, like)
    ]


def _view(
    session: Session,
    row: PhotoRow,
    shown: PlaceInPhoto | None,
    day: str,
    *,
    error_m: float | None = None,
    found: tuple[SamePlaceItem, tuple[float, float, float, float]] | None = None,
) -> PlaceView:
    flight = get_flight(session, row.flight_id)
    taken_on = (row.captured_at or flight.created_at.isoformat())[:DAY_CHARS]
    same = found[0] if found else None
    return PlaceView(
        flight_id=flight.id,
        flight_name=flight.name,
        taken_on=taken_on,
        is_earlier=taken_on <= day,
        photo=view_photo(row),
        shown=_view_shown(shown),
        is_exact=found is not None,
        error_m=error_m,
        candidate_id=same.id if same else None,
        hazard_class=same.hazard_class if same else None,
        state=same.state if same else None,
        bbox_xyxy=found[1] if found else None,
    )


def _view_shown(shown: PlaceInPhoto | None) -> PlaceInPhotoAnswer | None:
    return None if shown is None else PlaceInPhotoAnswer.model_validate(shown)


def _day_of_candidate(session: Session, candidate: CandidateAnswer) -> str:
    days = sorted(each.captured_at for each in candidate.sightings if each.captured_at)
    created = get_flight(session, candidate.flight_id).created_at.isoformat()
    return (days[0] if days else created)[:DAY_CHARS]


def _height_of(candidate: CandidateAnswer) -> float:
    """Return the height above the take-off ground at which a candidate is taken to be, metres."""
    if candidate.on_building is not None:
        return candidate.on_building.height_m
    return load_taxonomy()[candidate.hazard_class].target_height_m


def _error_m(candidate: CandidateAnswer, row: PhotoRow) -> float | None:
    """Return how far beside the place the point may be: errors of the candidate and of the pose."""
    if candidate.error_m is None or row.horizontal_std_m is None:
        return None
    return float((candidate.error_m**2 + (STD_TO_95 * row.horizontal_std_m) ** 2) ** 0.5)
