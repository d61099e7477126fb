"""A stand-in for Label Studio: the calls that we use, answered in the shapes recorded of 1.23.2."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

Json = dict[str, Any]
REFRESH_SECRET = "of the stand-in, long enough for the signature"


@dataclass
class StandIn:
    """What the server holds. ``break_after_import`` loses an answer after the work was done."""

    port: int = 0
    access_lifetime_s: float = 300.0
    projects: dict[int, Json] = field(default_factory=dict)
    tasks: dict[int, Json] = field(default_factory=dict)
    webhooks: dict[int, Json] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    break_after_import: int = 0
    break_before_import: int = 0
    refuse_webhooks: bool = False
    exchanges: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000_000)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def token(self, **claims: object) -> str:
        """Return a personal access token."""
        payload = {"token_type": "refresh", "exp": int(time.time()) + 9_999_999, "user_id": "1"}
        return jwt.encode(payload | claims, REFRESH_SECRET, algorithm="HS256")

    def number(self) -> int:
        return next(self._numbers)

    def draw(self, task_id: int, result: list[Json], **fields: object) -> int:
        """Have somebody draw; returns the number of the annotation."""
        number = self.number()
        annotation = {
            "id": number,
            "result": result,
            "completed_by": 1,
            "updated_by": 1,
            "was_cancelled": False,
            "ground_truth": False,
            "created_at": now(),
            "updated_at": now(),
            "task": task_id,
        }
        self.tasks[task_id]["annotations"].append(annotation | fields)
        return number

    def edit(self, task_id: int, annotation_id: int, **fields: object) -> None:
        """Have somebody change what was drawn."""
        for annotation in self.tasks[task_id]["annotations"]:
            if annotation["id"] == annotation_id:
                annotation.update(fields | {"updated_at": now()})

    def erase(self, task_id: int, annotation_id: int) -> None:
        """Have somebody delete what was drawn."""
        drawn = self.tasks[task_id]["annotations"]
        self.tasks[task_id]["annotations"] = [one for one in drawn if one["id"] != annotation_id]


def now() -> str:
    """Return the present moment as Label Studio writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def serve_stand_in() -> Iterator[StandIn]:
    """Yield a stand-in that answers on a port of the loopback."""
    stand_in = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stand_in))
    stand_in.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Lost(Exception):  # noqa: N818 - no error of the program: the line goes dead
    """The connection breaks without an answer."""


