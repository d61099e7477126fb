"""A thousand tasks to a real Label Studio and back: how long, and whether a label was changed.

What is timed is ours: sending the tasks with their predictions, and taking the drawings in. In
between somebody accepts every prediction at a stroke, as the editor's own action does.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from detection.domain.errors import HazardLensError
from serving.audit.log import SERVICE
from serving.db.embedded import EmbeddedPostgres
from serving.db.engine import make_sessions, open_engine
from serving.db.label_annotations import list_standing
from serving.db.migrate import upgrade_database
from serving.db.tables import LabelTaskRow
from serving.jobs.label_orders import PushFilter, order_push_filter
from serving.labelstudio.board import Board, open_board
from serving.labelstudio.projects import list_project_rows, set_up_projects
from serving.labelstudio.sync import Synced, pull, push, reconcile
from serving.labelstudio.tasks import key_of
from serving.settings import load_settings
from serving.storage.objects import ObjectStore
from tests.label_studio_server import PROGRAM, Drawer, RealServer
from tests.photos_to_draw import put_in_photos

TASKS = 1000
EXACT_PX = 0.01
KILL_AFTER_TASKS = 150


@dataclass(frozen=True, slots=True)
class Bench:
    """A server, our side of it, and somebody who draws."""

    server: RealServer
    board: Board
    drawer: Drawer


def measure_roundtrip(tasks: int = TASKS) -> dict[str, Any]:
    """Return ``{tasks, seconds, changed_labels, …}``; ``{"skipped": reason}`` without a server."""
    if not PROGRAM.is_file():
        return {"skipped": "Label Studio is not set up here (make label-studio)"}
    with tempfile.TemporaryDirectory(prefix="hazardlens-labels-") as folder:
        with open_bench(Path(folder), tasks) as bench:
            figures = _measure(bench, tasks)
        with open_bench(Path(folder) / "killed", tasks) as bench:
            return figures | {"killed_in_the_middle": measure_kill(bench, tasks)}


@contextmanager
def open_bench(folder: Path, tasks: int) -> Iterator[Bench]:
    """Start everything in a folder, with ``tasks`` photos ordered to be drawn on."""
    postgres = EmbeddedPostgres(folder / "data")
    engine = open_engine(postgres.ensure_up())
    upgrade_database(engine)
    server = RealServer(folder / "label-studio")
    try:
        server.start()
        token = server.make_token()
        settings = load_settings(
            data_dir=folder / "data",
            label_studio_url=server.place.url,
            label_studio_token=SecretStr(token),
            label_studio_public_url="http://127.0.0.1:9",
        )
        store = ObjectStore(folder / "data")
        with open_board(settings, make_sessions(engine), store) as board:
            set_up_projects(board, SERVICE)
            with board.sessions.begin() as session:
                flight_id = put_in_photos(session, store, tasks)
                order_push_filter(session, PushFilter(flight_id, limit=tasks), SERVICE)
            yield Bench(server, board, Drawer(server.place.url, token, timeout_s=120))
    finally:
        server.stop()
        engine.dispose()
        postgres.stop()


def _measure(bench: Bench, tasks: int) -> dict[str, Any]:
    started = time.perf_counter()
    sent = _counted(push(bench.board))
    push_s = time.perf_counter() - started
    for project_id in list_project_ids(bench.board):
        bench.drawer.accept_all(project_id)
    started = time.perf_counter()
    _counted(pull(bench.board))
    pull_s = time.perf_counter() - started
    labels, changed = compare_labels(bench.board)
    return {
        "tasks": sent,
        "wanted": tasks,
        "seconds": round(push_s + pull_s, 1),
        "push_s": round(push_s, 1),
        "pull_s": round(pull_s, 1),
        "labels": labels,
        "changed_labels": changed,
    }


def measure_kill(bench: Bench, tasks: int) -> dict[str, int]:
    """Kill the server while tasks are being sent, start it again, go on; count what is there."""
    watch = threading.Thread(target=_kill_when_some_arrived, args=(bench,))
    watch.start()
    broke = sum(outcome.error is not None for outcome in push(bench.board))
    watch.join()
    bench.server.start()
    attempts = 1
    while any(outcome.error for outcome in reconcile(bench.board)):
        attempts += 1
        if attempts > 5:
            break
    keys = [
        key_of(task)
        for project_id in list_project_ids(bench.board)
        for page in bench.drawer.each_page_of_tasks(project_id)
        for task in page
    ]
    return {
        "connections_broken": broke,
        "doubled": len(keys) - len(set(keys)),
        "lost": tasks - len(set(keys)),
    }


def _kill_when_some_arrived(bench: Bench) -> None:
    """Kill the server in the middle of a request: after a batch has arrived, a moment later."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with bench.board.sessions() as session:
            statement = select(LabelTaskRow.id).where(LabelTaskRow.state == "open")
            if len(session.scalars(statement.limit(KILL_AFTER_TASKS)).all()) >= KILL_AFTER_TASKS:
                break
        time.sleep(0.02)
    time.sleep(0.2)
    bench.server.kill()


def list_project_ids(board: Board) -> list[int]:
    """Return the numbers of our projects."""
    with board.sessions() as session:
        return [row.project_id for row in list_project_rows(session)]


def compare_labels(board: Board) -> tuple[int, int]:
    """Return how many labels were sent, and how many did not come back as they were."""
    with board.sessions() as session:
        came = {row.task_key: row.shapes for row in list_standing(session)}
        sent = {row.key: row.predictions for row in session.scalars(select(LabelTaskRow))}
    changed = 0
    for key, shapes in sent.items():
        back = {str(each["region"]): each for each in came.get(key, [])}
        same = sum(_is_same(each, back.get(str(each["region"]))) for each in shapes)
        changed += len(shapes) - same + max(len(back) - len(shapes), 0)
    return sum(len(shapes) for shapes in sent.values()), changed


def _is_same(sent: Mapping[str, Any], back: Mapping[str, Any] | None) -> bool:
    if back is None or back["hazard_class"] != sent["hazard_class"]:
        return False
    return _is_near(sent["bbox_xyxy"], back["bbox_xyxy"]) and _is_near(
        _flat(sent["outline"]), _flat(back["outline"])
    )


def _flat(outline: list[list[float]] | None) -> list[float]:
    return [value for point in outline or [] for value in point]


def _is_near(one: list[float], other: list[float]) -> bool:
    return len(one) == len(other) and all(
        abs(a - b) <= EXACT_PX for a, b in zip(one, other, strict=True)
    )


def _counted(outcomes: list[Synced]) -> int:
    """Return how many tasks were sent.

    Raises:
        HazardLensError: something went wrong.
    """
    for outcome in outcomes:
        if isinstance(outcome.error, HazardLensError):
            raise outcome.error
    return sum(outcome.sent for outcome in outcomes)
