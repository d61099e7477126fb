"""After the submit and before detection: what was covered, what to fly again, which photos fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from detection.coverage.coverage import Coverage
from detection.coverage.refly import ReflySpot, list_refly
from detection.domain.errors import InvalidInputError
from detection.layers.gcj02 import gcj02_from_wgs84
from detection.plane import LocalPlane
from serving.db.tables import FlightCoverageRow, PhotoRow
from serving.jobs import coverage as coverage_job
from serving.jobs.context import WorkerContext
from tests.factories import DrawnPose, draw_photo
from tests.job_runner import run_jobs

LON, LAT = 106.5507, 29.5647
ALTITUDE_AGL_M = 20.0  # 15 mm a pixel, 30 m by 22 m on the ground
BLOCK_PX = 100
ROWS, COLUMNS = 15, 20
PLANE = LocalPlane(LON, LAT)


def draw_line(folder: Path, count: int, *, blurred: frozenset[int] = frozenset()) -> list[Path]:
    """Draw photos 8 m apart towards the east, looking straight down, north up."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(count):
        lon, lat = PLANE.to_lonlat([8.0 * number, 0.0])
        pose = DrawnPose(
            lon=float(lon), lat=float(lat), altitude_agl_m=ALTITUDE_AGL_M, yaw_deg=0.0, rtk=True
        )
        rng = np.random.default_rng(number)
        coarse = rng.integers(40, 215, (ROWS, COLUMNS, 3), dtype=np.uint8)
        pixels = coarse.repeat(BLOCK_PX, axis=0).repeat(BLOCK_PX, axis=1)
        if number in blurred:
            pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 6.0), dtype=np.uint8)
        path = folder / f"DJI_{number:04d}.JPG"
        paths.append(draw_photo(path, pose=pose, pixels=pixels))
    return paths


def feature(
    kind: str, own_id: str, east_m: float, north_m: float, size_m: float
) -> dict[str, object]:
    """Return a square or a point, so many metres from the first photo."""
    half = size_m / 2
    corners = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
    ring = PLANE.to_lonlat([(east_m + x, north_m + y) for x, y in corners]).tolist()
    place = PLANE.to_lonlat([east_m, north_m]).tolist()
    shapes: dict[str, dict[str, object]] = {
        "polygon": {"type": "Polygon", "coordinates": [ring]},
        "point": {"type": "Point", "coordinates": place},
    }
    return {
        "type": "Feature",
        "geometry": shapes[kind],
        "properties": {"id": own_id, "height": 2.0},
    }


def bring(client: TestClient, kind: str, features: list[dict[str, object]], **form: str) -> int:
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    answer = client.post(
        "/layers", data={"kind": kind, "name": kind} | form, files={"file": ("a.geojson", content)}
    )
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


@pytest.fixture
def upload(operator: TestClient, tmp_path: Path) -> Callable[..., int]:
    """Return a function that makes a draft flight along a line."""

    def make(count: int, *, blurred: frozenset[int] = frozenset()) -> int:
        body = {"name": "东街", "kind": "drone"}
        flight_id = int(operator.post("/flights", json=body).json()["id"])
        for path in draw_line(tmp_path / "drawn", count, blurred=blurred):
            with path.open("rb") as stream:
                answer = operator.post(f"/flights/{flight_id}/photos", files={"file": stream})
            assert answer.status_code == 201, answer.text
        return flight_id

    return make


