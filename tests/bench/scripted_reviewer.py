"""A reviewer without a face: takes what is next, decides, sometimes takes it back.

Like the pages, it writes every act into a journal before it sends it, and sends what the journal
still holds when it starts again: it may be killed at any instant. Run as
``python -m tests.bench.scripted_reviewer URL NAME PASSWORD JOURNAL``; ends when nothing is left.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

VERDICTS = ("confirm", "reject", "reject", "reject", "unsure")
UNDO_SHARE = 0.1
RETRY_S = 0.1
TIMEOUT_S = 20.0


def read_journal(path: Path) -> dict[str, dict[str, Any]]:
    """Return the last word of each act by its key, in the order of the acts.

    A last line that a crash cut short was never sent: the line is synced before.
    """
    acts: dict[str, dict[str, Any]] = {}
    if path.is_file():
        for line in path.read_text("utf-8").splitlines():
            try:
                act = json.loads(line)
            except ValueError:
                continue
            acts[act["key"]] = acts.get(act["key"], {}) | act
    return acts


@dataclass
class ScriptedReviewer:
    """One person at one machine, whose journal outlives the process."""

    url: str
    username: str
    password: str
    journal: Path
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=TIMEOUT_S))

    def work(self) -> None:
        """Send what was left over, then decide until nothing is left."""
        for act in list(read_journal(self.journal).values()):
            if act["state"] == "made":
                self.send(act)
        while items := self.ask("POST", "/queue/next", {"count": 3}).json()["items"]:
            for item in items:
                self.decide(item["id"])

    def decide(self, candidate_id: int) -> None:
        """Decide one candidate, and now and then take it back."""
        saved = self.send(self.write(candidate=candidate_id, verdict=random.choice(VERDICTS)))  # noqa: S311 - no secret
        if saved is not None and random.random() < UNDO_SHARE:  # noqa: S311 - no secret
            self.send(self.write(candidate=candidate_id, undoes=saved))

    def write(self, **what: object) -> dict[str, Any]:
        """Put an act into the journal."""
        act = {"key": uuid.uuid4().hex, "state": "made", **what}
        self.note(act)
        return act

    def send(self, act: dict[str, Any]) -> int | None:
        """Bring an act to the server, however often it takes; returns the number it got."""
        if "undoes" in act:
            path, body = f"/decisions/{act['undoes']}/undo", {}
        else:
            path = f"/candidates/{act['candidate']}/decisions"
            body = {"verdict": act["verdict"], "expected_state": "pending"}
        answer = self.ask("POST", path, body, key=act["key"])
        if answer.is_success:
            event = int(answer.json()["id"])
            self.note({"key": act["key"], "state": "saved", "event": event})
            return event
        self.note({"key": act["key"], "state": "refused", "code": answer.json()["code"]})
        return None

    def note(self, line: dict[str, object]) -> None:
        """Append a line to the journal and wait until it is on disk."""
        text = json.dumps(line) + "\n"
        with self.journal.open("a+b") as stream:
            if stream.tell() and not _ends_line(self.journal):
                text = "\n" + text
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())

    def ask(self, method: str, path: str, body: object, *, key: str = "") -> httpx.Response:
        """Send a request until the server answers what will not change by asking again."""
        while True:
            try:
                headers = {"Idempotency-Key": key} if key else {}
                answer = self.client.request(method, self.url + path, json=body, headers=headers)
                if answer.status_code == httpx.codes.UNAUTHORIZED:
                    self.sign_in()
                elif not answer.is_server_error:
                    return answer
            except httpx.TransportError:
                pass
            time.sleep(RETRY_S)

    def sign_in(self) -> None:
        """Get a token; a server that is not there is asked again by whoever asked."""
        form = {"username": self.username, "password": self.password}
        answer = self.client.post(f"{self.url}/auth/token", data=form)
        if answer.is_success:
            self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _ends_line(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


if __name__ == "__main__":
    address, name, secret, acts = sys.argv[1:5]
    ScriptedReviewer(address, name, secret, Path(acts)).work()
