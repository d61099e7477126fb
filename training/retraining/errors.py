"""What can keep a model from being retrained, each by a name of its own."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detection.domain.errors import (
    ConfigurationError,
    HazardLensError,
    InvalidInputError,
    ModelError,
)

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class UnknownModelError(InvalidInputError):
    """A model that is not in force, so that there is nothing to train on from."""

    code = "model_unknown"


class TooFewDecisionsError(InvalidInputError):
    """Decisions that leave nothing to train on, or nothing to judge by."""

    code = "too_few_decisions"


class SeenFlightError(InvalidInputError):
    """A flight that is to be reported on, and was trained on."""

    code = "flight_was_trained_on"


class OtherOrderError(ConfigurationError):
    """A run folder of another order."""

    code = "other_retraining"


class DiskFullError(HazardLensError):
    """No room for what a run writes; what is there already is kept."""

    code = "disk_full"
    exit_code = 3


@contextmanager
def naming_full_disk(run_dir: Path) -> Iterator[None]:
    """Turn the system's error of a full disk into one that says what to do.

    Raises:
        DiskFullError: there was no room, for this process or for the trainer's.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise _disk_full(error.filename or run_dir, run_dir) from error
    except ModelError as error:
        if not any(os.strerror(code) in error.message for code in NO_ROOM):
            raise
        raise _disk_full(run_dir, run_dir) from error


def _disk_full(path: object, run_dir: Path) -> DiskFullError:
    remedy = f"Free some, then go on: hazardlens retrain --resume {run_dir}"
    return DiskFullError(f"There is no room left for {path}.", remedy=remedy)
