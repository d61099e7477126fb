"""A training worker shows that it lives, and says on what it trains."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import subprocess
import sys
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from serving.jobs.context import WorkerContext
from serving.learning.order_errors import TrainingNotInstalledError
from serving.learning.training_workers import forget_worker, show_life
from serving.settings import ServingSettings

logger = logging.getLogger(__name__)

SHOW_EVERY_S: Final = 5.0
PROBE_TIMEOUT_S: Final = 120
PROBE: Final = """
import importlib.util, sys
if not all(importlib.util.find_spec(name) for name in ("torch", "ultralytics")): sys.exit(3)
import torch
print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU")
"""


def probe_trainer(settings: ServingSettings) -> str:
    """Return what the trainer would run on: the name of the graphics card, or ``CPU``.

    Raises:
        TrainingNotInstalledError: the interpreter has no trainer, or is none.
    """
    python = str(settings.training_python or sys.executable)
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the settings name
            [python, "-c", PROBE],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TrainingNotInstalledError(python) from error
    if done.returncode != 0:
        raise TrainingNotInstalledError(python)
    return done.stdout.strip().splitlines()[-1][:160]


def name_worker() -> str:
    """Return the machine and the number of this process."""
    return f"{platform.node()}:{os.getpid()}"[:160]


async def show_life_for_ever(context: WorkerContext, device: str) -> None:
    """Write every few seconds that this worker is there; when it ends, that it has gone."""
    name = name_worker()
    try:
        while True:
            await asyncio.to_thread(_show, context, name, device)
            await asyncio.sleep(SHOW_EVERY_S)
    finally:
        _forget(context, name)


def _show(context: WorkerContext, name: str, device: str) -> None:
    try:
        with context.sessions.begin() as session:
            show_life(session, name, device)
    except SQLAlchemyError as error:
        logger.warning("the training worker could not show that it lives: %s", error)


def _forget(context: WorkerContext, name: str) -> None:
    try:
        with context.sessions.begin() as session:
            forget_worker(session, name)
    except SQLAlchemyError as error:
        logger.warning("the training worker could not say that it goes: %s", error)
