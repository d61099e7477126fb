"""Kill -9 parts of a running service in the middle of a flight: nothing twice, nothing missing.

Two workers share each flight; where one is killed, the other goes on.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from serving.db.embedded import EmbeddedPostgres
from tests.factories import DrawnPose, draw_photo
from tests.serving_process import ServeProcess, child_pids, is_running, wait_for
from tests.tiny_model import ALTITUDE_AGL_M, write_tiny_model

PHOTOS = 60
KILL_AFTER = 8
DONE_TIMEOUT_S = 180.0


@pytest.fixture(scope="module")
def photo_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("flight")
    pose = DrawnPose(altitude_agl_m=ALTITUDE_AGL_M)
    names = [folder / f"DJI_{number:04d}.JPG" for number in range(PHOTOS)]
    return [
        draw_photo(path, pose=pose, size_px=(1280, 960), seed=seed, quality=60)
        for seed, path in enumerate(names)
    ]


@pytest.fixture(scope="module")
def service() -> Iterator[ServeProcess]:
    folder = Path(tempfile.mkdtemp(prefix="hazardlens-crash-"))
    write_tiny_model(folder / "models")
    two_workers = ("--no-demo", "--workers", "2")
    process = ServeProcess(folder / "data", folder / "models", two_workers)
    process.start()
    yield process
    process.stop()
    EmbeddedPostgres(process.data_dir).stop()
    shutil.rmtree(folder, ignore_errors=True)


def upload_flight(service: ServeProcess, paths: list[Path]) -> int:
    with service.client as client:
        body = {"name": "crash", "kind": "drone"}
        flight_id = int(client.post("/flights", json=body).raise_for_status().json()["id"])
        for path in paths:
            files = {"file": (path.name, path.read_bytes(), "image/jpeg")}
            client.post(f"/flights/{flight_id}/photos", files=files).raise_for_status()
        client.post(f"/flights/{flight_id}/submit").raise_for_status()
    return flight_id


def read_flight(service: ServeProcess, flight_id: int) -> dict[str, object]:
    with service.client as client:
        answer = client.get(f"/flights/{flight_id}")
        return dict(answer.json()) if answer.is_success else {"state": "?", "progress": {}}


def photos_done(service: ServeProcess, flight_id: int) -> int:
    progress = read_flight(service, flight_id)["progress"]
    assert isinstance(progress, dict)
    return int(progress.get("photos_done", 0))


def wait_done(service: ServeProcess, flight_id: int) -> None:
    def is_done() -> bool:
        return read_flight(service, flight_id)["state"] == "done"

    wait_for(is_done, DONE_TIMEOUT_S, lambda: service.log)


def check_exact(service: ServeProcess, flight_id: int) -> None:
    """Every photo done once, each with the same number of detections, each detection placed once.

    The tiny model answers the same for every tile, so all photos must have equal counts.
    """
    progress = read_flight(service, flight_id)["progress"]
    assert isinstance(progress, dict)
    assert (progress["photos_total"], progress["photos_done"], progress["photos_failed"]) == (
        PHOTOS,
        PHOTOS,
        0,
    )
    with psycopg.connect(EmbeddedPostgres(service.data_dir).url) as connection:

        def ask(query: LiteralString) -> list[tuple[int, ...]]:
            return connection.execute(query, {"flight": flight_id}).fetchall()

        per_photo = ask(
            "select count(*) from detections where flight_id = %(flight)s group by photo_id"
        )
        assert len(per_photo) == PHOTOS, "the models found nothing in some photos"
        assert len(set(per_photo)) == 1
        ((total, distinct, seen),) = ask(
            "select count(*), count(distinct (photo_id, x_min, y_min, model_name)),"
            " count(sightings.detection_id) from detections left join sightings"
            " on detection_id = detections.id where flight_id = %(flight)s"
        )
        assert total == distinct == seen
        assert ask("select count(*) from ingest_failures where flight_id = %(flight)s") == [(0,)]


@pytest.mark.parametrize("victim", ["worker", "http_process", "database", "parent"])
def test_kill_in_the_middle_of_a_flight_loses_and_doubles_nothing(
    victim: str, service: ServeProcess, photo_files: list[Path]
) -> None:
    flight_id = upload_flight(service, photo_files)
    wait_for(lambda: photos_done(service, flight_id) >= KILL_AFTER, 60, lambda: service.log)
    assert photos_done(service, flight_id) < PHOTOS, "too late to prove anything"
    if victim == "database":
        service.kill_database()
    elif victim == "parent":
        assert service.process is not None
        children = child_pids(service.process.pid)
        service.kill_parent()
        wait_for(lambda: not any(map(is_running, children)), 30, lambda: "children live on")
        service.start()
    else:
        service.kill_child(f" {victim}" if victim == "worker" else victim)
    wait_done(service, flight_id)
    check_exact(service, flight_id)


def test_clean_stop_in_the_middle_goes_on_at_the_next_start(
    service: ServeProcess, photo_files: list[Path]
) -> None:
    flight_id = upload_flight(service, photo_files)
    wait_for(lambda: photos_done(service, flight_id) >= KILL_AFTER, 60, lambda: service.log)
    assert service.stop() == 0
    assert not EmbeddedPostgres(service.data_dir).is_up()
    service.start()
    wait_done(service, flight_id)
    check_exact(service, flight_id)
