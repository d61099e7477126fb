from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Transformer

from detection.cli.surroundings_files import SurroundingsFiles, list_warnings, read_surroundings
from detection.domain.errors import LayerEmptyError, LayerError, LayerFieldError
from detection.domain.errors import LayerWithoutCrsError as WithoutCrs
from detection.domain.reasons import REASONS
from detection.layers.buildings import Building
from detection.layers.fields import FieldChoice, diameter_from_value, text_from_value
from detection.layers.gcj02 import gcj02_from_wgs84
from detection.layers.layer import LayerWarning
from detection.layers.read import read_areas, read_buildings, read_covers
from tests.drawn_layers import PLACE, box_at, build_buildings, write_geojson

BOW_TIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}


def counts(warnings: tuple[LayerWarning, ...]) -> dict[str, int]:
    return {one.code: one.count for one in warnings}


def write_file(
    path: Path, *, crs: str | None, encoding: str | None = None, names: bool = True
) -> Path:
    """Write three squares as GDAL does, in a system of metres if ``crs`` is one."""
    shapes = np.array([box_at(30.0 * n, 0.0) for n in range(3)], dtype=object)
    if crs not in {None, "EPSG:4326"}:
        project = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        shapes = shapely.transform(
            shapes, lambda xy: np.stack(project.transform(xy[:, 0], xy[:, 1]), axis=-1)
        )
    columns = [np.array([f"甲-{n}" for n in range(3)], dtype=object), np.array([3, 0, 12])]
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapes),
        columns if names else columns[1:],
        ["编号", "层数"] if names else ["层数"],
        geometry_type="Polygon",
        crs=crs,
        encoding=encoding,
    )
    return path


def test_geojson_needs_no_declaration(tmp_path: Path) -> None:
    fields = {"编号": 17, "名称": "一号楼", "高度": "18.5m", "层数": "6层", "建成": 1998.0}
    layer = read_buildings(write_geojson(tmp_path / "a.geojson", [(box_at(0, 0), fields)]))
    one = layer.buildings[0]
    assert (one.building_id, one.name, one.height_m, one.storeys) == ("17", "一号楼", 18.5, 6)
    assert one.properties["建成"] == 1998.0
    assert one.polygon.equals_exact(box_at(0, 0), 1e-12)
    assert dict(layer.source.fields)["height"] == "高度"
    assert (layer.source.crs, layer.warnings) == ("EPSG:4326", ())
    json.dumps([dict(one.properties)])


