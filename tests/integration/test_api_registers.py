"""Building registers over HTTP: join to a layer, keep only what is mapped, replace, delete."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from serving.audit.entries import EntryFilter, list_entries
from serving.db.tables import BuildingRegisterRow, RegisterEntryRow
from serving.deps import Services
from serving.flights.layers import find_building_at, load_buildings
from serving.flights.register import find_permitted, hash_permitted, load_permitted

LON, LAT = 106.5507, 29.5647
STEP = 2e-4
OWNER = "张三"
REGISTER = f"""\
房屋底册(示例),,,,
建筑编号,户主姓名,许可层数,建设工程规划许可证号,施工许可证号
B-1,{OWNER},3,建字第001号,
B-2,{OWNER},5层,,施001
B-2,{OWNER},4,,
B-9,{OWNER},2,,
B-3,{OWNER},999,,
"""


def draw_town(**properties: object) -> bytes:
    """Return three buildings in a row as a layer; ``properties`` are those of the last."""
    features = []
    for number in range(3):
        west = LON + number * STEP
        ring = [(west, LAT), (west + 1e-4, LAT), (west + 1e-4, LAT + 1e-4), (west, LAT + 1e-4)]
        own = properties if number == 2 else {}
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
                "properties": {"id": f"B-{number + 1}"} | own,
            }
        )
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def bring_layer(client: TestClient, content: bytes, kind: str = "buildings") -> int:
    form = {"kind": kind, "name": "Town"}
    if kind == "areas":
        form["level"] = "grid"
    answer = client.post("/layers", data=form, files={"file": ("town.geojson", content)})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def bring(
    client: TestClient, layer_id: int, content: bytes, file_name: str = "底册.csv", **form: str
) -> Response:
    values = {"layer_id": str(layer_id), "name": "底册 2026"} | form
    answer: Response = client.post("/registers", data=values, files={"file": (file_name, content)})
    return answer


def check_problem(answer: Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["remedy"]


@pytest.fixture
def layer_id(engineer: TestClient) -> int:
    return bring_layer(engineer, draw_town())


@pytest.mark.parametrize("encoding", ["gbk", "utf-8-sig"])
def test_register_is_joined_to_the_layer_and_keeps_no_name_of_a_person(
    engineer: TestClient,
    services: Services,
    sessions: sessionmaker[Session],
    layer_id: int,
    encoding: str,
) -> None:
    content = REGISTER.encode(encoding)
    made = bring(engineer, layer_id, content)
    assert made.status_code == 201, made.text
    register = made.json()
    assert made.headers["location"] == f"/api/v1/registers/{register['id']}"
    assert (register["row_count"], register["joined_count"], register["building_count"]) == (
        5,
        3,
        3,
    )
    assert register["fields"]["permitted_storeys"] == "许可层数"
    assert "户主姓名" not in register["fields"].values()
    notes = {note["code"]: (note["count"], note["lines"]) for note in register["notes"]}
    assert notes["register_row_without_building"] == (1, [6])
    assert notes["register_rows_contradict"] == (1, [5])
    assert notes["register_number_impossible"] == (1, [7])
    assert engineer.get("/registers").json()["items"] == [register]
    assert engineer.get(f"/registers/{register['id']}").json() == register

    rows = engineer.get(f"/registers/{register['id']}/rows").json()["items"]
    assert [(row["line"], row["building_id"], row["permitted_storeys"]) for row in rows] == [
        (3, "B-1", 3), (4, "B-2", 5), (5, None, 4), (6, None, 2), (7, "B-3", None),
    ]  # fmt: skip
    assert rows[0]["planning_permit"] == "建字第001号"
    unused = f"/registers/{register['id']}/rows?without_building=true&limit=1"
    first = engineer.get(unused).json()
    rest = engineer.get(f"{unused}&cursor={first['next_cursor']}").json()
    assert [row["line"] for row in (*first["items"], *rest["items"])] == [5, 6]
    assert rest["next_cursor"] is None
    assert OWNER not in json.dumps([register, rows], ensure_ascii=False)
    kept = [path.read_bytes() for path in services.settings.data_dir.rglob("*") if path.is_file()]
    assert content not in kept
    with sessions() as session:
        stored = session.execute(select(RegisterEntryRow.__table__)).all()
        assert OWNER not in str(stored)


def test_newer_register_replaces_the_earlier_one_as_a_whole_and_both_are_in_the_log(
    engineer: TestClient, sessions: sessionmaker[Session], layer_id: int
) -> None:
    first = bring(engineer, layer_id, REGISTER.encode()).json()
    check_problem(bring(engineer, layer_id, REGISTER.encode()), 409, "register_exists")
    newer = bring(engineer, layer_id, "建筑编号,许可层数\nB-2,7\n".encode()).json()
    assert [each["id"] for each in engineer.get("/registers").json()["items"]] == [newer["id"]]
    check_problem(engineer.get(f"/registers/{first['id']}"), 404, "register_not_found")
    with sessions() as session:
        earlier = session.get_one(BuildingRegisterRow, first["id"])
        assert (earlier.replaced_by, earlier.replaced_at is None) == (newer["id"], False)
        entries = select(RegisterEntryRow).where(RegisterEntryRow.register_id == first["id"])
        assert len(session.scalars(entries).all()) == 5
        assert {key: each.storeys for key, each in load_permitted(session, None).items()} == {
            "B-2": 7
        }
    assert engineer.delete(f"/registers/{newer['id']}").status_code == 204
    check_problem(engineer.delete(f"/registers/{newer['id']}"), 404, "register_not_found")
    with sessions() as session:
        assert load_permitted(session, None) == {}
        logged = list_entries(session, EntryFilter(subject_kind="register"), limit=9)
    assert [each.act for each in logged] == [
        "delete_register",
        "import_register",
        "import_register",
    ]
    assert logged[1].before is not None
    assert logged[1].before["rows"] == 5
    assert bring(engineer, layer_id, REGISTER.encode()).status_code == 201  # it may come back


def test_permitted_storeys_come_from_the_register_else_from_the_layer(
    engineer: TestClient, sessions: sessionmaker[Session]
) -> None:
    layer_id = bring_layer(engineer, draw_town(许可层数=2, 用途="住宅"))
    with sessions() as session:
        alone = load_permitted(session, None)
    assert {key: (each.storeys, each.register_id) for key, each in alone.items()} == {
        "B-3": (2, None)
    }
    made = bring(engineer, layer_id, "建筑编号,许可层数,许可面积\nB-1,3,120.5\n".encode()).json()
    with sessions() as session:
        found = load_permitted(session, None)
        buildings = load_buildings(session, None)
        assert buildings is not None
        assert set(found) <= {each.building_id for each in buildings.buildings}
        assert (found["B-1"].storeys, found["B-1"].area_m2) == (3, 120.5)
        assert found["B-1"].register_id == made["id"]
        assert (found["B-3"].storeys, found["B-3"].use) == (2, "住宅")
        assert hash_permitted(found) != hash_permitted(alone)
        feature = find_building_at(session, "B-1", LON, LAT)
        assert feature is not None
        assert find_permitted(session, feature) == found["B-1"]
        stranger = find_building_at(session, "B-2", LON + STEP, LAT)
        assert stranger is not None
        assert find_permitted(session, stranger) is None
    assert engineer.delete(f"/layers/{layer_id}").status_code == 204
    with sessions() as session:
        assert load_permitted(session, None) == {}
    assert engineer.get("/registers").json()["items"] == []


def test_row_without_a_number_belongs_to_the_building_it_lies_in(
    engineer: TestClient, layer_id: int
) -> None:
    table = f"经度,纬度,许可层数\n{LON + STEP + 5e-5},{LAT + 5e-5},4\n{LON + 1},{LAT},4\n"
    register = bring(engineer, layer_id, table.encode()).json()
    rows = engineer.get(f"/registers/{register['id']}/rows").json()["items"]
    assert [row["building_id"] for row in rows] == ["B-2", None]


def test_column_that_a_person_names_is_read_first(engineer: TestClient, layer_id: int) -> None:
    table = "门牌,建筑编号,允许盖几层,许可层数\nx,B-1,6,1\n"
    form = {"storeys_column": "允许盖几层"}
    register = bring(engineer, layer_id, table.encode(), **form).json()
    assert register["fields"]["permitted_storeys"] == "允许盖几层"
    rows = engineer.get(f"/registers/{register['id']}/rows").json()["items"]
    assert rows[0]["permitted_storeys"] == 6


def test_what_is_no_register_is_refused_with_a_remedy(
    engineer: TestClient, operator: TestClient, layer_id: int
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("photo.txt", "no workbook")
    check_problem(bring(engineer, layer_id, packed.getvalue()), 422, "register_format")
    check_problem(
        bring(engineer, layer_id, b"\xff\xd8\xff\xe0" + bytes(99)), 422, "register_format"
    )
    check_problem(bring(engineer, layer_id, b""), 422, "register_format")
    nothing = "姓名,电话\n张三,1\n".encode()
    check_problem(bring(engineer, layer_id, nothing), 422, "register_without_columns")
    check_problem(bring(engineer, 999, REGISTER.encode()), 404, "layer_not_found")
    areas = bring_layer(engineer, draw_town(name="一格"), "areas")
    check_problem(bring(engineer, areas, REGISTER.encode()), 422, "register_layer")
    check_problem(bring(operator, layer_id, REGISTER.encode()), 403, "forbidden")
    large = bring(engineer, layer_id, REGISTER.encode() + b"\n" * 5_100_000)
    check_problem(large, 413, "file_too_large")
    made = bring(engineer, layer_id, REGISTER.encode()).json()
    assert operator.get(f"/registers/{made['id']}").status_code == 200
    check_problem(operator.delete(f"/registers/{made['id']}"), 403, "forbidden")
