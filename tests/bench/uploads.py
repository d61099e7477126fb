"""Whole cards over links that break: what is sent twice, what is lost, how fast it goes.

The real server and the real ``hazardlens upload``, killed -9 at random instants. What the client
sends is counted by a proxy between the two, headers included, so the bytes sent twice are an
upper bound. ``python -m tests.bench.uploads`` prints the figures.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from serving.db.embedded import EmbeddedPostgres
from tests.counting_proxy import CountingProxy
from tests.factories import DrawnPose, draw_photo
from tests.serving_process import PASSWORD, ROOT, ServeProcess, wait_for
from tests.tiny_model import ALTITUDE_AGL_M, write_tiny_model

GIGABYTE = 1_000_000_000
PIECE_BYTES = 4 * 1024 * 1024
PHOTOS_PER_CARD = 20
CLIENT_TIMEOUT_S = 1200.0
CHECK_TIMEOUT_S = 1800.0

BAD = (
    lambda data: data[: len(data) // 2],
    lambda _data: b"not a photo at all\n" * 20,
    lambda data: b"II*\x00" + data[4:200],
)


@dataclass(slots=True)
class Client:
    """``hazardlens upload`` on one source; started again, it goes on where it was."""

    source: Path
    flight_id: int
    state_dir: Path
    server: str
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self) -> None:
        """Start the command."""
        environment = os.environ | {
            "HAZARDLENS_USER": "admin",
            "HAZARDLENS_PASSWORD": PASSWORD,
            "XDG_STATE_HOME": str(self.state_dir),
        }
        command = [sys.executable, "-m", "hazardlens", "upload", str(self.source)]
        command += ["--server", self.server, "--flight", str(self.flight_id), "--no-submit"]
        log = (self.state_dir / f"client-{self.flight_id}.log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.starts += 1

    def kill(self) -> None:
        """Kill -9 it and start it anew."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.start()

    def finish(self) -> int:
        """Wait for its end; return its exit status."""
        assert self.process is not None
        return self.process.wait(CLIENT_TIMEOUT_S)


@dataclass(slots=True)
class Killer:
    """Kills client and server in turns, at random points of the way."""

    service: ServeProcess
    client: Client
    proxy: CountingProxy
    points: list[int]
    victims: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Kill at each point, until the client ends."""
        for number, point in enumerate(self.points):
            while self.proxy.sent_bytes < point:
                if self.client.process is None or self.client.process.poll() is not None:
                    return
                time.sleep(0.01)
            if number % 2 == 0:
                self.client.kill()
                self.victims.append("client")
            else:
                wait_for(self._kill_server, 60, lambda: self.service.log)
                self.victims.append("server")

    def _kill_server(self) -> bool:
        try:
            self.service.kill_child("http_process")
        except AssertionError:  # it is just being started again
            return False
        return True


@contextmanager
def running_service(folder: Path) -> Iterator[ServeProcess]:
    """Yield a service on ``folder``, stopped and its database down at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tiny_model(folder / "models")
    service = ServeProcess(folder / "data", folder / "models")
    service.data_dir.mkdir(exist_ok=True)
    service.start()
    try:
        yield service
    finally:
        service.stop()
        EmbeddedPostgres(service.data_dir).stop()


def measure_upload(folder: Path, total_bytes: int = GIGABYTE, kills: int = 10) -> dict[str, object]:
    """Send a ZIP of photos while client and server are killed in turns, ``kills`` in all.

    One file is on its way, so a kill may cost one piece at most. ``ok`` says that every photo is
    in the store with the hash that it has on the card, and that no kill cost more than a piece.
    """
    source = draw_card(folder / "card.zip", total_bytes)
    size = source.stat().st_size
    chance = random.Random(7)  # noqa: S311 - where to kill, not a secret
    points = sorted(int(chance.uniform(0.03, 0.97) * size) for _ in range(kills))
    with running_service(folder / "service") as service, CountingProxy(service.port) as proxy:
        flight_id = create_flight(service)
        client = Client(source, flight_id, folder, f"http://127.0.0.1:{proxy.port}")
        started = time.monotonic()
        client.start()
        killer = Killer(service, client, proxy, points)
        killer.run()
        status = client.finish()
        sent_s = time.monotonic() - started
        wait_settled(service, flight_id)
        equal = is_stored(service, flight_id, source)
    resent = max(0, proxy.sent_bytes - size)
    return {
        "bytes": size,
        "kills": len(killer.victims),
        "resent_bytes": resent,
        "ok": status == 0 and equal and resent <= len(killer.victims) * PIECE_BYTES,
        "seconds": round(sent_s, 1),
    }


