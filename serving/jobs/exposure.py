"""Who would be hurt at a candidate: key places near it, and the building that it is on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from detection.layers.buildings import STOREY_M
from detection.layers.key_places import KeyPlaceLayer
from serving.db.tables import CandidateRow, LayerFeatureRow
from serving.flights.layer_rows import Bounds
from serving.flights.layers import find_building_at, grow_bounds, load_key_places
from serving.review.risk import Exposed
from serving.review.rules import CommercialRule, ExposureRules

MAX_DETAIL_CHARS = 80
FROM_HEIGHT = "from_height"
"""Says that nobody counted the storeys: there is room for so many."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a candidate is, as far as it is known."""

    candidate_id: int
    lon: float | None
    lat: float | None
    building_id: str | None


def place_from_row(row: CandidateRow) -> Place:
    """Return where a candidate is."""
    building_id = (row.on_building or {}).get("building_id")
    return Place(row.id, row.lon, row.lat, None if building_id is None else str(building_id))


def find_exposed(
    session: Session, places: Sequence[Place], rules: ExposureRules
) -> dict[int, list[Exposed]]:
    """Return what raises the risk of each candidate, by number."""
    key_places = _load_key_places(session, places, rules.key_place.near_m)
    buildings: dict[str, LayerFeatureRow | None] = {}
    found: dict[int, list[Exposed]] = {}
    for place in places:
        exposed = list(_expose_to_key_place(place, key_places, rules.key_place.near_m))
        building = _find_building(session, place, buildings)
        if building is not None:
            exposed += judge_building(building, rules)
        found[place.candidate_id] = exposed
    return found


def judge_building(row: LayerFeatureRow, rules: ExposureRules) -> Iterator[Exposed]:
    """Yield what of a building raises the risk: its storeys, its use."""
    storeys, detail = row.storeys, ""
    if storeys is None and row.height_m is not None:
        storeys, detail = int(row.height_m // STOREY_M), FROM_HEIGHT
    if storeys is not None and storeys >= rules.storeys.from_storeys:
        yield Exposed("storeys", detail, float(storeys))
    use = find_commercial_use(row.properties, rules.commercial)
    if use is not None:
        yield Exposed("commercial", use)


def find_commercial_use(properties: Mapping[str, object], rule: CommercialRule) -> str | None:
    """Return what the layer says of the use of a building, where that is commercial."""
    by_name = {name.casefold(): str(value) for name, value in properties.items() if value}
    for field in rule.fields:
        said = by_name.get(field.casefold(), "")
        if _holds(said, rule.words) and not _holds(said, rule.never):
            return said[:MAX_DETAIL_CHARS]
    return None


def _holds(said: str, words: Iterable[str]) -> bool:
    return any(word.casefold() in said.casefold() for word in words)


def _load_key_places(
    session: Session, places: Iterable[Place], near_m: float
) -> KeyPlaceLayer | None:
    lons = [place.lon for place in places if place.lon is not None]
    lats = [place.lat for place in places if place.lat is not None]
    if not lons or not lats:
        return None
    around = grow_bounds(Bounds(min(lons), min(lats), max(lons), max(lats)), near_m)
    return load_key_places(session, around)


def _expose_to_key_place(
    place: Place, layer: KeyPlaceLayer | None, near_m: float
) -> Iterator[Exposed]:
    if layer is None or place.lon is None or place.lat is None:
        return
    nearest = layer.find_nearest(place.lon, place.lat, near_m)
    if nearest is not None:
        key_place, distance_m = nearest
        yield Exposed("key_place", key_place.name[:MAX_DETAIL_CHARS], round(distance_m, 1))


def _find_building(
    session: Session, place: Place, known: dict[str, LayerFeatureRow | None]
) -> LayerFeatureRow | None:
    if place.building_id is None or place.lon is None or place.lat is None:
        return None
    if place.building_id not in known:
        known[place.building_id] = find_building_at(
            session, place.building_id, place.lon, place.lat
        )
    return known[place.building_id]
