"""``retrain.json``: how far a retraining is, for people, pages and for itself after a kill."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detection.domain.errors import ConfigurationError, HazardLensError
from training.atomic import write_file
from training.fitting.progress import format_duration
from training.retraining.errors import OtherOrderError
from training.retraining.order import Order

FILE_NAME = "retrain.json"
LOG_NAME = "retrain.log"
SCHEMA = 1
STAGES = ("build", "start", "train", "evaluate", "compare", "report")
_WRITTEN_EVERY_S = 2.0

Say = Callable[[str], None]


class Journal:
    """The record of one run folder: every change is written whole before work goes on."""

    def __init__(self, run_dir: Path, document: dict[str, Any], say: Say) -> None:
        """Take over a record; ``say`` shows a line to a person."""
        self.run_dir = run_dir
        self.document = document
        self._say = say
        self._written = 0.0

    def is_done(self, stage: str) -> bool:
        """Return whether a stage was done, in this sitting or an earlier one."""
        return bool(self._row(stage)["state"] == "done")

    def say(self, text: str) -> None:
        """Show a line for good and keep it in the log."""
        self._say(text)
        with (self.run_dir / LOG_NAME).open("a", encoding="utf-8") as file:
            file.write(f"{_now()} {text}\n")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Do a stage: it is done where no error leaves the block."""
        row, started = self._row(name), time.monotonic()
        before = float(row["seconds"] or 0.0)
        row |= {"state": "running", "started_at": row["started_at"] or _now()}
        self._update(stage=name, what=None, done=0, total=0)
        yield
        row |= {
            "state": "done",
            "ended_at": _now(),
            "seconds": round(before + time.monotonic() - started, 1),
        }
        self._update(stage=None, what=None, done=0, total=0)
        self.say(f"{name}: done in {format_duration(row['seconds'])}.")

    def tell(self, what: str, done: float, total: int, seconds_left: float | None = None) -> None:
        """Say how far the stage is that runs; written every two seconds at most."""
        self.document |= {"what": what, "done": round(done, 2), "total": total}
        self.document["seconds_left"] = self._left(done, total, seconds_left)
        self.document["share"] = self._share(done, total)
        if time.monotonic() - self._written >= _WRITTEN_EVERY_S:
            self._write()

    def expect(self, seconds: Mapping[str, float]) -> None:
        """Take over how long each stage is thought to last."""
        self._update(expected=dict(seconds))

    def finish(self, result: Mapping[str, Any]) -> None:
        """Record the result of a run whose stages are all done."""
        self._update(
            state="done", stage=None, share=1.0, seconds_left=0, error=None, result=dict(result)
        )

    def fail(self, error: BaseException) -> None:
        """Record why the run ended before its time; what a person stopped is no failure."""
        stage = self.document["stage"]
        stopped = isinstance(error, (KeyboardInterrupt, SystemExit))
        if stage is not None:
            self._row(stage)["state"] = "waiting" if stopped else "failed"
        with suppress(OSError):  # a full disk has no room for this either; the error says it
            self._update(
                state="interrupted" if stopped else "failed",
                seconds_left=None,
                error=None if stopped else describe_error(error),
            )

    def _row(self, stage: str) -> dict[str, Any]:
        row: dict[str, Any] = self.document["stages"][STAGES.index(stage)]
        return row

    def _update(self, **values: object) -> None:
        self.document |= values
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        self.document["updated_at"] = _now()
        text = json.dumps(self.document, indent=1, ensure_ascii=False)
        write_file(self.run_dir / FILE_NAME, text.encode())

    def _expected(self, stage: str) -> float:
        return float(self.document.get("expected", {}).get(stage, 1.0))

    def _share(self, done: float, total: int) -> float:
        stage = self.document["stage"]
        whole = sum(self._expected(name) for name in STAGES)
        past = sum(self._expected(name) for name in STAGES if self.is_done(name))
        part = self._expected(stage) * min(1.0, done / total) if stage and total else 0.0
        return round((past + part) / whole, 4)

    def _left(self, done: float, total: int, seconds_left: float | None) -> int:
        """Return the seconds left of the whole: the running stage's, and what comes after it."""
        stage = self.document["stage"]
        after = STAGES[STAGES.index(stage) + 1 :]
        if seconds_left is None:
            seconds_left = self._expected(stage) * (1 - min(1.0, done / total) if total else 1)
        return round(seconds_left + sum(self._expected(name) for name in after))


def open_journal(run_dir: Path, order: Order, say: Say) -> Journal:
    """Return the record of a run folder, made where there is none.

    Raises:
        ConfigurationError: the folder holds the run of another order, or one that is done.
    """
    path = run_dir / FILE_NAME
    if not path.is_file():
        return _start_journal(run_dir, order, say)
    document = read_journal(run_dir)
    if Order.model_validate(document["order"]).sha256 != order.sha256:
        message = f"{run_dir} holds a retraining of another order."
        remedy = "Give another --run, or go on with it as it was: --resume."
        raise OtherOrderError(message, remedy=remedy)
    if document["state"] == "done":
        message = f"The retraining {run_dir} is done already."
        raise OtherOrderError(message, remedy="Give another --run.")
    document |= {"state": "running", "process": os.getpid(), "error": None}
    journal = Journal(run_dir, document, say)
    journal.say("Going on.")
    return journal


def _start_journal(run_dir: Path, order: Order, say: Say) -> Journal:
    row = {"state": "waiting", "started_at": None, "ended_at": None, "seconds": None}
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "run": run_dir.name,
        "model": order.model,
        "against": order.against,
        "order": order.model_dump(mode="json"),
        "order_sha256": order.sha256,
        "state": "running",
        "process": os.getpid(),
        "stage": None,
        "stages": [{"name": name, **row} for name in STAGES],
        "what": None,
        "done": 0,
        "total": 0,
        "share": 0.0,
        "seconds_left": None,
        "started_at": _now(),
        "error": None,
        "result": None,
    }
    return Journal(run_dir, document, say)


def read_journal(run_dir: Path) -> dict[str, Any]:
    """Return ``retrain.json`` of a folder.

    Raises:
        ConfigurationError: the folder is no retraining, or of another release.
    """
    try:
        document = dict(json.loads((run_dir / FILE_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        message = f"{run_dir} is no folder of a retraining ({error})."
        remedy = "Give a folder that `hazardlens retrain` wrote."
        raise ConfigurationError(message, remedy=remedy) from error
    if document.get("schema") != SCHEMA:
        message = f"{run_dir} was written by another release (schema {document.get('schema')})."
        raise ConfigurationError(message, remedy="Start anew with another --run.")
    return document


def describe_error(error: BaseException) -> dict[str, str]:
    """Return code, message and remedy of an error; a bug of ours has the code ``unexpected``."""
    if isinstance(error, HazardLensError):
        return {"code": error.code, "message": error.message, "remedy": error.remedy}
    message = f"{type(error).__name__}: {error}".splitlines()[0]
    return {"code": "unexpected", "message": message, "remedy": "Report it with retrain.log."}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