@pytest.mark.parametrize("name", ["a.shp", "a.gpkg"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:4545", "EPSG:32648"])
def test_every_format_and_system_gives_the_same_layer(tmp_path: Path, name: str, crs: str) -> None:
    layer = read_buildings(write_file(tmp_path / name, crs=crs))
    assert [one.building_id for one in layer.buildings] == ["甲-0", "甲-1", "甲-2"]
    assert [one.storeys for one in layer.buildings] == [3, None, 12]
    assert layer.buildings[2].likely_height_m == 36.0
    for number, one in enumerate(layer.buildings):
        assert one.polygon.hausdorff_distance(box_at(30.0 * number, 0.0)) < 1e-7


def test_chinese_shapefiles_without_a_code_page_are_read(tmp_path: Path) -> None:
    for encoding in ("GBK", "UTF-8"):
        path = write_file(tmp_path / f"{encoding}.shp", crs="EPSG:4326", encoding=encoding)
        path.with_suffix(".cpg").unlink(missing_ok=True)
        data = bytearray(path.with_suffix(".dbf").read_bytes())
        data[29] = 0  # the mark of the language
        path.with_suffix(".dbf").write_bytes(data)
        assert read_buildings(path).buildings[0].building_id == "甲-0", encoding


def test_a_shapefile_without_prj_is_refused_until_it_is_declared(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.shp", crs="EPSG:4545")
    path.with_suffix(".prj").unlink()
    with pytest.raises(WithoutCrs) as caught:
        read_buildings(path)
    assert (caught.value.code, caught.value.exit_code) == ("layer_without_crs", 2)
    assert "EPSG:4547" in caught.value.remedy
    assert read_buildings(path, crs="EPSG:4545").buildings[0].polygon.distance(box_at(0, 0)) < 1e-7


def test_gcj02_is_undone_when_it_is_declared(tmp_path: Path) -> None:
    shifted = shapely.transform(box_at(0, 0), gcj02_from_wgs84)
    path = write_geojson(tmp_path / "web.geojson", [(shifted, {"id": "1"})])
    assert read_buildings(path).buildings[0].polygon.distance(box_at(0, 0)) > 1e-3
    layer = read_buildings(path, crs="GCJ-02")
    assert layer.buildings[0].polygon.hausdorff_distance(box_at(0, 0)) < 1e-9
    assert layer.source.crs == "GCJ-02"


def test_a_zip_file_may_hold_one_layer(tmp_path: Path) -> None:
    source = write_file(tmp_path / "a.shp", crs="EPSG:4545")
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
            archive.write(source.with_suffix(suffix), f"../数据/楼{suffix}")
        archive.writestr("readme.txt", "x")
    assert len(read_buildings(packed)) == 3
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("second.geojson", "{}")
    with pytest.raises(LayerError, match="2 layers"):
        read_buildings(packed)


def test_broken_shapes_are_mended_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        (box_at(0, 0), {"id": "1"}),
        (BOW_TIE, {"id": "2"}),
        (None, {"id": "3"}),
        ({"type": "Point", "coordinates": [0, 0]}, {"id": "4"}),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0], [0, 0]]]}, {"id": "5"}),
        ({"type": "LineString", "coordinates": [[0, 0], [1, 0], [1, 1], [0, 0]]}, {"id": "6"}),
    ]
    layer = read_buildings(write_geojson(tmp_path / "a.geojson", rows))
    assert [one.building_id for one in layer.buildings] == ["1", "2", "6"]
    assert all(one.polygon.is_valid and one.polygon.area > 0 for one in layer.buildings)
    assert layer.buildings[1].polygon.area == pytest.approx(0.5)
    assert counts(layer.warnings) == {"layer_shapes_mended": 1, "layer_shapes_left_out": 3}


def test_ids_are_unique_whatever_the_file_says(tmp_path: Path) -> None:
    ids = ["a", "a#2", "a", "a", "", None]
    rows = [(box_at(20.0 * n, 0), {"编号": own}) for n, own in enumerate(ids)]
    layer = read_areas(write_geojson(tmp_path / "a.geojson", rows), level="网格")
    assert [one.area_id for one in layer.areas] == ["a", "a#2", "a#3", "a#4", "row-5", "row-6"]
    assert counts(layer.warnings) == {"layer_ids_repeated": 2}
    assert {one.level for one in layer.areas} == {"网格"}


def test_a_file_without_ids_is_numbered_and_says_so(tmp_path: Path) -> None:
    layer = read_buildings(write_file(tmp_path / "a.gpkg", crs="EPSG:4326", names=False))
    assert [one.building_id for one in layer.buildings] == ["row-1", "row-2", "row-3"]
    assert counts(layer.warnings) == {"layer_without_ids": 3}


def test_fields_can_be_named(tmp_path: Path) -> None:
    rows = [(box_at(0, 0), {"id": "1", "LOUGAO": 21, "高度": 5})]
    path = write_geojson(tmp_path / "a.geojson", rows)
    assert read_buildings(path, fields=FieldChoice(height="LOUGAO")).buildings[0].height_m == 21.0
    with pytest.raises(LayerFieldError, match="LOUGAO"):
        read_buildings(path, fields=FieldChoice(height="HIGH"))


