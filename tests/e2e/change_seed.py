"""Two flights over six houses, compared as the worker compares them, but with drawn results.

Import as ``from tests.e2e.change_seed import seed_comparison``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

from PIL import Image, ImageDraw
from shapely.geometry import mapping
from sqlalchemy import select

from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import CandidateRow, ChangeRunRow, FlightRow, PhotoRow
from serving.flights.change_epochs import place_flight
from serving.flights.layer_import import LayerOrder, import_layer
from serving.flights.layers import LayerKind
from serving.flights.register_import import RegisterOrder, import_register
from serving.jobs.change import compare_flights
from serving.jobs.change_result import (
    Comparison,
    ComparisonTask,
    MeasuredBuilding,
    Pictures,
    Report,
    ShownIn,
)
from serving.jobs.context import WorkerContext
from serving.settings import load_settings
from serving.storage.objects import ObjectStore
from tests.drawn_layers import box_at
from tests.e2e.seed import seed_candidates

SIDE_PX = 160
MAX_BYTES = 1_000_000
NAMES = ("东街1号", "东街2号", "东街3号", "东街4号", "东街5号", "东街6号")
REGISTER = "建筑编号,许可层数,建设工程规划许可证号\nH1,3,建字第1号\nH2,3,\nH3,2,\nH4,3,\nX9,2,\n"
UNCHANGED = BuildingChange(
    "H4",
    ChangeVerdict.UNCHANGED,
    height_change_m=0.03,
    height_change_std_m=0.12,
    area_m2=80.0,
    roof_before_m=9.1,
    roof_after_m=9.1,
    seen_share=0.95,
)
CANNOT_TELL = BuildingChange("H6", ChangeVerdict.CANNOT_TELL, reason="change_not_seen")
ROOFS_M = {"H1": 12.3, "H2": 3.0, "H3": 9.2, "H4": 9.1, "H5": 6.2}

_numbers = count(1)


def seed_comparison(database_url: str, data_dir: Path, folder: Path) -> tuple[int, int]:
    """Store a baseline and a later flight of one place with a layer, a register and a comparison.

    One house rose, one fell, one has more storeys than it may, one cannot be told of. Returns the
    numbers of the two flights.
    """
    lat = 41.0 + next(_numbers) / 100
    shown = [
        seed_candidates(database_url, data_dir, folder / name, lat=lat) for name in ("base", "new")
    ]
    engine = open_engine(database_url)
    sessions, store = make_sessions(engine), ObjectStore(data_dir)
    with sessions.begin() as session:
        base, new = (session.get_one(CandidateRow, ids[0]).flight_id for ids in shown)
        for flight_id, name in ((base, "Compared 2026-03"), (new, "Compared 2026-11")):
            session.get_one(FlightRow, flight_id).name = name
            place_flight(session, flight_id)
        where = select(PhotoRow.lon).where(PhotoRow.flight_id == new).limit(1)
        lon = session.scalars(where).one() or 0.0
    town = LayerOrder(LayerKind.BUILDINGS, "河西村建筑", "houses.geojson")
    layer = import_layer(sessions, store, town, draw_town(lon, lat), max_bytes=MAX_BYTES)
    order = RegisterOrder(layer.id, "河西村房屋底册", "底册.csv")
    import_register(sessions, store, order, io.BytesIO(REGISTER.encode()), max_bytes=MAX_BYTES)
    with sessions.begin() as session:
        run = ChangeRunRow(kind="compare", base_flight_id=base, new_flight_id=new)
        session.add(run)
        session.flush()
        run_id = run.id
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    part = tuple(mapping(box_at(0.0, 0.0, 8.0, (lon, lat)))["coordinates"][0])
    compare_flights(WorkerContext(settings, sessions, store, compare=_tell(part)), run_id)
    engine.dispose()
    return base, new


def draw_town(lon: float, lat: float) -> io.BytesIO:
    """Return six houses in two rows round a place."""
    features = [
        {
            "type": "Feature",
            "geometry": mapping(box_at(14.0 * (index % 3), 16.0 * (index // 3), 9.0, (lon, lat))),
            "properties": {"id": f"H{index + 1}", "name": name},
        }
        for index, name in enumerate(NAMES)
    ]
    return io.BytesIO(json.dumps({"type": "FeatureCollection", "features": features}).encode())


def _tell(
    part: tuple[tuple[float, float], ...],
) -> Callable[[ComparisonTask, Report, Callable[[], bool]], Comparison]:
    rise = replace(
        UNCHANGED,
        verdict=ChangeVerdict.RISE,
        height_change_m=3.1,
        height_change_std_m=0.2,
        part_lonlat=(part,),
        roof_after_m=12.3,
    )
    fall = replace(rise, verdict=ChangeVerdict.FALL, height_change_m=-6.1, roof_after_m=3.0)
    changes = {"H1": rise, "H2": fall, "H6": CANNOT_TELL}

    def compare(
        task: ComparisonTask, report: Report, _is_cancelled: Callable[[], bool]
    ) -> Comparison:
        report("heights", len(NAMES), len(NAMES))
        measured = [
            _measure(task, f"H{number}", changes.get(f"H{number}", UNCHANGED))
            for number in range(1, len(NAMES) + 1)
        ]
        quality = {"sigma_dz_m": 0.08, "overlap_share": 0.94, "photos_base": 2, "photos_new": 2}
        return Comparison(tuple(measured), "e" * 64, quality)

    return compare


def _measure(task: ComparisonTask, name: str, change: BuildingChange) -> MeasuredBuilding:
    roof_m = ROOFS_M.get(name)
    ring = ((20.0, 20.0), (140.0, 20.0), (140.0, 120.0), (20.0, 120.0))
    box = (20.0, 20.0, 140.0, 120.0)
    earlier = task.base.photos[:1] if task.base else ()
    return MeasuredBuilding(
        name,
        replace(change, building_id=name),
        RoofHeight(
            name, roof_m, None if roof_m is None else 0.3, None if roof_m else "change_not_seen"
        ),
        tuple(ShownIn(photo.photo_id, box, (ring,)) for photo in earlier),
        tuple(ShownIn(photo.photo_id, box, (ring,)) for photo in task.new.photos[:1]),
        None if change is CANNOT_TELL else _draw_pictures(change.verdict is ChangeVerdict.RISE),
    )


def _draw_pictures(is_higher: bool) -> Pictures:  # noqa: FBT001 - one house, drawn twice
    before = _draw_roof("#9a8f86", "JPEG")
    after = _draw_roof("#3f6fb0" if is_higher else "#9a8f86", "JPEG")
    return Pictures(before, after, _draw_roof("#d7662c" if is_higher else "#f1f1ee", "PNG"), 0.07)


def _draw_roof(color: str, kind: str) -> bytes:
    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), "#5d6a57")
    ImageDraw.Draw(picture).rectangle((30, 30, 130, 130), fill=color, outline="#222222")
    kept = io.BytesIO()
    picture.save(kept, kind)
    return kept.getvalue()
