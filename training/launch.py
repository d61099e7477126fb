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
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import yaml

from detection.domain.errors import ConfigurationError, ModelError
from training.data.annotation import hash_photos
from training.data.collect import collect_photos
from training.data.split import count_split
from training.data.yolo_export import write_yolo_dataset
from training.record import describe_environment, find_ancestor, hash_file, write_record
from training.settings import REPOSITORY_DIR, TrainingSettings

PASSED_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "TMPDIR")


def prepare_run(settings: TrainingSettings, shared_dir: Path, run_dir: Path) -> Path:
    """Write the data, the resolved configuration and ``run.json`` into a fresh run folder.

    Raises:
        ConfigurationError: the folder is not empty, or the starting weights are missing.
    """
    if run_dir.exists() and any(run_dir.iterdir()):
        message = f"The run folder {run_dir} is not empty."
        raise ConfigurationError(message, remedy="Give another --run, or remove the folder.")
    start = find_start(settings.started_from, shared_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    photos = collect_photos(settings, shared_dir, run_dir / "made")
    dataset = write_yolo_dataset(run_dir / "data", photos, settings.classes, settings.repeat)
    resolved = settings.model_dump(mode="json")
    text = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True)
    (run_dir / "config.yaml").write_text(text, encoding="utf-8")
    record = {
        "run": run_dir.name,
        "name": settings.name,
        "seed": settings.seed,
        "config": resolved,
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "data_hash": hash_photos(photos),
        "data_counts": count_split(photos),
        "train_images_listed": dataset.train_images,
        "started_from": start.name,
        "started_from_sha256": hash_file(start) if start.is_file() else None,
        "ancestor": find_ancestor(start),
        "environment": describe_environment(),
        "state": "prepared",
        "prepared_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "trainer": {"start": str(start), "data_yaml": str(dataset.data_yaml)},
    }
    write_record(run_dir, record)
    return run_dir


def run_trainer(run_dir: Path, action: str, arguments: Sequence[str] = ()) -> None:
    """Run ``python -m training.train ACTION RUN_DIR`` with the isolated environment.

    Raises:
        ConfigurationError: the trainer is not part of this (light) install.
        ModelError: the trainer failed; its last lines are in the message.
    """
    if find_spec("ultralytics") is None:
        message = "The trainer is not installed."
        raise ConfigurationError(message, remedy="Install requirements/train.txt.")
    command = [sys.executable, "-m", "training.train", action, str(run_dir), *arguments]
    log = run_dir / f"{action}.log"
    with log.open("a", encoding="utf-8") as file:
        done = subprocess.run(  # noqa: S603  # our own interpreter and module, no shell
            command,
            cwd=run_dir,
            env=isolated_environment(run_dir),
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        message = f"The trainer ended with status {done.returncode}:\n{tail}"
        raise ModelError(message, remedy=f"The whole log is {log}.")


def isolated_environment(run_dir: Path) -> dict[str, str]:
    """Return the child's environment: no home, no network, nothing outside the run folder."""
    threads = str(max(1, min(8, (os.cpu_count() or 2) - 1)))
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
