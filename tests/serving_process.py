"""Start the real ``hazardlens serve`` in a process of its own, talk to it, kill parts of it.

Import as ``from tests.serving_process import ServeProcess``.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "admin-password"
START_TIMEOUT_S = 90.0


@dataclass
class ServeProcess:
    """A service on ``data_dir``; ``start`` may be called again after the process has ended."""

    data_dir: Path
    models_dir: Path
    arguments: tuple[str, ...] = ("--no-demo",)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    token: str = ""

    @property
    def log_path(self) -> Path:
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    @property
    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def launch(self) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "HAZARDLENS_ADMIN_PASSWORD": PASSWORD,
            "HAZARDLENS_MODELS_DIR": str(self.models_dir),
            "HAZARDLENS_STALLED_AFTER_S": "4",
            "HAZARDLENS_HEARTBEAT_S": "1",
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, "-m", "hazardlens", "serve", "--port", str(self.port)]
        command += ["--data-dir", str(self.data_dir), *self.arguments]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment | self.environment, stdout=log, stderr=log
            )
        return self.process

    def start(self) -> None:
        if not self.port:
            self.port = free_port()
        self.launch()
        wait_for(self.is_ready, START_TIMEOUT_S, lambda: self.log)
        form = {"username": "admin", "password": PASSWORD}
        answer = httpx.post(f"{self.api}/auth/token", data=form, timeout=30)
        self.token = answer.json()["access_token"]

    def is_ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            message = f"serve ended with {self.process.returncode}: {self.log}"
            raise AssertionError(message)
        try:
            return httpx.get(f"{self.api}/health", timeout=30).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    @property
    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.api, headers=headers, timeout=60)

    def stop(self) -> int:
        if self.process is None:
            return 0
        self.process.terminate()
        return self.process.wait(60)

    def kill_parent(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def kill_child(self, words: str) -> int:
        """Kill -9 the service's own child whose command line holds ``words``."""
        assert self.process is not None
        for pid in child_pids(self.process.pid):
            if words in command_line(pid):
                os.kill(pid, signal.SIGKILL)
                return pid
        message = f"no child runs {words}"
        raise AssertionError(message)

    def kill_database(self) -> int:
        """Kill -9 the database server of this data folder."""
        pid = int((self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        return pid


def wait_for(condition: Callable[[], bool], timeout_s: float, describe: Callable[[], str]) -> None:
    """Wait until ``condition`` holds; fail with what ``describe`` says."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, describe()
        time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def child_pids(parent: int) -> list[int]:
    """Return the direct children of a process (Linux)."""
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(word) for path in tasks for word in path.read_text().split()]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    """Whether a process lives and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
