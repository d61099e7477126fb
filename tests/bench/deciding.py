"""Two reviewers, one queue, and everything killed at random: no decision twice, none lost.

``measure_decisions`` starts the real service with its own database, lets two scripted reviewers
(:mod:`tests.bench.scripted_reviewer`) decide the whole queue, and meanwhile kills, without
warning, the HTTP process, the worker, the database and the reviewers themselves.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from serving.accounts.roles import Role
from serving.accounts.users import create_user
from serving.audit.anchors import read_heads
from serving.audit.check import check_log
from serving.db.embedded import EmbeddedPostgres
from serving.db.engine import make_sessions, open_engine
from tests.bench.scripted_reviewer import ScriptedReviewer, read_journal
from tests.bench.seeded_queue import seed_queue
from tests.serving_process import ROOT, ServeProcess
from tests.tiny_model import write_tiny_model

NAMES = ("anna", "bela")
PASSWORD = "reviewer-secret"
VICTIMS = ("http", "worker", "database", *NAMES)
WATCH_S = 0.05
MAX_IDLE_S = 180.0


class NotRestoredError(AssertionError):
    """Undo did not bring back what was there, or the log does not fit what was done."""


@dataclass(slots=True)
class Reviewing:
    """Two reviewers at work on a service, each with a journal that outlives its process."""

    service: ServeProcess
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def journal(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"

    def start(self, name: str) -> None:
        command = [sys.executable, "-m", "tests.bench.scripted_reviewer", self.service.api]
        command += [name, PASSWORD, str(self.journal(name))]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def count_lines(self) -> int:
        """How far both have come, read without the service, which may be down."""
        paths = [self.journal(name) for name in NAMES]
        return sum(path.read_bytes().count(b"\n") for path in paths if path.is_file())

    def kill(self, victim: str) -> bool:
        """Kill -9; False where it is just being started and cannot be killed yet."""
        try:
            if victim in NAMES:
                self.processes[victim].kill()
                self.processes[victim].wait()
                self.start(victim)
            elif victim == "database":
                self.service.kill_database()
            else:
                self.service.kill_child("http_process" if victim == "http" else " worker")
        except (OSError, AssertionError, ValueError, IndexError):
            return False
        return True

    def run_to_the_end(self, kills: Sequence[tuple[int, str]]) -> int:
        """Let both work until nothing is left; kill each victim once so many lines are written.

        Returns how many kills hit.
        """
        waiting, hits = sorted(kills), 0
        at_round_end, last, moved_at = -1, 0, time.monotonic()
        self.start_all()
        while True:
            time.sleep(WATCH_S)
            now = self.count_lines()
            if now > last:
                last, moved_at = now, time.monotonic()
            if waiting and now >= waiting[0][0] and self.kill(waiting[0][1]):
                waiting.pop(0)
                hits += 1
            if all(process.poll() is not None for process in self.processes.values()):
                self.check_codes()
                if now == at_round_end:  # nothing new in a whole round: the queue is empty
                    return hits
                at_round_end = now
                self.start_all()
            if time.monotonic() - moved_at > MAX_IDLE_S:
                message = f"nothing moves any more: {self.service.log[-2000:]}"
                raise TimeoutError(message)

    def start_all(self) -> None:
        for name in NAMES:
            self.start(name)

    def check_codes(self) -> None:
        for name, process in self.processes.items():
            if process.returncode:
                log = (self.folder / f"{name}.log").read_text("utf-8")
                message = f"{name} ended with {process.returncode}: {log[-2000:]}"
                raise AssertionError(message)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


def measure_decisions(
    candidates: int = 1000, *, kills_of_each: int = 5, flights: int = 5, seed: int = 0
) -> dict[str, int]:
    """Return how many acts were made, how many of them are lost, and how many were done twice.

    At the end everything is undone, and every candidate must be as it was before.

    Raises:
        NotRestoredError: undo left a trace in a candidate, or the audit log is not whole.
    """
    with _service() as (service, folder):
        database_url = EmbeddedPostgres(service.data_dir).url
        photos = folder / "photos"
        seed_queue(database_url, service.data_dir, photos, candidates=candidates, flights=flights)
        engine = open_engine(database_url)
        _add_reviewers(engine)
        before = _read_candidates(engine)
        reviewing = Reviewing(service, folder)
        try:
            kills = _plan_kills(candidates, kills_of_each, random.Random(seed))  # noqa: S311 - no secret
            hits = reviewing.run_to_the_end(kills)
        finally:
            reviewing.stop()
        journals = {name: read_journal(reviewing.journal(name)) for name in NAMES}
        figures = count_acts(_read_events(engine), journals, [each["id"] for each in before])
        assert hits == len(kills), f"only {hits} of {len(kills)} kills came before the end"
        _undo_everything(service, folder, engine)
        _check_restored(engine, service.data_dir, before)
        engine.dispose()
    return figures


def count_acts(
    events: Sequence[Mapping[str, Any]],
    journals: Mapping[str, Mapping[str, Mapping[str, Any]]],
    candidate_ids: Iterable[int],
) -> dict[str, int]:
    """Hold the journals of the people, by name, against the events that stand in the database.

    Lost is an act without its event, and a candidate that nobody decided in the end; doubled an
    event that is no act of the journals, and each further standing decision on a candidate.
    """
    by_key = Counter((event["username"], event["idempotency_key"]) for event in events)
    acts = {(name, key): act for name, each in journals.items() for key, act in each.items()}
    kept = {key for key, act in acts.items() if act["state"] != "refused"}
    strange = sum(number - (key in kept) for key, number in by_key.items())
    undone = {event["undoes"] for event in events}
    standing = Counter(
        event["candidate_id"]
        for event in events
        if event["kind"] == "decision" and event["id"] not in undone
    )
    undecided = [each for each in candidate_ids if not standing[each]]
    return {
        "made": len(kept),
        "lost": len([key for key in kept if not by_key[key]]) + len(undecided),
        "doubled": strange + sum(number - 1 for number in standing.values()),
    }


def _plan_kills(candidates: int, kills_of_each: int, rng: random.Random) -> list[tuple[int, str]]:
    """Return after how many lines of the journals whom to kill; an act writes two lines."""
    victims = list(VICTIMS) * kills_of_each
    rng.shuffle(victims)
    return [(rng.randrange(1, max(2, int(1.8 * candidates))), victim) for victim in victims]


def _undo_everything(service: ServeProcess, folder: Path, engine: Engine) -> None:
    """Take every standing act back, the last one first, by whoever made it."""
    people = {
        name: ScriptedReviewer(service.api, name, PASSWORD, folder / f"{name}-undo.jsonl")
        for name in NAMES
    }
    events = _read_events(engine)
    undone = {event["undoes"] for event in events}
    for event in reversed(events):
        if event["kind"] != "undo" and event["id"] not in undone:
            person = people[event["username"]]
            act = person.write(candidate=event["candidate_id"], undoes=event["id"])
            if person.send(act) is None:
                message = f"{event['kind']} {event['id']} could not be undone"
                raise NotRestoredError(message)


def _check_restored(engine: Engine, data_dir: Path, before: list[dict[str, Any]]) -> None:
    after = _read_candidates(engine)
    changed = [old["id"] for old, new in zip(before, after, strict=True) if old != new]
    if changed:
        message = f"candidates {changed[:10]} are not as they were before"
        raise NotRestoredError(message)
    with make_sessions(engine)() as session:
        report = check_log(session, read_heads(data_dir))
    if not report.is_intact:
        raise NotRestoredError(report.findings)


def _read_candidates(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(text("select to_jsonb(c) from candidates c order by id"))
        return [dict(row[0]) for row in rows]


def _read_events(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(text("select * from review_events order by id"))
        return [dict(row) for row in rows.mappings()]


def _add_reviewers(engine: Engine) -> None:
    with make_sessions(engine).begin() as session:
        for name in NAMES:
            create_user(session, name, PASSWORD, Role.REVIEWER)


@contextmanager
def _service() -> Iterator[tuple[ServeProcess, Path]]:
    """Yield a running service in a folder of its own, both gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hazardlens-deciding-"))
    write_tiny_model(folder / "models")
    service = ServeProcess(folder / "data", folder / "models")
    service.data_dir.mkdir()
    try:
        service.start()
        yield service, folder
    finally:
        service.stop()
        EmbeddedPostgres(service.data_dir).stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.write(
        json.dumps(measure_decisions(int(os.environ.get("CANDIDATES", "1000")))) + "\n"
    )
