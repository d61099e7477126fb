"""Files brought as layers: told apart by content, unpacked without trust in names."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from serving.flights.errors import LayerFormatError
from serving.flights.layer_files import identify, open_layer_file

CONTENTS = {
    ".geojson": b'\xef\xbb\xbf \n{"type": "FeatureCollection"}',
    ".gpkg": b"SQLite format 3\x00rest",
    ".zip": b"PK\x03\x04rest",
    ".tif": b"MM\x00+rest",
}


def write(folder: Path, content: bytes) -> Path:
    path = folder / "content.upload"
    path.write_bytes(content)
    return path


def pack(names: Iterable[str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, name.encode())
    return packed.getvalue()


@pytest.mark.parametrize("suffix", CONTENTS)
def test_content_says_what_a_file_is(suffix: str, tmp_path: Path) -> None:
    assert identify(write(tmp_path, CONTENTS[suffix])) == suffix


@pytest.mark.parametrize(
    "content", [b"", b"<OGRVRTDataSource>", b"[1, 2]", b"GeoJSON", b"\x00" * 100]
)
def test_anything_else_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(LayerFormatError):
        identify(write(tmp_path, content))


def test_readers_meet_the_name_of_the_upload_without_its_tricks(tmp_path: Path) -> None:
    path = write(tmp_path, CONTENTS[".geojson"])
    with open_layer_file(path, "../x/房屋 2026;rm.json", is_terrain=False) as opened:
        assert opened.name == "房屋_2026_rm.geojson"
        assert opened.read_bytes() == CONTENTS[".geojson"]
        folder = opened.parent
    assert not folder.exists()
    assert path.exists()


def test_terrain_and_shapes_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    for suffix, is_terrain in ((".tif", False), (".geojson", True), (".gpkg", True)):
        path = write(tmp_path, CONTENTS[suffix])
        with (
            pytest.raises(LayerFormatError),
            open_layer_file(path, "a", is_terrain=is_terrain),
        ):
            pytest.fail("it was opened")


def test_shapefile_is_unpacked_with_its_own_parts_only(tmp_path: Path) -> None:
    names = ["导出/a.SHP", "导出/a.shx", "导出/a.dbf", "导出/a.prj", "导出/a.vrt", "b.dbf"]
    path = write(tmp_path, pack(names))
    with open_layer_file(path, "a.zip", is_terrain=False) as opened:
        found = {one.name: one.read_text(encoding="utf-8") for one in opened.parent.iterdir()}
    assert found == {
        "a.shp": "导出/a.SHP",
        "a.shx": "导出/a.shx",
        "a.dbf": "导出/a.dbf",
        "a.prj": "导出/a.prj",
    }


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a.txt"], "0 Shapefiles"),
        (["a.shp", "b.shp"], "2 Shapefiles"),
        (["a.shp", "a.dbf"], ".shx"),
        (["a.shp", "x/a.shx", "x/a.dbf"], ".shx, .dbf"),
    ],
)
def test_incomplete_zip_is_refused_with_what_it_lacks(
    names: list[str], told: str, tmp_path: Path
) -> None:
    path = write(tmp_path, pack(names))
    with pytest.raises(LayerFormatError, match=told), open_layer_file(path, "a", is_terrain=False):
        pytest.fail("it was opened")


def test_zip_that_unpacks_to_gigabytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.flights.layer_files.MAX_UNPACKED_BYTES", 10)
    path = write(tmp_path, pack(["a.shp", "a.shx", "a.dbf"]))
    with (
        pytest.raises(LayerFormatError, match="unpacked"),
        open_layer_file(path, "a", is_terrain=False),
    ):
        pytest.fail("it was opened")