def test_covers_are_points_or_the_middle_of_what_is_drawn(tmp_path: Path) -> None:
    rows = [
        ({"type": "Point", "coordinates": [*PLACE, 310.0]}, {"井盖编号": "J1", "直径": "Φ700"}),
        (box_at(0, 0, 1.0), {"井盖编号": "J2"}),
    ]
    covers = read_covers(write_geojson(tmp_path / "c.geojson", rows)).covers
    assert [one.cover_id for one in covers] == ["J1", "J2"]
    assert (covers[0].lon, covers[0].lat, covers[0].diameter_m) == (*PLACE, 0.7)
    assert (covers[1].lon, covers[1].lat) == pytest.approx(PLACE, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(700, 0.7), (0.7, 0.7), ("800*800", 0.8), (None, None), ("", None), (0, None)],
)
def test_diameters_come_in_metres_or_millimetres(value: object, expected: float | None) -> None:
    assert diameter_from_value(value) == expected


def test_whole_numbers_of_a_table_are_ids_without_a_point() -> None:
    assert text_from_value(np.float64(3201.0)) == "3201"
    assert text_from_value(float("nan")) == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.geojson", b"not json"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": ['),
        ("a.geojson", b"<OGRVRTDataSource></OGRVRTDataSource>"),
        ("a.shp", b"\x00\x00\x27\x0a"),
        ("a.gpkg", b"SQLite format 3\x00"),
        ("a.zip", b"PK\x03\x04"),
        ("a.vrt", b"<OGRVRTDataSource></OGRVRTDataSource>"),
        ("a.csv", b"lon,lat\n1,2\n"),
    ],
)
def test_what_is_no_layer_is_refused_with_a_remedy(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LayerError) as caught:
        read_buildings(tmp_path / name)
    assert caught.value.remedy
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("suffix", [".geojson", ".json"])
def test_a_program_in_json_reads_no_other_file(tmp_path: Path, suffix: str) -> None:
    other = write_geojson(tmp_path / "other.geojson", [(box_at(0.0, 0.0), {"id": 1})])
    steps = f"gdal vector pipeline ! read {other} ! write --of stream streamed_dataset"
    path = (tmp_path / "a").with_suffix(suffix)
    path.write_text(json.dumps({"type": "gdal_streamed_alg", "command_line": steps}))
    with pytest.raises(LayerError):
        read_buildings(path)


@pytest.mark.parametrize("key", ['"crs"', r'"\u0063rs"', "'crs'", '"CRS" ', '"crs"/**/'])
@pytest.mark.parametrize("member", ["href", "url", r"\u0068ref"])
def test_a_layer_whose_system_is_an_address_is_refused(
    tmp_path: Path, key: str, member: str
) -> None:
    kind = "url" if member == "url" else "link"
    crs = f'{{"type": "{kind}", "properties": {{"{member}": "http://127.0.0.1:9/crs"}}}}'
    path = write_geojson(tmp_path / "a.geojson", [(box_at(0.0, 0.0), {"id": 1})])
    path.write_text(f"{{{key}: {crs}, {path.read_text(encoding='utf-8')[1:]}", encoding="utf-8")
    with pytest.raises(LayerError):
        read_buildings(path)


def test_a_named_system_and_a_field_called_crs_are_not_addresses(tmp_path: Path) -> None:
    fields = {"id": "crs", "crs": "http://127.0.0.1:9"}
    path = write_geojson(tmp_path / "a.geojson", [(box_at(0.0, 0.0), fields)])
    name = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    crs = json.dumps({"type": "name", "properties": {"name": name}})
    path.write_text(f'{{"crs": {crs}, {path.read_text(encoding="utf-8")[1:]}', encoding="utf-8")
    assert len(read_buildings(path)) == 1


def test_a_damaged_archive_is_named_whatever_is_damaged(tmp_path: Path) -> None:
    shapes = [(box_at(20.0 * n, 0.0), {"id": n}) for n in range(50)]
    plain = write_geojson(tmp_path / "a.geojson", shapes)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(plain, "a.geojson")
    whole = (tmp_path / "a.zip").read_bytes()
    for place in range(40, 240, 4):  # into the packed bytes
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "a.zip").write_bytes(damaged)
        with pytest.raises(LayerError):
            read_buildings(tmp_path / "a.zip")


