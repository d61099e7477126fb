"""Kill -9 the HTTP process and the worker while a file arrives: what was acknowledged is there."""

from __future__ import annotations

import contextlib
import hashlib
import random
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from serving.db.embedded import EmbeddedPostgres
from serving.storage.objects import ObjectStore
from tests.bench.uploads import draw_many, send_folder
from tests.factories import build_exif
from tests.serving_process import ServeProcess, wait_for
from tests.tiny_model import write_tiny_model
from tests.tus_client import (
    PIECE,
    VERSION,
    FileSender,
    ask_offset,
    create_upload,
    send_piece,
    shorten,
)

PIECE_BYTES = 256_000
KILLS = 2
BLOCK_BYTES = 1 << 20


@pytest.fixture(scope="module")
def service() -> Iterator[ServeProcess]:
    folder = Path(tempfile.mkdtemp(prefix="hazardlens-uploads-"))
    write_tiny_model(folder / "models")
    process = ServeProcess(folder / "data", folder / "models")
    process.start()
    yield process
    process.stop()
    EmbeddedPostgres(process.data_dir).stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def noisy_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo that cannot be made small: about 5 MB."""
    pixels = np.random.default_rng(1).integers(0, 255, (1200, 1600, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("card") / "noise.png"
    Image.fromarray(pixels).save(path, exif=build_exif(None))
    return path


def create_flight(service: ServeProcess) -> int:
    with service.client as client:
        answer = client.post("/flights", json={"name": "crash", "kind": "drone"})
        return int(answer.raise_for_status().json()["id"])


def find_file(service: ServeProcess, flight_id: int) -> dict[str, object]:
    with service.client as client:
        answer = client.get(f"/flights/{flight_id}/files")
        return dict(answer.json()["items"][0]) if answer.is_success else {"state": "?"}


def test_nothing_acknowledged_is_lost_however_often_the_server_dies(
    service: ServeProcess, noisy_photo: Path
) -> None:
    chance = random.Random(5)  # noqa: S311 - where to kill, not a secret
    size = noisy_photo.stat().st_size
    flight_id = create_flight(service)
    with service.client as client:
        url = create_upload(client, flight_id, "noise.png", size).headers["Location"]
    sender = FileSender(noisy_photo, PIECE_BYTES)
    kills = sorted(chance.sample(range(1, size // PIECE_BYTES), KILLS))
    acknowledged, step, is_done = 0, 0, False
    while not is_done:
        killer = threading.Timer(chance.random() * 0.03, service.kill_child, ["http_process"])
        if kills and step >= kills[0]:
            kills.pop(0)
            killer.start()
        with service.client as client:
            try:
                is_done = sender.step(client, url)
                acknowledged = max(acknowledged, ask_offset(client, url))
                step += 1
            except httpx.TransportError:
                continue
            finally:
                if killer.is_alive():
                    killer.join()
            assert ask_offset(client, url) >= acknowledged
    wait_for(lambda: find_file(service, flight_id)["state"] == "accepted", 60, lambda: service.log)
    sha256 = hashlib.sha256(noisy_photo.read_bytes()).hexdigest()
    assert find_file(service, flight_id)["sha256"] == sha256
    stored = ObjectStore(service.data_dir).path_of(sha256)
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == sha256
    assert sender.sent_bytes - size <= KILLS * PIECE_BYTES, "more than a piece again for a kill"


def test_killed_worker_leaves_no_file_unchecked(service: ServeProcess, noisy_photo: Path) -> None:
    data = noisy_photo.read_bytes()
    flight_id = create_flight(service)
    with service.client as client:
        for number in range(6):  # the bytes after the picture make each another file
            content = data + bytes([number])
            body = create_upload(client, flight_id, f"{number}.png", len(content), body=content)
            assert body.headers["Upload-Offset"] == str(len(content))
            if number == 2:
                wait_for(lambda: _count_accepted(service, flight_id) > 0, 60, lambda: service.log)
                service.kill_child(" worker")
        wait_for(lambda: _count_accepted(service, flight_id) == 6, 120, lambda: service.log)
        receipt = client.get(f"/flights/{flight_id}/receipt.json").json()
        assert receipt["card_may_be_wiped"] is True
        assert client.get(f"/flights/{flight_id}").json()["progress"]["photos_total"] == 6


def test_newest_request_takes_over_from_one_that_hangs(service: ServeProcess) -> None:
    """As after a dropped link, of which the server does not know yet."""
    flight_id = create_flight(service)
    gate = threading.Event()
    size = 4 * BLOCK_BYTES

    def drip() -> Iterator[bytes]:
        yield bytes(2 * BLOCK_BYTES)
        gate.wait(60)

    with service.client as client, service.client as hanging:
        url = create_upload(client, flight_id, "a.jpg", size).headers["Location"]
        staged = service.data_dir / "uploads" / url.rpartition("/")[2]
        old = threading.Thread(target=_patch, args=(hanging, url, drip()), daemon=True)
        old.start()
        wait_for(
            lambda: staged.exists() and staged.stat().st_size >= BLOCK_BYTES,
            60,
            lambda: service.log,
        )
        offset = ask_offset(client, url)
        assert offset >= BLOCK_BYTES, "what came before the link broke counts"
        assert send_piece(client, url, offset, bytes(size - offset)).status_code == 204
        gate.set()
        old.join(60)


def test_bad_files_of_a_card_are_named_and_all_others_are_in(
    service: ServeProcess, tmp_path: Path
) -> None:
    """The real client; with 5,000 files in ``tests/bench/uploads.py``."""
    counts = send_folder(service, draw_many(tmp_path / "card", 40, 6), tmp_path)
    assert (counts["total"], counts["accepted"], counts["rejected"]) == (40, 34, 6)
    assert sum(counts["rejected_by_code"].values()) == 6


def _count_accepted(service: ServeProcess, flight_id: int) -> int:
    with service.client as client:
        answer = client.get(f"/flights/{flight_id}/files/counts")
        return int(answer.raise_for_status().json()["accepted"])


def _patch(client: httpx.Client, url: str, body: Iterator[bytes]) -> None:
    headers = VERSION | PIECE | {"Upload-Offset": "0"}
    with contextlib.suppress(httpx.HTTPError):
        client.patch(shorten(url), headers=headers, content=body)
