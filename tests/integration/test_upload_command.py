"""`hazardlens upload` against the real application over a real socket."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from click.testing import CliRunner, Result
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import func, select
from starlette.types import Message, Receive, Scope, Send

from detection.domain.errors import HazardLensError
from hazardlens import cli
from serving.accounts.roles import Role
from serving.accounts.users import create_user
from serving.db.tables import FlightFileRow, FlightRow, PhotoRow, UploadRow
from serving.jobs.context import WorkerContext
from serving.jobs.queue import UPLOADS_QUEUE
from tests.factories import DrawnPose, draw_photo
from tests.job_runner import run_jobs
from tests.serving_process import ROOT, free_port, wait_for

USER, PASSWORD = "operator", "a good password"
MEGABYTE = 1024 * 1024


@dataclass
class Link:
    """What lies between client and application: counts pieces, and goes dead where asked to."""

    app: FastAPI
    sent: int = 0
    dead_at: int | None = None
    is_dead: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_counted() -> Message:
            message = await receive()
            if scope["method"] == "PATCH":
                self.sent += len(message.get("body", b""))
                while self.dead_at is not None and self.sent >= self.dead_at:
                    self.is_dead.set()
                    await asyncio.sleep(0.01)
            return message

        is_http = scope["type"] == "http"
        await self.app(scope, receive_counted if is_http else receive, send)


class LiveServer:
    """The application on a port of its own, and a worker beside it that checks what arrives."""

    def __init__(self, link: Link, context: WorkerContext) -> None:
        self.link = link
        self.port = free_port()
        self._context = context
        self._stop = threading.Event()
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(
            self.link,
            port=self.port,
            log_level="error",
            lifespan="off",
            timeout_graceful_shutdown=0,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started, 30, lambda: "the server does not start")

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)

    def close(self) -> None:
        self._stop.set()
        self.stop()
        self._worker.join(60)

    def _work(self) -> None:
        while not self._stop.wait(0.05):
            run_jobs(self._context, [UPLOADS_QUEUE])


@pytest.fixture
def server(
    app: FastAPI, worker_context: WorkerContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[LiveServer]:
    with worker_context.sessions.begin() as session:
        create_user(session, USER, PASSWORD, Role.OPERATOR)
    monkeypatch.setenv("HAZARDLENS_USER", USER)
    monkeypatch.setenv("HAZARDLENS_PASSWORD", PASSWORD)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    live = LiveServer(Link(app), worker_context)
    yield live
    live.close()


Upload = Callable[..., Result]


@pytest.fixture
def upload(server: LiveServer) -> Upload:
    def run(source: Path, *options: str) -> Result:
        arguments = ["upload", str(source), "--server", server.url, "--patience", "1", *options]
        return CliRunner().invoke(cli, arguments)

    return run


def draw_card(folder: Path, count: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pose = DrawnPose(lat=29.56 + number * 1e-4)
        draw_photo(folder / f"DJI_000{number}.JPG", pose=pose, seed=number)
    return folder


def names_in(context: WorkerContext, flight_id: int) -> set[str]:
    with context.sessions() as session:
        rows = session.scalars(select(PhotoRow.name).where(PhotoRow.flight_id == flight_id))
        return set(rows)


def flights(context: WorkerContext) -> list[FlightRow]:
    with context.sessions() as session:
        return list(session.scalars(select(FlightRow).order_by(FlightRow.id)))


def test_a_folder_becomes_a_flight_and_the_card_may_be_wiped(
    upload: Upload, worker_context: WorkerContext, tmp_path: Path
) -> None:
    card = draw_card(tmp_path / "架次七")
    (card / "raw.DNG").write_bytes(b"raw")
    result = upload(card, "--site", "鹅湖")
    assert result.exit_code == 0, result.output
    assert "3 files in, 0 refused" in result.output
    assert "The card may be wiped, but for what follows" in result.output
    assert "1 .dng" in result.output
    (flight,) = flights(worker_context)
    assert (flight.name, flight.site) == ("架次七", "鹅湖")
    assert flight.state != "draft"
    assert names_in(worker_context, flight.id) == {f"DJI_000{n}.JPG" for n in range(3)}


def test_the_same_folder_again_sends_nothing_and_new_files_make_a_flight(
    upload: Upload, server: LiveServer, worker_context: WorkerContext, tmp_path: Path
) -> None:
    card = draw_card(tmp_path / "card")
    upload(card)
    sent = server.link.sent
    again = upload(card)
    assert again.exit_code == 0
    assert "Nothing new" in again.output
    assert server.link.sent == sent
    assert len(flights(worker_context)) == 1
    draw_photo(card / "late.JPG", seed=99)
    assert upload(card).exit_code == 0
    assert names_in(worker_context, flights(worker_context)[1].id) == {"late.JPG"}


def test_bad_files_are_named_and_hold_up_no_other(
    upload: Upload, worker_context: WorkerContext, tmp_path: Path
) -> None:
    card = draw_card(tmp_path / "card")
    (card / "empty.JPG").write_bytes(b"")
    (card / "bad[red].JPG").write_bytes(b"no photo")
    with zipfile.ZipFile(card / "more.zip", "w") as archive:
        archive.write(draw_photo(tmp_path / "in.jpg", seed=50), "in.jpg")
    result = upload(card)
    assert exit_code(result) == 9, result.output
    for name in ("empty.JPG", "bad[red].JPG"):
        assert name in result.output
    assert len(names_in(worker_context, flights(worker_context)[0].id)) == 4


def test_what_other_flights_have_is_not_sent_again(
    upload: Upload, server: LiveServer, worker_context: WorkerContext, tmp_path: Path
) -> None:
    card = draw_card(tmp_path / "card")
    upload(card)
    sent = server.link.sent
    copy = tmp_path / "copy"
    card.rename(copy)
    result = upload(copy)
    assert "are in other flights too (1)" in result.output
    assert server.link.sent == sent
    assert len(names_in(worker_context, flights(worker_context)[1].id)) == 3


def test_a_flight_can_stay_open_for_more(
    upload: Upload, worker_context: WorkerContext, tmp_path: Path
) -> None:
    result = upload(draw_card(tmp_path / "one", 1), "--no-submit", "--name", "巡查")
    assert "not submitted yet" in result.output
    (flight,) = flights(worker_context)
    assert (flight.name, flight.state) == ("巡查", "draft")
    (tmp_path / "two").mkdir()
    draw_photo(tmp_path / "two" / "b.jpg", seed=7)
    assert upload(tmp_path / "two", "--flight", str(flight.id)).exit_code == 0
    assert names_in(worker_context, flight.id) == {"DJI_0000.JPG", "b.jpg"}
    late = upload(tmp_path / "one", "--flight", str(flight.id))
    assert exit_code(late) == 1
    assert "takes no more photos" in str(late.exception)


def exit_code(result: Result) -> int:
    """Return what the process would end with."""
    error = result.exception
    return error.exit_code if isinstance(error, HazardLensError) else result.exit_code


def test_trouble_has_its_exit_codes(
    upload: Upload, server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = draw_card(tmp_path / "card", 1)
    assert exit_code(upload(tmp_path / "not there")) == 2
    (tmp_path / "none").mkdir()
    assert exit_code(upload(tmp_path / "none")) == 3
    monkeypatch.setenv("HAZARDLENS_PASSWORD", "wrong")
    assert exit_code(upload(card)) == 11
    monkeypatch.delenv("HAZARDLENS_PASSWORD")
    assert exit_code(upload(card)) == 11
    monkeypatch.setenv("HAZARDLENS_PASSWORD", PASSWORD)
    server.stop()
    assert exit_code(upload(card, "--patience", "0")) == 10


def test_a_check_sends_nothing(upload: Upload, server: LiveServer, tmp_path: Path) -> None:
    card = draw_card(tmp_path / "card")
    cut = (card / "DJI_0000.JPG").read_bytes()
    (card / "DJI_0000.JPG").write_bytes(cut[: len(cut) // 2])
    server.stop()
    result = upload(card, "--check")
    assert "2 files can be used, 1 cannot" in result.output
    assert "The photo breaks off" in result.output
    assert exit_code(result) == 9


def draw_large(path: Path) -> Path:
    """Write a photo of about 4 MB."""
    noise = np.random.default_rng(1).integers(0, 255, (1200, 1200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path


def start_command(server: LiveServer, source: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "hazardlens", "upload", str(source)]
    command += ["--server", server.url, "--piece-mb", "1"]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
    )


def test_killed_client_and_stopped_server_cost_one_piece_each(
    server: LiveServer, worker_context: WorkerContext, upload: Upload, tmp_path: Path
) -> None:
    (tmp_path / "card").mkdir()
    photo = draw_large(tmp_path / "card" / "large.png")
    server.link.dead_at = MEGABYTE + 1000
    client = start_command(server, tmp_path / "card")
    assert server.link.is_dead.wait(60)
    client.send_signal(signal.SIGKILL)
    client.wait()
    server.link.dead_at, server.link.is_dead = 3 * MEGABYTE, threading.Event()
    client = start_command(server, tmp_path / "card")
    assert server.link.is_dead.wait(60)
    server.stop()
    server.link.dead_at = None
    server.start()
    assert client.wait(100) == 0
    size = photo.stat().st_size
    assert size <= server.link.sent <= size + 2 * MEGABYTE
    with worker_context.sessions() as session:
        assert session.scalar(select(func.count()).select_from(UploadRow)) == 1
        (file,) = session.scalars(select(FlightFileRow))
        assert (file.state, file.size_bytes) == ("accepted", size)
    assert names_in(worker_context, 1) == {"large.png"}
    assert upload(tmp_path / "card").exit_code == 0
