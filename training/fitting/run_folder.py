"""A run folder as it is filled: who works in it, what is half-made, what state it is in."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from detection.domain.errors import ConfigurationError
from training.record import read_record

LOCK = "run.lock"
PREPARING = "preparing.json"
_MADE_BY_PREPARING = ("data", "made", "config.yaml", "run.json.part", PREPARING)
# Somebody who only looks whether the lock is held has it for an instant; loading processes of a
# killed trainer have it for up to five seconds.
_PATIENCE_S = 8.0
_PAUSE_S = 0.1

State = Literal["preparing", "prepared", "training", "trained", "interrupted", "failed"]


@contextmanager
def hold_run(run_dir: Path) -> Iterator[int]:
    """Hold a run folder, made if it is missing; yields the descriptor that a child inherits.

    The lock goes with the last process that has the descriptor, however that process ends.
    A folder that holds nothing else in the end is removed.

    Raises:
        ConfigurationError: another process works in the folder.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / LOCK
    with path.open("a", encoding="utf-8") as file:
        _lock(file.fileno(), run_dir)
        try:
            yield file.fileno()
        finally:
            if [entry.name for entry in run_dir.iterdir()] == [LOCK]:
                path.unlink()
                run_dir.rmdir()


def _lock(descriptor: int, run_dir: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return
    message = f"Another process works in {run_dir}."
    raise ConfigurationError(message, remedy="Wait for it, or give another --run.")


def is_held(run_dir: Path) -> bool:
    """Return whether a process works in the folder now."""
    try:
        with (run_dir / LOCK).open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def find_state(run_dir: Path, record: Mapping[str, Any]) -> State:
    """Return the state of a run: as recorded, or interrupted where nobody goes on with it.

    A stage is held by the run that it is a part of.
    """
    recorded: State = record["state"]
    is_live = is_held(run_dir) or is_held(run_dir.parent)
    return "interrupted" if recorded in {"training", "preparing"} and not is_live else recorded


@contextmanager
def preparing(run_dir: Path, config: Mapping[str, Any]) -> Iterator[None]:
    """Mark a folder while its data are written; what was written goes away again on an error.

    The mark holds the configuration, so that a killed preparation can be done anew.

    Raises:
        ConfigurationError: the folder holds what is not ours.
    """
    remove_half_prepared(run_dir)
    check_unused(run_dir)
    was_there = run_dir.exists()
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / PREPARING).write_text(json.dumps(config), encoding="utf-8")
    try:
        yield
    except BaseException:
        remove_half_prepared(run_dir)
        if not was_there:
            run_dir.rmdir()
        raise
    (run_dir / PREPARING).unlink()


@contextmanager
def made_whole(run_dir: Path) -> Iterator[Path]:
    """Yield a folder beside ``run_dir`` that becomes it in the end, or goes with an error."""
    folder = run_dir.with_name(f"{run_dir.name}.part")
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir(parents=True)
    try:
        yield folder
        folder.replace(run_dir)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_unused(run_dir: Path) -> None:
    """Refuse a folder that holds anything but the lock and earlier stages.

    Raises:
        ConfigurationError: says what it holds.
    """
    foreign = sorted(_foreign_entries(run_dir))
    if foreign:
        message = f"The run folder {run_dir} is not empty: it holds {', '.join(foreign[:3])}."
        raise ConfigurationError(message, remedy="Give another --run, or remove the folder.")


def remove_half_prepared(run_dir: Path) -> None:
    """Remove what a preparation that did not end has left; a whole one is let be."""
    if not (run_dir / PREPARING).is_file():
        return
    if _is_recorded(run_dir):  # killed after the record, before the mark went
        (run_dir / PREPARING).unlink()
        return
    for name in _MADE_BY_PREPARING:  # the mark goes last
        path = run_dir / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def read_half_prepared(run_dir: Path) -> dict[str, Any] | None:
    """Return the configuration of a preparation that did not end; None where there is none."""
    try:
        config = json.loads((run_dir / PREPARING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return dict(config)


def _is_recorded(run_dir: Path) -> bool:
    return (run_dir / "run.json").is_file() and read_record(run_dir).get("state") != "preparing"


def _foreign_entries(run_dir: Path) -> set[str]:
    """Return what lies in a folder that is to be prepared, beside the lock and earlier stages."""
    if not run_dir.exists():
        return set()
    if (run_dir / "run.json").is_file() and not _is_recorded(run_dir):
        stages = {str(name) for name in read_record(run_dir)["stages"]}
        return {entry.name for entry in run_dir.iterdir()} - stages - {LOCK, "run.json"}
    return {entry.name for entry in run_dir.iterdir()} - {LOCK}