def test_a_thousand_rows_of_one_id_are_numbered(tmp_path: Path) -> None:
    rows = [(box_at(0.0, 0.0), {"id": one}) for one in ["0", "0#3", *["0"] * 3000]]
    layer = read_buildings(write_geojson(tmp_path / "a.geojson", rows))
    ids = [one.building_id for one in layer.buildings]
    assert ids[:5] == ["0", "0#3", "0#2", "0#4", "0#5"]
    assert len(set(ids)) == len(rows)
    assert counts(layer.warnings)["layer_ids_repeated"] == 3000


def test_a_missing_file_and_an_empty_layer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="not a file"):
        read_buildings(tmp_path / "none.geojson")
    with pytest.raises(LayerEmptyError):
        read_buildings(write_geojson(tmp_path / "a.geojson", [(None, {"id": 1})]))
    with pytest.raises(LayerEmptyError):
        read_covers(write_geojson(tmp_path / "b.geojson", []))


def test_several_tables_are_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.gpkg", crs="EPSG:4326")
    point = shapely.to_wkb(np.array([shapely.Point(*PLACE)], dtype=object))
    pyogrio.raw.write(
        path, point, [], [], layer="second", geometry_type="Point", crs="EPSG:4326", append=True
    )
    with pytest.raises(LayerError, match=r"2 tables.*a, second"):
        read_buildings(path)


@pytest.mark.parametrize("place", [(180.0, -17.0), (-180.0, 65.0)])
def test_a_layer_across_the_antimeridian_stays_together(
    tmp_path: Path, place: tuple[float, float]
) -> None:
    rows = [
        (box_at(200.0 * n - 200.0, 0, place=place), {"id": n}) for n in range(3)
    ]  # west of it, on it, east of it
    layer = read_buildings(write_geojson(tmp_path / "a.geojson", rows))
    assert shapely.area(layer.polygons_m) == pytest.approx([100.0] * 3, rel=1e-3)
    assert layer.query((-50.0, -50.0, 50.0, 50.0)).tolist() == [1]
    assert layer.query_near(np.array([place])).tolist() == [1]


def test_queries_find_what_is_near() -> None:
    layer = build_buildings((0.0, 0.0), (100.0, 0.0), (200.0, 0.0))
    assert isinstance(layer.buildings[0], Building)
    near = layer.query_near(np.array([PLACE]), margin_m=96.0)
    assert near.tolist() == [0, 1]


def test_what_is_said_of_each_file_of_areas_is_kept_when_they_are_joined(tmp_path: Path) -> None:
    one = write_geojson(tmp_path / "one.geojson", [(BOW_TIE, {"id": 1})])
    two = write_geojson(tmp_path / "two.geojson", [(box_at(0.0, 0.0), {})])
    found = read_surroundings(SurroundingsFiles(areas=(f"街道={one}", str(two))))
    assert found.areas is not None
    assert [area.level for area in found.areas.areas] == ["街道", ""]
    assert set(counts(found.areas.warnings)) == {"layer_shapes_mended", "layer_without_ids"}
    assert all("one.geojson, two.geojson" in line for line in list_warnings(found, ()))


def test_every_warning_is_explained() -> None:
    codes = [
        "layer_shapes_mended",
        "layer_shapes_left_out",
        "layer_ids_repeated",
        "layer_without_ids",
        "layer_datum_inexact",
        "layer_offset",
    ]
    assert [code for code in codes if code not in REASONS] == []


def test_an_old_datum_is_read_with_a_warning(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", [(box_at(0, 0), {"id": 1})])
    assert counts(read_buildings(path, crs="EPSG:4610").warnings) == {"layer_datum_inexact": 1}