def _handler(state: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body go out apart; held back, each answer would take 40 ms.
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            parts = urlsplit(self.path)
            state.calls.append(f"{self.command} {parts.path}")
            try:
                status, found = self._route(parts.path, parse_qs(parts.query), body)
            except _Lost:
                self.close_connection = True
                return
            text = b"" if found is None else json.dumps(found, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def _route(self, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:  # noqa: ANN401
            if path == "/api/token/refresh/":
                return _refresh(state, body["refresh"])
            if not _is_let_in(self.headers.get("Authorization", "")):
                return 401, {"status_code": 401, "detail": "Authentication credentials were not"}
            for method, pattern, act in ROUTES:
                match = re.fullmatch(pattern, path)
                if method == self.command and match:
                    numbers = [int(each) for each in match.groups()]
                    return act(state, numbers, query, body)
            return 404, {"status_code": 404, "detail": "Not found"}

    return Handler


def _is_let_in(header: str) -> bool:
    kind, _, token = header.partition(" ")
    if kind == "Token":
        return token == "legacy"
    try:
        return bool(
            jwt.decode(token, REFRESH_SECRET, algorithms=["HS256"])["token_type"] == "access"
        )
    except jwt.InvalidTokenError:
        return False


def _refresh(state: StandIn, token: str) -> tuple[int, Json]:
    state.exchanges += 1
    if token in state.revoked:
        return 401, {"status_code": 401, "detail": "Token is blacklisted", "exc_info": None}
    try:
        jwt.decode(token, REFRESH_SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return 401, {"status_code": 401, "detail": "Token is invalid", "exc_info": None}
    claims = {"token_type": "access", "exp": time.time() + state.access_lifetime_s}
    return 200, {"access": jwt.encode(claims, REFRESH_SECRET, algorithm="HS256")}


def _list_projects(state: StandIn, *_: object) -> tuple[int, Json]:
    return 200, {"count": len(state.projects), "next": None, "results": [*state.projects.values()]}


def _create_project(state: StandIn, _: object, __: object, body: Json) -> tuple[int, Json]:
    number = state.number()
    state.projects[number] = body | {"id": number}
    return 201, state.projects[number]


def _get_project(state: StandIn, numbers: list[int], *_: object) -> tuple[int, Json]:
    project = state.projects.get(numbers[0])
    return (200, project) if project else (404, {"status_code": 404, "detail": "No Project"})


def _patch_project(state: StandIn, numbers: list[int], _: object, body: Json) -> tuple[int, Json]:
    state.projects[numbers[0]].update(body)
    return 200, state.projects[numbers[0]]


def _list_hooks(
    state: StandIn, _: object, query: dict[str, list[str]], __: object
) -> tuple[int, list[Json]]:
    project = int(query["project"][0])
    return 200, [hook for hook in state.webhooks.values() if hook["project"] == project]


def _save_hook(state: StandIn, numbers: list[int], _: object, body: Json) -> tuple[int, Json]:
    if state.refuse_webhooks:
        return 400, {
            "status_code": 400,
            "validation_errors": {"url": ["URL resolves to a reserved"]},
        }
    number = numbers[0] if numbers else state.number()
    state.webhooks[number] = state.webhooks.get(number, {}) | body | {"id": number}
    return 200, state.webhooks[number]


def _import(state: StandIn, numbers: list[int], _: object, body: list[Json]) -> tuple[int, Json]:
    if state.break_before_import:
        state.break_before_import -= 1
        raise _Lost
    ids = []
    for task in body:
        number = state.number()
        state.tasks[number] = task | {"id": number, "project": numbers[0], "annotations": []}
        ids.append(number)
    if state.break_after_import:
        state.break_after_import -= 1
        raise _Lost
    return 201, {"task_count": len(ids), "task_ids": ids}


def _list_tasks(
    state: StandIn, _: object, query: dict[str, list[str]], __: object
) -> tuple[int, Json]:
    project, page, size = (int(query[name][0]) for name in ("project", "page", "page_size"))
    found = [each for each in state.tasks.values() if each["project"] == project]
    shown = found[(page - 1) * size : page * size]
    if page > 1 and not shown:
        return 404, {"status_code": 404, "detail": "Invalid page."}
    fields = query["include"][0].split(",")
    return 200, {"total": len(found), "tasks": [_pick(each, query, fields) for each in shown]}


def _pick(task: Json, query: dict[str, list[str]], fields: list[str]) -> Json:
    """Return what was asked for: names hold for a task and its annotations alike."""
    picked = {name: task[name] for name in fields if name in task}
    if "annotations" in picked:
        if query.get("fields") != ["all"]:
            del picked["annotations"]
        else:
            picked["annotations"] = [
                {name: each[name] for name in fields if name in each}
                for each in task["annotations"]
            ]
    return picked


def _get_task(state: StandIn, numbers: list[int], *_: object) -> tuple[int, Json]:
    task = state.tasks.get(numbers[0])
    return (200, task) if task else (404, {"status_code": 404, "detail": "No Task matches"})


def _patch_task(state: StandIn, numbers: list[int], _: object, body: Json) -> tuple[int, Json]:
    state.tasks[numbers[0]].update(body)
    return 200, state.tasks[numbers[0]]


def _delete_task(state: StandIn, numbers: list[int], *_: object) -> tuple[int, None]:
    state.tasks.pop(numbers[0])
    return 204, None


Act = Callable[..., tuple[int, Any]]
ROUTES: list[tuple[str, str, Act]] = [
    ("GET", "/api/projects/", _list_projects),
    ("POST", "/api/projects/", _create_project),
    ("GET", r"/api/projects/(\d+)/", _get_project),
    ("PATCH", r"/api/projects/(\d+)/", _patch_project),
    ("POST", r"/api/projects/(\d+)/import", _import),
    ("GET", "/api/webhooks/", _list_hooks),
    ("POST", "/api/webhooks/", _save_hook),
    ("PATCH", r"/api/webhooks/(\d+)/", _save_hook),
    ("GET", "/api/tasks/", _list_tasks),
    ("GET", r"/api/tasks/(\d+)/", _get_task),
    ("PATCH", r"/api/tasks/(\d+)/", _patch_task),
    ("DELETE", r"/api/tasks/(\d+)/", _delete_task),
]
