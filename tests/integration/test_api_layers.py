"""Layers over HTTP: import with a declared system, look, delete, and load what is near a flight."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from fastapi.testclient import TestClient
from httpx import Response
from rasterio.transform import from_origin
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from detection.layers.gcj02 import gcj02_from_wgs84
from serving.db.tables import FlightRow, LayerFeatureRow, LayerRow
from serving.deps import Services
from serving.flights.layer_rows import Bounds
from serving.flights.layers import (
    LayerKind,
    find_building,
    load_buildings,
    load_surroundings,
    near_flight,
)

LON, LAT = 106.5507, 29.5647


def square(lon: float, lat: float, side_deg: float = 1e-4) -> dict[str, object]:
    ring = [(lon, lat), (lon + side_deg, lat), (lon + side_deg, lat + side_deg)]
    ring += [(lon, lat + side_deg), (lon, lat)]
    return {"type": "Polygon", "coordinates": [ring]}


def geojson(*features: tuple[dict[str, object], dict[str, object]]) -> bytes:
    rows = [
        {"type": "Feature", "geometry": geometry, "properties": properties}
        for geometry, properties in features
    ]
    return json.dumps({"type": "FeatureCollection", "features": rows}).encode()


def town() -> bytes:
    """Return three buildings in a row, the last far away."""
    return geojson(
        (square(LON, LAT), {"id": "B1", "name": "一号楼", "height": 12.5}),
        (square(LON + 2e-4, LAT), {"id": "B2", "name": "二号楼", "floors": 3}),
        (square(LON + 0.5, LAT), {"id": "B3", "name": "远处"}),
    )


def bring(
    client: TestClient, content: bytes, file_name: str = "town.geojson", **form: str
) -> Response:
    values = {"kind": "buildings", "name": "Town"} | form
    answer: Response = client.post("/layers", data=values, files={"file": (file_name, content)})
    return answer


def check_problem(answer: Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["remedy"]


def test_layer_is_imported_listed_looked_at_and_deleted(
    engineer: TestClient, sessions: sessionmaker[Session]
) -> None:
    made = bring(engineer, town())
    assert made.status_code == 201, made.text
    layer = made.json()
    assert made.headers["location"] == f"/api/v1/layers/{layer['id']}"
    assert (layer["kind"], layer["feature_count"], layer["created_by"]) == (
        "buildings",
        3,
        "engineer",
    )
    assert layer["fields"]["feature_id"] == "id"
    assert engineer.get("/layers").json()["items"] == [layer]
    assert engineer.get(f"/layers/{layer['id']}").json() == layer
    west, south, east, north = layer["bounds"]
    assert (west, south) == pytest.approx((LON, LAT))
    assert (east, north) == pytest.approx((LON + 0.5001, LAT + 1e-4))

    seen = engineer.get(f"/layers/{layer['id']}/features").json()
    assert [feature["id"] for feature in seen["features"]] == ["B1", "B2", "B3"]
    assert seen["features"][0]["properties"]["height_m"] == 12.5
    assert shapely.from_geojson(json.dumps(seen["features"][0]["geometry"])).area > 0
    box = {"west": LON + 1.5e-4, "south": LAT, "east": LON + 1e-3, "north": LAT + 1e-3}
    part = engineer.get(f"/layers/{layer['id']}/features", params=box).json()
    assert [feature["id"] for feature in part["features"]] == ["B2"]
    first = engineer.get(f"/layers/{layer['id']}/features", params={"limit": 2}).json()
    assert (len(first["features"]), first["complete"], seen["complete"]) == (2, False, True)

    assert engineer.delete(f"/layers/{layer['id']}").status_code == 204
    assert engineer.get("/layers").json()["items"] == []
    check_problem(engineer.get(f"/layers/{layer['id']}"), 404, "layer_not_found")
    check_problem(engineer.delete(f"/layers/{layer['id']}"), 404, "layer_not_found")
    with sessions() as session:  # what was found with it can still be explained
        row = session.get_one(LayerRow, layer["id"])
        assert row.deleted_by is not None
        assert len(session.scalars(select(LayerFeatureRow)).all()) == 3


def test_same_file_is_one_layer_until_it_is_deleted(engineer: TestClient) -> None:
    layer_id = bring(engineer, town()).json()["id"]
    check_problem(bring(engineer, town(), file_name="copy.geojson"), 409, "layer_exists")
    engineer.delete(f"/layers/{layer_id}")
    assert bring(engineer, town()).status_code == 201


def test_declared_gcj02_is_converted_once(engineer: TestClient) -> None:
    shifted = gcj02_from_wgs84(np.array([[LON, LAT]]))[0]
    point: dict[str, object] = {"type": "Point", "coordinates": shifted.tolist()}
    content = geojson((point, {"编号": "J-1"}))
    made = bring(engineer, content, kind="covers", crs="GCJ-02").json()
    assert made["crs"] == "GCJ-02"
    assert made["bounds"][:2] == pytest.approx([LON, LAT], abs=1e-7)


def shapefile(folder: Path, crs: str | None) -> bytes:
    """Return a zipped Shapefile of one building in metres."""
    shapes = np.array([shapely.box(500_000, 3_270_000, 500_020, 3_270_010)])
    folder.mkdir()
    pyogrio.raw.write(
        folder / "房屋.shp",
        geometry=shapely.to_wkb(shapes),
        field_data=[np.array(["A-7"], dtype=object)],
        fields=["BM"],
        geometry_type="Polygon",
        crs=crs,
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for part in folder.iterdir():
            archive.write(part, f"导出/{part.name}")
    return packed.getvalue()


def test_zipped_shapefile_in_a_projected_system_is_read(
    engineer: TestClient, tmp_path: Path
) -> None:
    content = shapefile(tmp_path / "with", "EPSG:4545")
    made = bring(engineer, content, file_name="房屋.zip")
    assert made.status_code == 201, made.text
    assert made.json()["bounds"][0] == pytest.approx(108.0, abs=0.01)


def test_layer_without_a_system_is_refused_until_it_is_declared(
    engineer: TestClient, tmp_path: Path
) -> None:
    content = shapefile(tmp_path / "without", None)
    refused = bring(engineer, content, file_name="houses.zip")
    check_problem(refused, 422, "layer_without_crs")
    assert "houses" in refused.json()["detail"]
    assert bring(engineer, content, file_name="houses.zip", crs="EPSG:4545").status_code == 201
    check_problem(bring(engineer, town(), crs="EPSG:1"), 422, "layer_crs_unknown")


def geotiff(folder: Path) -> bytes:
    path = folder / "dem.tif"
    profile = {"driver": "GTiff", "width": 60, "height": 40, "count": 1, "dtype": "float32"}
    corner = from_origin(LON - 0.003, LAT + 0.002, 1e-4, 1e-4)
    with rasterio.open(path, "w", **profile, crs="EPSG:4326", transform=corner) as raster:
        raster.write(np.full((40, 60), 250.0, np.float32), 1)
    return path.read_bytes()


def test_terrain_is_a_layer_of_cells(engineer: TestClient, tmp_path: Path) -> None:
    made = bring(engineer, geotiff(tmp_path), file_name="dem.tif", kind="terrain")
    assert made.status_code == 201, made.text
    layer = made.json()
    assert layer["feature_count"] == 60 * 40
    assert layer["bounds"] == pytest.approx([LON - 0.003, LAT - 0.002, LON + 0.003, LAT + 0.002])
    assert engineer.get(f"/layers/{layer['id']}/features").json()["features"] == []


BAD_LAYERS: list[tuple[bytes, str, dict[str, str], str]] = [
    (b"<OGRVRTDataSource/>", "trick.geojson", {}, "layer_format"),
    (b"", "empty.geojson", {}, "layer_format"),
    (b"PK\x03\x04 nothing", "broken.zip", {}, "layer_format"),
    (b"{ this is no JSON", "bad.geojson", {}, "layer_unreadable"),
    (b'{"type": "FeatureCollection", "features": []}', "none.geojson", {}, "layer_empty"),
    (b"II*\x00 no raster", "dem.tif", {"kind": "terrain"}, "invalid_input"),
    (b"II*\x00 no raster", "dem.tif", {}, "layer_format"),
    (b"{}", "a.geojson", {"kind": "areas"}, "invalid_input"),
    (b"{}", "a.geojson", {"level": "grid"}, "invalid_input"),
    (b"{}", "a.geojson", {"kind": "roads"}, "invalid_request"),
    (b"{}", "a.geojson", {"name": " "}, "invalid_request"),
]


def test_bad_layers_are_refused_by_name_and_nothing_stays(engineer: TestClient) -> None:
    for content, file_name, form, code in BAD_LAYERS:
        check_problem(bring(engineer, content, file_name, **form), 422, code)
    assert engineer.get("/layers").json()["items"] == []


def test_unknown_field_is_named(engineer: TestClient) -> None:
    refused = bring(engineer, town(), height_field="楼高")
    check_problem(refused, 422, "layer_field_unknown")
    assert "楼高" in refused.json()["detail"]


def test_too_large_a_layer_is_refused(engineer: TestClient) -> None:
    check_problem(bring(engineer, b"{" + b" " * 6_500_000), 413, "file_too_large")


def test_zip_with_names_that_lead_elsewhere_writes_nowhere(
    engineer: TestClient, tmp_path: Path
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for suffix in (".shp", ".shx", ".dbf"):
            archive.writestr(f"../../{tmp_path.name}/evil{suffix}", b"x")
    check_problem(bring(engineer, packed.getvalue(), file_name="evil.zip"), 422, "layer_unreadable")
    assert list(tmp_path.glob("evil*")) == []


def test_flight_loads_what_lies_near_it_with_ids_of_their_own(
    engineer: TestClient,
    services: Services,
    flight_of: Callable[[int], FlightRow],
    tmp_path: Path,
) -> None:
    bring(engineer, town())
    bring(engineer, geojson((square(LON, LAT + 1e-3), {"id": "B1"})), file_name="more.geojson")
    grid = geojson((square(LON - 1e-3, LAT - 1e-3, 3e-3), {"id": "G1", "name": "网格一"}))
    bring(engineer, grid, kind="areas", level="grid")
    bring(engineer, grid, kind="areas", level="survey")
    bring(engineer, geotiff(tmp_path), file_name="dem.tif", kind="terrain")
    with services.sessions() as session:
        near = near_flight(session, flight_of(2).id)
        found = load_surroundings(session, services.store, near)
        everywhere = load_surroundings(session, services.store, None)
        elsewhere = load_surroundings(session, services.store, Bounds(0.0, 0.0, 1.0, 1.0))
    assert found.buildings is not None
    ids = [one.building_id for one in found.buildings.buildings]
    assert (ids[:2], len(set(ids)), len(ids)) == (["B1", "B2"], 3, 3)
    assert found.areas is not None
    assert [(area.area_id, area.level) for area in found.areas.areas] == [("G1", "grid")]
    assert found.terrain is not None
    assert everywhere.buildings is not None
    assert len(everywhere.buildings) == 4
    assert (elsewhere.buildings, elsewhere.areas, elsewhere.terrain) == (None, None, None)


def test_building_is_called_as_in_the_layer_near_it(
    engineer: TestClient, sessions: sessionmaker[Session]
) -> None:
    here = Bounds(LON, LAT, LON + 1e-3, LAT + 1e-3)
    there = Bounds(LON + 0.5, LAT, LON + 0.501, LAT + 1e-3)
    # Without ids, every file numbers its rows in the same way.
    for lon, names in ((LON + 0.5, ["远处"]), (LON, ["一号楼"]), (LON, ["甲楼", "乙楼"])):
        rows: list[tuple[dict[str, object], dict[str, object]]]
        rows = [(square(lon, LAT), {"name": name}) for name in names]
        assert bring(engineer, geojson(*rows)).status_code == 201
    with sessions() as session:
        for near, wanted in ((here, ["一号楼", "甲楼", "乙楼"]), (there, ["远处"])):
            loaded = load_buildings(session, near)
            assert loaded is not None
            assert [one.name for one in loaded.features] == wanted
            found = [find_building(session, one.building_id, near) for one in loaded.features]
            named = [row.name if row else None for row in found]
            assert named == wanted


@pytest.mark.parametrize("kind", LayerKind)
def test_program_that_looks_like_geojson_reads_no_file_of_the_server(
    engineer: TestClient, tmp_path: Path, kind: LayerKind
) -> None:
    secret = tmp_path / "secret.geojson"
    secret.write_bytes(town())
    steps = f"gdal vector pipeline ! read {secret} ! write --of stream streamed_dataset"
    content = json.dumps({"type": "gdal_streamed_alg", "command_line": steps}).encode()
    level = {"level": "grid"} if kind is LayerKind.AREAS else {}
    answer = bring(engineer, content, kind=kind.value, **level)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in {"layer_unreadable", "layer_format"}
    assert engineer.get("/layers").json()["items"] == []


def test_features_are_found_across_the_antimeridian(
    engineer: TestClient, services: Services
) -> None:
    bring(engineer, geojson((square(179.9999, LAT, 2e-4), {"id": "S1"})))
    with services.sessions() as session:
        for near in (Bounds(-180.001, LAT, -179.9995, LAT), Bounds(179.9995, LAT, 180.001, LAT)):
            found = load_surroundings(session, services.store, near)
            assert found.buildings is not None
            assert [one.building_id for one in found.buildings.buildings] == ["S1"]