def measure_files(folder: Path, count: int = 5000, bad: int = 50) -> dict[str, object]:
    """Send a folder of small photos, some of them no use; count what is in and what is named."""
    source = draw_many(folder / "card", count, bad)
    with running_service(folder / "service") as service:
        started = time.monotonic()
        counts = send_folder(service, source, folder)
        seconds = time.monotonic() - started
    return {
        "sent": count,
        "named": sum(counts["rejected_by_code"].values()),
        "accepted": counts["accepted"],
        "seconds": round(seconds, 1),
    }


def send_folder(service: ServeProcess, source: Path, state_dir: Path) -> dict[str, Any]:
    """Send a folder as a flight of its own; return the counts when every file is settled."""
    flight_id = create_flight(service)
    client = Client(source, flight_id, state_dir, f"http://127.0.0.1:{service.port}")
    client.start()
    client.finish()
    return wait_settled(service, flight_id)


def draw_card(path: Path, total_bytes: int) -> Path:
    """Write a ZIP of photos that cannot be made small, ``total_bytes`` in all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    side = max(64, int((total_bytes / PHOTOS_PER_CARD / 3) ** 0.5))
    pixels = np.random.default_rng(3).integers(0, 255, (side, side, 3), dtype=np.uint8)
    single = path.with_suffix(".png")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number in range(PHOTOS_PER_CARD):
            Image.fromarray(np.roll(pixels, number, axis=1)).save(single, compress_level=0)
            archive.write(single, f"DCIM/100MEDIA/DJI_{number:04d}.PNG")
    single.unlink()
    return path


def draw_many(folder: Path, count: int, bad: int) -> Path:
    """Write photos that differ by a comment; ``bad`` of them, spread out, are no use."""
    folder.mkdir(parents=True, exist_ok=True)
    pose = DrawnPose(altitude_agl_m=ALTITUDE_AGL_M)
    base = draw_photo(folder / "base.jpg", pose=pose).read_bytes()
    (folder / "base.jpg").unlink()
    spoiled = {round((number + 0.5) * count / bad) for number in range(bad)} if bad else set()
    for number in range(count):
        note = f"{number:08d}".encode()
        data = base[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + base[2:]
        if number in spoiled:
            data = BAD[number % len(BAD)](data) + note
        part = folder / f"DCIM/{100 + number // 999}MEDIA"
        part.mkdir(parents=True, exist_ok=True)
        (part / f"DJI_{number:04d}.JPG").write_bytes(data)
    return folder


def create_flight(service: ServeProcess) -> int:
    """Open a flight for the uploads."""
    with service.client as client:
        answer = client.post("/flights", json={"name": "bench", "kind": "drone"})
        return int(answer.raise_for_status().json()["id"])


def wait_settled(service: ServeProcess, flight_id: int) -> dict[str, Any]:
    """Wait until every file is in or refused; return the counts."""
    counts: dict[str, Any] = {}

    def is_settled() -> bool:
        with service.client as client:
            answer = client.get(f"/flights/{flight_id}/files/counts")
        counts.update(answer.json() if answer.is_success else {})
        return bool(counts.get("total")) and not any(
            counts[state] for state in ("expected", "transferring", "checking")
        )

    wait_for(is_settled, CHECK_TIMEOUT_S, lambda: f"{counts}\n{service.log}")
    return counts


def is_stored(service: ServeProcess, flight_id: int, source: Path) -> bool:
    """Whether every entry of a ZIP is in the flight's receipt under its own hash."""
    with zipfile.ZipFile(source) as archive:
        sums = {
            f"{source.name}/{info.filename}": hashlib.sha256(archive.read(info)).hexdigest()
            for info in archive.infolist()
        }
    with service.client as client:
        receipt = client.get(f"/flights/{flight_id}/receipt.json").raise_for_status().json()
    stored = {each["path"]: each["sha256"] for each in receipt["files"] if each["archive"]}
    return bool(receipt["card_may_be_wiped"]) and stored == sums


def main() -> None:
    """Print the figures as one JSON object."""
    with tempfile.TemporaryDirectory(prefix="hazardlens-bench-") as name:
        upload = measure_upload(Path(name) / "upload")
        files = measure_files(Path(name) / "files")
    sys.stdout.write(json.dumps({"upload": upload, "files": files}) + "\n")


if __name__ == "__main__":
    main()
