"""A real Label Studio for tests, and somebody who draws there. Skipped where it is not set up."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.labelstudio.client import Json, LabelStudio
from serving.labelstudio.server import (
    USERNAME,
    Account,
    ServerPlace,
    make_token,
    start_server,
    stop_server,
    wait_until_up,
)

PROGRAM = Path(__file__).resolve().parent.parent / ".venv-label-studio/bin/label-studio"
PASSWORD = "a password of tests"


class RealServer:
    """A server in a folder, which can be killed and started again on the same port."""

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        self.place = ServerPlace(PROGRAM, folder, find_free_port())
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = start_server(self.place, PASSWORD, more=self._more)
        wait_until_up(self.place, self._process)

    def make_token(self) -> str:
        return make_token(self.place, Account(USERNAME, PASSWORD))

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            stop_server(self._process)


class Drawer(LabelStudio):
    """Somebody who draws, over the same API."""

    def accept_all(self, project_id: int) -> None:
        """Submit what was drawn beforehand on every task."""
        chosen = {"selectedItems": {"all": True, "excluded": []}}
        action = {"id": "predictions_to_annotations", "project": project_id}
        self._ask("POST", "/api/dm/actions", params=action, json=chosen, timeout_s=600)

    def draw(self, task_id: int, result: list[Json], **fields: Any) -> int:  # noqa: ANN401
        body = {"result": result} | fields
        return int(self._ask("POST", f"/api/tasks/{task_id}/annotations/", json=body)["id"])

    def edit(self, annotation_id: int, **fields: Any) -> None:  # noqa: ANN401
        self._ask("PATCH", f"/api/annotations/{annotation_id}/", json=fields)

    def erase(self, annotation_id: int) -> None:
        self._ask("DELETE", f"/api/annotations/{annotation_id}/")

    def revoke(self, token: str) -> None:
        self._ask("POST", "/api/token/blacklist/", json={"refresh": token})

    def add_person(self, email: str) -> int:
        body = {"email": email, "username": email, "password": PASSWORD}
        return int(self._ask("POST", "/api/users/", json=body)["id"])

    def count_tasks(self, project_id: int) -> int:
        return sum(len(page) for page in self.each_page_of_tasks(project_id))


def find_free_port() -> int:
    """Return a port of the loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
