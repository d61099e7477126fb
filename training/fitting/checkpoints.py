"""The newest whole checkpoint of a run, in the trainer's process; never imported elsewhere."""

from __future__ import annotations

import pickle
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

_STRIPPED = sys.maxsize  # epochs behind weights without an optimiser: the training had ended


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights with the state of the optimiser after ``epochs_done`` epochs."""

    path: Path
    epochs_done: int


def find_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest whole checkpoint of a run, mended; None where no epoch ended.

    The library writes ``last.pt`` in place, then the same bytes to ``best.pt`` where the epoch was
    the best. So a kill leaves one of the two whole: ``best.pt`` is made again from ``last.pt``, or
    the epochs after ``best.pt`` are trained again.
    """
    last, best = folder / "last.pt", folder / "best.pt"
    found, kept = _read_epochs_done(last), _read_epochs_done(best)
    if found is None:
        return None if kept is None else Checkpoint(best, kept)
    if kept is None:
        shutil.copyfile(last, best)
    return Checkpoint(last, found)


def is_stripped(path: Path) -> bool:
    """Whether weights have no state of an optimiser: so a training that ended leaves them."""
    return _read_epochs_done(path) == _STRIPPED


def _read_epochs_done(path: Path) -> int | None:
    """Return the epochs behind a checkpoint, very many in a stripped one; None if it is broken."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=False)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return None
    return _STRIPPED if state["optimizer"] is None else int(state["epoch"]) + 1