def test_submit_tells_what_was_not_covered_before_anything_is_detected(
    operator: TestClient,
    engineer: TestClient,
    upload: Callable[..., int],
    worker_context: WorkerContext,
) -> None:
    # Two houses and two covers under the line, one of each beside it but inside the area.
    houses = [feature("polygon", f"H{n}", 8.0 * n, 0.0, 4.0) for n in (1, 3)]
    layers = [
        bring(engineer, "buildings", [*houses, feature("polygon", "H9", 16.0, 30.0, 4.0)]),
        bring(
            engineer,
            "covers",
            [feature("point", f"J{n}", 8.0 * n, 3.0, 0) for n in (1, 2)]
            + [feature("point", "J9", 16.0, -30.0, 0), feature("point", "J99", 900.0, 0.0, 0)],
        ),
        bring(engineer, "areas", [feature("polygon", "S1", 16.0, 0.0, 90.0)], level="survey"),
    ]
    bring(engineer, "areas", [feature("polygon", "G1", 16.0, 0.0, 90.0)], level="grid")
    flight_id = upload(5)
    assert operator.get(f"/flights/{flight_id}/coverage").json()["state"] == "none"
    assert operator.get(f"/flights/{flight_id}/coverage/refly.kml").status_code == 409
    operator.post(f"/flights/{flight_id}/submit")
    assert operator.get(f"/flights/{flight_id}/coverage").json()["state"] == "queued"

    coverage_job.cover_flight(worker_context, flight_id)  # its lane runs beside detection
    assert operator.get(f"/flights/{flight_id}").json()["state"] == "queued"
    coverage = operator.get(f"/flights/{flight_id}/coverage").json()
    assert coverage["state"] == "done"
    assert [layer["id"] for layer in coverage["layers"]] == layers
    summary = coverage["summary"]
    assert (summary["photos"], summary["placed"], summary["refused"]) == (5, 5, {})
    assert summary["gsd_m"] == pytest.approx(
        ALTITUDE_AGL_M * 13.2 / 8.8 / (COLUMNS * BLOCK_PX), rel=0.05
    )
    assert (summary["buildings"]["seen"], summary["buildings"]["total"]) == (2, 3)
    assert (summary["covers"]["seen"], summary["covers"]["total"]) == (2, 3)
    assert summary["covers"]["share"] == pytest.approx(2 / 3)
    assert {(one["kind"], one["id"]) for one in summary["unseen"]} == {
        ("building", "H9"),
        ("cover", "J9"),
    }
    assert 0.05 < summary["areas"][0]["share"] < 0.5
    assert summary["refly"] >= 1
    check_files(operator, coverage["files"])


def check_files(client: TestClient, files: dict[str, str]) -> None:
    def load(name: str) -> bytes:
        answer = client.get(files[name].removeprefix("/api/v1"))
        assert answer.status_code == 200, answer.text
        assert name in answer.headers["content-disposition"]
        return bytes(answer.content)

    footprints = json.loads(load("footprints.geojson"))
    assert [one["geometry"]["type"] for one in footprints["features"]] == ["Polygon"] * 5
    targets = json.loads(load("targets.geojson"))
    states = {
        one["properties"]["id"]: one["properties"]["state"]
        for one in targets["features"]
        if one["properties"]["kind"] in {"building", "cover"}
    }
    assert states == {
        "H1": "seen",
        "H3": "seen",
        "H9": "not_seen",
        "J1": "seen",
        "J2": "seen",
        "J9": "not_seen",
    }
    spots = json.loads(load("refly.geojson"))["features"]
    assert {"H9", "J9"} <= {one["properties"].get("id") for one in spots}
    kml = ET.fromstring(load("refly.kml"))  # noqa: S314 - we wrote it ourselves
    assert kml.tag.endswith("kml")
    assert "东街" in ET.tostring(kml, encoding="unicode")
    assert json.loads(load("coverage.json"))["covers"]["total"] == 3


def test_blurred_photo_is_measured_at_upload_and_does_not_count(
    operator: TestClient,
    engineer: TestClient,
    sessions: sessionmaker[Session],
    upload: Callable[..., int],
    worker_context: WorkerContext,
) -> None:
    bring(engineer, "covers", [feature("point", "J1", 0.0, 0.0, 0)])
    flight_id = upload(1, blurred=frozenset({0}))
    with sessions() as session:
        row = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id)).one()
        assert row.blur_px is not None
        assert row.blur_px > 2.5
        assert row.brightness == pytest.approx(0.5, abs=0.1)
    # Asked for while the flight is still open, so that the spot can be flown again at once.
    assert operator.post(f"/flights/{flight_id}/coverage").status_code == 202
    run_jobs(worker_context)
    photos = operator.get(f"/flights/{flight_id}/photos").json()["items"]
    assert [photo["flags"] for photo in photos] == [["photo_blurred"]]
    summary = operator.get(f"/flights/{flight_id}/coverage").json()["summary"]
    assert summary["flags"]["photo_blurred"] == 1
    assert operator.get(f"/flights/{flight_id}").json()["state"] == "draft"


def test_layer_from_a_web_map_that_was_declared_as_wgs84_is_named(
    operator: TestClient,
    engineer: TestClient,
    upload: Callable[..., int],
    worker_context: WorkerContext,
) -> None:
    houses = [feature("polygon", f"H{n}", 8.0 * n, 0.0, 4.0) for n in range(5)]
    for house in houses:
        ring = np.array(house["geometry"]["coordinates"][0])  # type: ignore[index]  # a polygon
        house["geometry"] = {
            "type": "Polygon",
            "coordinates": [gcj02_from_wgs84(ring).tolist()],
        }
    bring(engineer, "buildings", houses)
    flight_id = upload(5)
    operator.post(f"/flights/{flight_id}/coverage")
    coverage_job.cover_flight(worker_context, flight_id)
    summary = operator.get(f"/flights/{flight_id}/coverage").json()["summary"]
    assert summary["warnings"] == ["layer_offset"]


