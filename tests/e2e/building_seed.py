"""A building that rose between two flights, put in as a finished comparison puts it in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from detection.domain.photo import FlightKind
from detection.storeys.settings import load_storey_settings
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import CandidateRow, ChangeRunRow, FlightRow, PhotoRow
from serving.flights.catalogue import create_flight
from serving.flights.layer_import import LayerOrder, import_layer
from serving.flights.layers import LayerKind, list_buildings, near_flight
from serving.flights.register import load_permitted
from serving.flights.upload import receive_photo
from serving.jobs.change_result import MeasuredBuilding, Pictures, ShownIn
from serving.jobs.change_shown import SettingsHashes, store_shown
from serving.jobs.change_store import judge_building, keep_pictures, let_stand, store_findings
from serving.jobs.grouping import regroup
from serving.storage.objects import ObjectStore
from tests.drawn_layers import box_at, write_geojson
from tests.factories import draw_flight

HASHES = SettingsHashes("e" * 64, "f" * 64)
OUTLINE = ((110.0, 70.0), (210.0, 75.0), (205.0, 170.0), (105.0, 165.0))
BOX = (105.0, 70.0, 210.0, 170.0)
M_PER_PX = 0.05
RISE = BuildingChange(
    "B1", ChangeVerdict.RISE, None, 3.02, 0.18, 64.5, (), roof_before_m=9.1, roof_after_m=12.1,
    seen_share=0.96,
)  # fmt: skip
ROOF = RoofHeight("B1", 12.1, 0.25)
FIELDS = {"id": "B1", "name": "东街12号", "许可层数": 3}

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class SeededBuilding:
    """The candidate on the building, and the two flights."""

    candidate_id: int
    base_id: int
    new_id: int


def seed_building(
    database_url: str,
    data_dir: Path,
    folder: Path,
    *,
    change: BuildingChange = RISE,
    roof: RoofHeight = ROOF,
) -> SeededBuilding:
    """Store two flights, a layer with one building and a comparison that found its roof higher."""
    engine = open_engine(database_url)
    sessions, store = make_sessions(engine), ObjectStore(data_dir)
    number = next(_numbers)
    lat = 33.0 + number / 100
    base_id, new_id = (
        _upload(sessions, store, draw_flight(folder / name, 2, lat=lat), f"{name} {number}")
        for name in ("Base", "New")
    )
    _import_building(sessions, store, folder, (106.55, lat))
    with sessions.begin() as session:
        seeded = store_comparison(session, store, (base_id, new_id), [(change, roof)])
    engine.dispose()
    return SeededBuilding(seeded, base_id, new_id)


def store_comparison(
    session: Session,
    store: ObjectStore,
    flights: tuple[int, int],
    found: Sequence[tuple[BuildingChange, RoofHeight]],
) -> int:
    """Write the findings of a comparison and what they show; returns the first candidate."""
    base_id, new_id = flights
    run = ChangeRunRow(kind="compare", base_flight_id=base_id, new_flight_id=new_id)
    run.state, run.settings_hash = "running", "d" * 64
    session.add(run)
    session.flush()
    near = near_flight(session, new_id)
    features = {name: row for row, name in list_buildings(session, near)}
    permitted = load_permitted(session, near)
    judged = [
        judge_building(
            MeasuredBuilding(
                change.building_id, change, roof, _shown(session, base_id), _shown(session, new_id)
            ),
            features[change.building_id],
            permitted.get(change.building_id),
            keep_pictures(store, draw_pictures()),
            load_storey_settings(),
        )
        for change, roof in found
    ]
    store_findings(session, run.id, judged)
    store_shown(session, run, judged, HASHES)
    let_stand(session, run, {"sigma_dz_m": 0.08, "overlap_share": 0.93})
    regroup(session, store, new_id)
    statement = select(func.min(CandidateRow.id)).where(CandidateRow.flight_id == new_id)
    return session.scalars(statement).one()


def draw_pictures() -> Pictures:
    """Return a grey roof before, a lighter one now, and a field of colour for the difference."""
    before, after = (_draw(grey) for grey in (90, 190))
    return Pictures(before, after, _draw(140, "PNG"), M_PER_PX)


def _draw(grey: int, suffix: str = "JPEG") -> bytes:
    pixels = np.full((200, 260, 3), 60, np.uint8)
    pixels[40:160, 50:210] = (grey, grey, min(255, grey + 20))
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, suffix)
    return target.getvalue()


def _shown(session: Session, flight_id: int) -> tuple[ShownIn, ...]:
    photos = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id))
    return tuple(ShownIn(str(row.id), BOX, (OUTLINE,)) for row in photos)


def _upload(
    sessions: sessionmaker[Session], store: ObjectStore, photos: Sequence[Path], name: str
) -> int:
    with sessions.begin() as session:
        flight_id = create_flight(session, name=name, kind=FlightKind.DRONE).id
    for path in photos:
        with path.open("rb") as stream:
            receive_photo(
                sessions,
                store,
                flight_id=flight_id,
                file_name=path.name,
                stream=stream,
                max_bytes=50_000_000,
            )
    with sessions.begin() as session:
        done = {"state": "done", "submitted_at": func.now(), "finished_at": func.now()}
        session.execute(update(FlightRow).where(FlightRow.id == flight_id).values(done))
    return flight_id


def _import_building(
    sessions: sessionmaker[Session], store: ObjectStore, folder: Path, place: tuple[float, float]
) -> None:
    path = write_geojson(folder / "buildings.geojson", [(box_at(0, 0, place=place), FIELDS)])
    order = LayerOrder(LayerKind.BUILDINGS, "Seeded buildings", path.name)
    with path.open("rb") as stream:
        import_layer(sessions, store, order, stream, max_bytes=1_000_000)
