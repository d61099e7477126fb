"""Prepare a run folder and start the trainer in a process of its own.

The trainer's library reads its environment when it is imported and keeps settings, caches and
analytics in the user's home by default. A child process with an environment of our making keeps
all of that inside the run folder and the network out of it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from detection.domain.errors import ConfigurationError, ModelError
from detection.domain.hazard import HazardClass
from training.data.annotation import hash_photos
from training.data.balance import balance_classes
from training.data.collect import collect_photos
from training.data.notes import read_notes
from training.data.portion import keep_fraction
from training.data.split import check_sides, count_split
from training.data.yolo_export import write_yolo_dataset
from training.fitting.environment import count_threads, describe_environment
from training.fitting.run_folder import preparing
from training.record import find_ancestor, hash_file, read_record, write_record
from training.settings import REPOSITORY_DIR, TrainingSettings

PASSED_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "TMPDIR")
_WATCH_S = 0.5
_DATA_KEYS = (
    "data_hash",
    "data_counts",
    "made",
    "fraction",
    "repeat_factors",
    "train_images_listed",
    "data_yaml",
)


def prepare_run(
    settings: TrainingSettings,
    shared_dir: Path,
    run_dir: Path,
    *,
    start: Path | None = None,
    data_of: Path | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write the data, the resolved configuration and ``run.json`` into a fresh run folder.

    A preparation of ours that was killed is done anew; after an error nothing of it is left.
    ``start`` are starting weights found already, ``data_of`` is a run whose data are taken as they
    lie there, ``extra`` goes into the record.

    Raises:
        ConfigurationError: the folder is not empty, or the starting weights are missing.
        InvalidInputError: a source of the data is missing or damaged.
    """
    resolved = settings.model_dump(mode="json")
    with preparing(run_dir, resolved):
        found = start or find_start(settings.started_from, shared_dir)
        text = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True)
        (run_dir / "config.yaml").write_text(text, encoding="utf-8")
        if data_of is None:
            data = _write_data(settings, shared_dir, run_dir)
        else:
            data = {key: read_record(data_of)[key] for key in _DATA_KEYS}
        record = {
            "run": run_dir.name,
            "name": settings.name,
            "seed": settings.seed,
            "config": resolved,
            "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
            **data,
            "started_from": found.name,
            "started_from_sha256": hash_file(found) if found.is_file() else None,
            "ancestor": find_ancestor(found),
            "environment": describe_environment(),
            "state": "prepared",
            "prepared_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "start": str(found),
        }
        write_record(run_dir, record | dict(extra or {}))
    return run_dir


def _write_data(settings: TrainingSettings, shared_dir: Path, run_dir: Path) -> dict[str, Any]:
    """Write what the trainer reads and return what the record says of it."""
    photos = collect_photos(settings, shared_dir, run_dir / "made")
    check_sides(photos)
    kept = keep_fraction(photos, settings.fraction)
    factors = balance_classes(kept, settings.balance) if settings.balance else {}
    repeat: dict[HazardClass, float] = {**factors, **settings.repeat}
    dataset = write_yolo_dataset(run_dir / "data", kept, settings.classes, repeat)
    return {
        "data_hash": hash_photos(kept),
        "data_counts": count_split(kept),
        "made": read_notes(run_dir / "made"),
        "fraction": settings.fraction,
        "repeat_factors": {key.value: factor for key, factor in repeat.items()},
        "train_images_listed": dataset.train_images,
        "data_yaml": str(dataset.data_yaml),
    }


class TrainerKilledError(ModelError):
    """The trainer was ended by a signal: what it has saved can be gone on with."""


def run_trainer(
    run_dir: Path,
    action: str,
    arguments: Sequence[str] = (),
    *,
    watch: Callable[[], None] | None = None,
    kept_open: Sequence[int] = (),
    module: str = "training.fitting.train",
) -> None:
    """Run ``python -m training.fitting.train ACTION RUN_DIR`` with the isolated environment.

    ``watch`` is called every half second and once after the end; the child inherits the
    descriptors ``kept_open``; ``module`` is another trainer that is told in the same way.

    Raises:
        ConfigurationError: the trainer is not part of this (light) install.
        ModelError: the trainer failed; its last lines are in the message.
        TrainerKilledError: it was killed.
    """
    if find_spec("ultralytics") is None:
        message = "The trainer is not installed."
        raise ConfigurationError(message, remedy="Install requirements/train.txt.")
    command = [sys.executable, "-m", module, action, str(run_dir), *arguments]
    log = run_dir / f"{action}.log"
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(  # noqa: S603  # our own interpreter and module, no shell
            command,
            cwd=run_dir,
            env=isolated_environment(run_dir),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            pass_fds=tuple(kept_open),
        ) as child,
    ):
        status = _wait(child, watch or (lambda: None))
    if status != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        message = f"The trainer ended with status {status}:\n{tail}"
        error = TrainerKilledError if status < 0 else ModelError
        raise error(message, remedy=f"The whole log is {log}.")


def _wait(child: subprocess.Popen[bytes], watch: Callable[[], None]) -> int:
    """Return the exit status of the child, negative for a signal; it never outlives an error."""
    try:
        while True:
            try:
                return child.wait(timeout=_WATCH_S)
            except subprocess.TimeoutExpired:
                watch()
    except BaseException:
        child.kill()
        raise
    finally:
        child.wait()
        watch()


def isolated_environment(run_dir: Path) -> dict[str, str]:
    """Return the child's environment: no home, no network, nothing outside the run folder."""
    threads = str(count_threads())
    passed = {key: os.environ[key] for key in PASSED_VARIABLES if key in os.environ}
    return passed | {
        "HOME": str(run_dir),
        "XDG_CONFIG_HOME": str(run_dir / "ultralytics"),
        "XDG_CACHE_HOME": str(run_dir / "cache"),
        "TORCH_HOME": str(run_dir / "cache"),
        "MPLCONFIGDIR": str(run_dir / "cache"),
        "YOLO_CONFIG_DIR": str(run_dir / "ultralytics"),
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "true",
        "OMP_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": str(REPOSITORY_DIR),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def find_start(started_from: str, shared_dir: Path) -> Path:
    """Return the starting weights, or the bare name of an architecture file of the trainer."""
    if started_from.endswith(".yaml"):
        return Path(started_from)
    for base in (shared_dir, REPOSITORY_DIR):
        if (base / started_from).is_file():
            return (base / started_from).resolve()
    message = f"The starting weights {started_from} lie neither in {shared_dir} nor here."
    raise ConfigurationError(message, remedy="Nothing is downloaded: put the file there.")
