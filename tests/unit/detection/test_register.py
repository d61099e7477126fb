"""Building registers: every file gives the same rows, and what is wrong with one is named."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.errors import (
    LayerError,
    RegisterEmptyError,
    RegisterError,
    RegisterReaderMissingError,
    RegisterWithoutColumnsError,
)
from detection.domain.reasons import REASONS
from detection.layers.register import Register, RegisterProblem, RegisterRow, read_register
from detection.layers.register_join import join_register
from detection.layers.register_settings import load_register_settings
from detection.layers.register_values import number_from_cell, storeys_from_cell
from tests.drawn_layers import PLACE, build_buildings

Table = list[list[object]]

HEADER: list[object] = [
    "户主姓名",
    "建筑编号",
    "许可 层数",
    "许可面积(㎡)",
    "用途",
    "乡村建设规划许可证",
]
ROWS: Table = [
    ["张三", "甲-0", "3层", "120.5", "住宅", "乡字001"],
    ["李四", "甲-1", "两层", 90, "商住", ""],
]


def write_csv(path: Path, table: Table, encoding: str = "utf-8", mark: str = ",") -> Path:
    text = "\r\n".join(mark.join(str(cell) for cell in row) for row in table)
    path.write_bytes(text.encode(encoding))
    return path


def write_xlsx(path: Path, *sheets: Table) -> Path:
    """Write the fewest parts that make a workbook, with inline strings."""
    numbers = range(1, len(sheets) + 1)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        + "".join(f'<sheet name="表{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/s{n}.xml"/>'
            for n in numbers
        )
        + "</Relationships>",
    }
    for number, table in zip(numbers, sheets, strict=True):
        rows = "".join(f"<row>{''.join(_cell(cell) for cell in row)}</row>" for row in table)
        parts[f"xl/worksheets/s{number}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        )
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def _cell(value: object) -> str:
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def write_geojson(path: Path) -> Path:
    names = [str(name) for name in HEADER]
    features = [
        {"type": "Feature", "geometry": None, "properties": dict(zip(names, row, strict=True))}
        for row in ROWS
    ]
    features[0]["geometry"] = shapely.geometry.mapping(shapely.Point(*PLACE))
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def counts(problems: tuple[RegisterProblem, ...]) -> dict[str, int]:
    return {one.code: one.count for one in problems}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_text_is_read_in_every_encoding(tmp_path: Path, encoding: str, mark: str) -> None:
    path = write_csv(tmp_path / "底册.csv", [HEADER, *ROWS], encoding, mark)
    register = read_register(path)
    assert register.rows == (
        RegisterRow(2, "甲-0", 3, 120.5, None, "住宅", "", "乡字001"),
        RegisterRow(3, "甲-1", 2, 90.0, None, "商住"),
    )
    assert (register.problems, register.total_rows) == ((), 2)
    assert dict(register.columns)["permitted_storeys"] == "许可 层数"


def test_workbooks_and_geojson_give_the_same(tmp_path: Path) -> None:
    text = read_register(write_csv(tmp_path / "a.csv", [HEADER, *ROWS]))
    book = read_register(write_xlsx(tmp_path / "a.xlsx", [["说明"]], [HEADER, *ROWS]))
    places = read_register(write_geojson(tmp_path / "a.geojson"))
    assert book.rows == text.rows
    assert [one.permitted_storeys for one in places.rows] == [3, 2]
    assert (places.rows[0].lon, places.rows[0].lat) == pytest.approx(PLACE)
    assert places.rows[1].lon is None


def test_owners_stay_in_the_file(tmp_path: Path) -> None:
    register = read_register(write_xlsx(tmp_path / "a.xlsx", [HEADER, *ROWS]))
    assert "张三" not in repr(register)
    assert "户主" not in repr(register)


def test_a_title_above_the_header_and_empty_rows_keep_the_count_of_lines(tmp_path: Path) -> None:
    table: Table = [["某某镇房屋底册"], [], HEADER, ROWS[0], ["", ""], ROWS[1]]
    register = read_register(write_csv(tmp_path / "a.csv", table))
    assert [one.line for one in register.rows] == [4, 6]
    assert register.total_rows == 2


def test_what_cannot_be_is_left_out_counted_and_named(tmp_path: Path) -> None:
    header: list[object] = ["编号", "批准层数", "许可面积", "经度", "纬度"]
    table: Table = [
        header,
        ["1", "三百层", "10", "", ""],
        ["2", "", "-5", "0", "0"],
        ["", "3", "80", "106.5", "291"],
        ["", "2", "", "106.5", "29.5"],
    ]
    register = read_register(write_csv(tmp_path / "a.csv", table))
    assert [one.line for one in register.rows] == [2, 3, 5]
    assert [one.permitted_storeys for one in register.rows] == [None, None, 2]
    assert counts(register.problems) == {
        "register_number_impossible": 2,
        "register_place_impossible": 2,
        "register_row_without_key": 1,
        "register_storeys_missing": 1,
    }
    assert {one.code for one in register.problems} <= set(REASONS)


def test_places_may_be_in_another_system(tmp_path: Path) -> None:
    header: list[object] = ["许可层数", "x", "y"]
    path = write_csv(tmp_path / "a.csv", [header, [3, 405_000, 3_271_000]])
    row = read_register(path, crs="EPSG:4545").rows[0]
    assert row.lon == pytest.approx(107.0, abs=0.2)
    assert row.lat == pytest.approx(29.55, abs=0.05)


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ([["编号", "层数"], ["1", "3"]], RegisterWithoutColumnsError),
        ([["编号", "许可层数"], ["", "3"]], RegisterEmptyError),
        ([["编号", "许可层数"]], RegisterEmptyError),
        ([], RegisterWithoutColumnsError),
    ],
)
def test_files_that_cannot_be_used_say_what_to_do(
    tmp_path: Path, table: Table, error: type[RegisterError]
) -> None:
    for path in (write_csv(tmp_path / "a.csv", table), write_xlsx(tmp_path / "a.xlsx", table)):
        with pytest.raises(error) as caught:
            read_register(path)
        assert caught.value.remedy


def test_a_row_that_cannot_be_split_is_not_passed_over(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [HEADER, *ROWS, ["x" * 200_000, "甲-2", "3"]])
    with pytest.raises(RegisterError, match="field"):
        read_register(path)


def test_two_sheets_that_fit_are_not_guessed_between(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, *ROWS], [HEADER, *ROWS])
    with pytest.raises(RegisterError, match="2 sheets"):
        read_register(path)


@pytest.mark.parametrize("name", ["a.pdf", "a.xlsx", "a.xls", "a.csv"])
def test_rubbish_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"PK\xff\xfe\x81\x20\xff" * 40)
    with pytest.raises(LayerError):
        read_register(path)


def test_without_the_reader_of_workbooks_csv_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, *ROWS])
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(RegisterReaderMissingError, match="CSV"):
        read_register(path)


def test_too_large_a_file_is_refused(tmp_path: Path) -> None:
    settings = load_register_settings().model_copy(update={"max_file_mb": 1})
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(2**21))
    with pytest.raises(RegisterError, match="1 MB"):
        read_register(path, settings=settings)


@pytest.mark.parametrize(
    ("cell", "storeys"),
    [
        ("3", 3), (3.0, 3), ("３层", 3), ("三层", 3), ("十二", 12), ("二十层", 20), ("3F", 3),
        ("三层半", 4), (2.5, 3), ("地上3层/地下1层", 3), ("3/-1", 3), ("共6层", 6),
        ("一百零二", 102),
        ("3+1", None), ("2-3", None), (0, None), ("-1", None), ("地下1层", None), ("无", None),
        ("", None), (None, None), (251, None), (float("nan"), None),
    ],
)  # fmt: skip
def test_storeys_are_read_or_left_out_but_never_guessed(cell: object, storeys: int | None) -> None:
    assert storeys_from_cell(cell, 250) == storeys


@given(st.integers(1, 199))
def test_storeys_are_the_same_in_chinese_words(number: int) -> None:
    digits = "零一二三四五六七八九"
    words = "一百" if number >= 100 else ""
    tens, ones = divmod(number % 100, 10)
    words += "零" if number > 100 and not tens and ones else ""
    words += (("" if tens == 1 and not words else digits[tens]) + "十") if tens else ""
    words += digits[ones] if ones else ""
    assert storeys_from_cell(f"{words}层", 250) == number


def test_numbers_may_carry_their_unit() -> None:
    cells = ["1,200.5㎡", "12米", "-3", "约80", "", 30]
    assert [number_from_cell(cell, 1e6) for cell in cells] == [1200.5, 12.0, None, None, None, 30.0]


def test_rows_find_their_building_by_number_then_by_place() -> None:
    layer = build_buildings((0.0, 0.0), (60.0, 0.0), (120.0, 0.0))
    names = [one.building_id for one in layer.buildings]
    lon, lat = layer.plane.to_lonlat(shapely.get_coordinates(layer.polygons_m[2].centroid))[0]
    rows = (
        RegisterRow(2, f" 0{names[0].upper()} ".replace(" ", ""), 3),
        RegisterRow(3, names[1], 2),
        RegisterRow(4, "of another place", 2, lon=lon, lat=lat),
        RegisterRow(5, "nobody", 4, lon=lon + 1.0, lat=lat),
        RegisterRow(6, "nobody else", 4),
    )
    joined = join_register(Register(rows), layer)
    assert {key: row.line for key, row in joined.by_building.items()} == dict(
        zip(names, (2, 3, 4), strict=True)
    )
    assert joined.problems == (RegisterProblem("register_row_without_building", 2, (5, 6)),)


def test_of_several_rows_the_larger_permission_counts() -> None:
    layer = build_buildings((0.0, 0.0), (60.0, 0.0))
    one, two = (building.building_id for building in layer.buildings)
    rows = (
        RegisterRow(2, one, 3, use="住宅"),
        RegisterRow(3, one, 5),
        RegisterRow(4, two, 2),
        RegisterRow(5, two, 2),
    )
    joined = join_register(Register(rows), layer)
    assert [joined.by_building[key].line for key in (one, two)] == [3, 4]
    assert counts(joined.problems) == {"register_rows_contradict": 1, "register_rows_doubled": 1}


def test_a_place_in_two_buildings_is_not_used() -> None:
    layer = build_buildings((0.0, 0.0), (1.0, 0.0))
    middle = layer.polygons_m[0].intersection(layer.polygons_m[1]).centroid
    lon, lat = layer.plane.to_lonlat(shapely.get_coordinates(middle))[0]
    joined = join_register(Register((RegisterRow(2, "", 3, lon=lon, lat=lat),)), layer)
    assert not joined.by_building
    assert "register_place_ambiguous" in counts(joined.problems)