def test_photos_that_came_since_are_covered_by_the_next_run(
    operator: TestClient,
    sessions: sessionmaker[Session],
    upload: Callable[..., int],
    worker_context: WorkerContext,
) -> None:
    flight_id = upload(2)
    operator.post(f"/flights/{flight_id}/coverage")
    coverage_job.cover_flight(worker_context, flight_id)
    before = operator.get(f"/flights/{flight_id}/coverage").json()
    assert (before["state"], before["summary"]["photos"]) == ("done", 2)
    assert before["summary"]["buildings"] is None
    operator.post(f"/flights/{flight_id}/submit")
    waiting = operator.get(f"/flights/{flight_id}/coverage").json()
    assert waiting["state"] == "queued"
    assert waiting["summary"] == before["summary"]  # what there is stays readable
    run_jobs(worker_context)
    assert operator.get(f"/flights/{flight_id}").json()["state"] == "done"
    after = operator.get(f"/flights/{flight_id}/coverage").json()
    assert after["state"] == "done"
    assert after["computed_at"] > before["computed_at"]
    with sessions() as session:
        assert session.scalar(text("select count(*) from procrastinate_jobs")) == 0
        assert len(session.scalars(select(FlightCoverageRow)).all()) == 1


def test_a_request_during_the_work_is_worked_off_too(
    operator: TestClient,
    upload: Callable[..., int],
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flight_id = upload(1)
    operator.post(f"/flights/{flight_id}/coverage")

    def ask_again(coverage: Coverage) -> tuple[ReflySpot, ...]:
        operator.post(f"/flights/{flight_id}/coverage")
        return list_refly(coverage)

    monkeypatch.setattr(coverage_job, "list_refly", ask_again)
    coverage_job.cover_flight(worker_context, flight_id)
    assert operator.get(f"/flights/{flight_id}/coverage").json()["state"] == "queued"
    monkeypatch.undo()
    run_jobs(worker_context)
    assert operator.get(f"/flights/{flight_id}/coverage").json()["state"] == "done"


def test_failure_does_not_swallow_what_was_asked_for_meanwhile(
    operator: TestClient,
    upload: Callable[..., int],
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flight_id = upload(2)

    def ask_and_fail(_: Coverage) -> tuple[ReflySpot, ...]:
        monkeypatch.setattr(coverage_job, "list_refly", list_refly)
        operator.post(f"/flights/{flight_id}/coverage")
        message = "The layer is damaged."
        raise InvalidInputError(message, remedy="Import it again.")

    monkeypatch.setattr(coverage_job, "list_refly", ask_and_fail)
    operator.post(f"/flights/{flight_id}/coverage")
    run_jobs(worker_context)
    seen = operator.get(f"/flights/{flight_id}/coverage").json()
    assert (seen["state"], seen["failure"]) == ("done", None)


def test_coverage_that_fails_again_and_again_is_told_and_holds_no_flight_up(
    operator: TestClient,
    upload: Callable[..., int],
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        message = "a bug"
        raise RuntimeError(message)

    monkeypatch.setattr(coverage_job, "list_refly", fail)
    monkeypatch.setattr("serving.jobs.tasks.COVERAGE_RETRY.wait", 0)
    flight_id = upload(1)
    operator.post(f"/flights/{flight_id}/submit")
    for _ in range(6):
        run_jobs(worker_context)
    coverage = operator.get(f"/flights/{flight_id}/coverage").json()
    assert (coverage["state"], coverage["failure"]["code"]) == ("failed", "processing_failed")
    assert operator.get(f"/flights/{flight_id}").json()["state"] == "done"


def test_flight_without_photos_or_without_positions(
    operator: TestClient, tmp_path: Path, worker_context: WorkerContext
) -> None:
    flight_id = int(operator.post("/flights", json={"name": "a", "kind": "drone"}).json()["id"])
    assert operator.post(f"/flights/{flight_id}/coverage").json()["code"] == "empty_flight"
    assert operator.post("/flights/999/coverage").status_code == 404
    assert operator.get("/flights/999/coverage").status_code == 404
    path = draw_photo(tmp_path / "a.jpg", pose=None)
    operator.post(f"/flights/{flight_id}/photos", files={"file": path.read_bytes()})
    operator.post(f"/flights/{flight_id}/coverage")
    run_jobs(worker_context)
    summary = operator.get(f"/flights/{flight_id}/coverage").json()["summary"]
    assert (summary["photos"], summary["placed"], summary["gsd_m"]) == (1, 0, None)
    assert sum(summary["refused"].values()) == 1
