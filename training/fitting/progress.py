"""How far a training is: the child appends lines to ``progress.jsonl``, the parent reads them.

One JSON object a line: ``start`` (process, epochs, batches), ``batch`` (every few seconds) and
``epoch`` (losses, figures on val). ``elapsed_s`` counts training alone, over all sittings of a run.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sized
from pathlib import Path
from typing import Any, Protocol

from training.fitting.curves import read_epochs, shorten_figures

_BATCH_EVERY_S = 2.0
_MINUTE_S = 60
_HOUR_S = 3600

Line = dict[str, Any]


def find_progress(run_dir: Path) -> Path:
    """Return where the progress of a run is written."""
    return run_dir / "progress.jsonl"


def read_elapsed(run_dir: Path) -> float:
    """Return the seconds that a run has trained so far."""
    try:
        text = find_progress(run_dir).read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return max([0.0, *(float(line["elapsed_s"]) for line in _parse(text))])


def _parse(text: str) -> list[Line]:
    """Return the whole lines; one that a kill cut off is left out."""
    found = []
    for line in text.splitlines():
        try:
            found.append(dict(json.loads(line)))
        except ValueError:
            continue
    return found


class Trainer(Protocol):
    """What we read of the library's trainer; epochs count from 0."""

    epoch: int
    epochs: int
    start_epoch: int
    train_loader: Sized
    tloss: Mapping[str, float]
    metrics: Mapping[str, float]

    def label_loss_items(self, loss_items: Mapping[str, float]) -> dict[str, float]:
        """Return the losses by name, rounded."""


class Display(Protocol):
    """Where the lines for people go."""

    def refresh(self, text: str) -> None:
        """Show a line that the next one takes the place of."""

    def keep(self, text: str) -> None:
        """Show a line for good."""


class ProgressLog:
    """The child's side: callbacks of the trainer that append lines."""

    def __init__(self, run_dir: Path) -> None:
        """Go on counting where an earlier sitting of the run stopped."""
        self._path = find_progress(run_dir)
        self._before_s = read_elapsed(run_dir)
        self._started = time.monotonic()
        self._last_batch = 0.0
        self._batch = 0
        self._parent = os.getppid()

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, earlier sittings included."""
        return round(self._before_s + time.monotonic() - self._started, 1)

    def callbacks(self) -> dict[str, Callable[[Trainer], None]]:
        """Return the callbacks by the trainer's name of their moment."""
        return {
            "on_train_start": self._on_start,
            "on_train_epoch_start": self._on_epoch_start,
            "on_train_batch_end": self._on_batch,
            "on_fit_epoch_end": self._on_epoch,
        }

    def _append(self, line: Line) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line | {"elapsed_s": self.elapsed_s}) + "\n")

    def _on_start(self, trainer: Trainer) -> None:
        self._append(
            {
                "event": "start",
                "process": os.getpid(),
                "epoch": int(trainer.start_epoch),
                "epochs": int(trainer.epochs),
                "batches": len(trainer.train_loader),
            }
        )

    def _on_epoch_start(self, trainer: Trainer) -> None:
        del trainer
        self._batch = 0

    def _on_batch(self, trainer: Trainer) -> None:
        if os.getppid() != self._parent:  # nobody waits for the weights any more
            message = "The process that started this training has gone."
            raise SystemExit(message)
        self._batch += 1
        if time.monotonic() - self._last_batch < _BATCH_EVERY_S:
            return
        self._last_batch = time.monotonic()
        self._append({"event": "batch", "epoch": int(trainer.epoch) + 1, "batch": self._batch})

    def _on_epoch(self, trainer: Trainer) -> None:
        if trainer.epoch >= trainer.epochs:  # the last look at the best weights, no epoch
            return
        losses = trainer.label_loss_items(trainer.tloss)
        figures = shorten_figures({key: float(value) for key, value in trainer.metrics.items()})
        self._append(
            {
                "event": "epoch",
                "epoch": int(trainer.epoch) + 1,
                "losses": {key.split("/")[-1]: value for key, value in losses.items()},
                "val": {key: round(value, 4) for key, value in figures.items()},
            }
        )


class ProgressReader:
    """The parent's side: says in a line of text what is new."""

    def __init__(self, run_dir: Path, display: Display) -> None:
        """Start after what earlier sittings wrote."""
        self._path = find_progress(run_dir)
        self._display = display
        self._offset = self._path.stat().st_size if self._path.is_file() else 0
        self._epochs, self._batches = 0, 1
        self._sitting = (0.0, 0.0)
        earlier = (shorten_figures(row).get("map50", 0.0) for row in read_epochs(run_dir))
        self._best = max(earlier, default=0.0)

    def poll(self) -> None:
        """Read and show the lines that were appended since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in _parse(whole.decode("utf-8", errors="replace")):
            self._take(line)

    def _take(self, line: Line) -> None:
        if line["event"] == "start":
            self._epochs, self._batches = int(line["epochs"]), int(line["batches"])
            self._sitting = float(line["epoch"]), float(line["elapsed_s"])
        elif line["event"] == "batch":
            done = int(line["epoch"]) - 1 + int(line["batch"]) / max(1, self._batches)
            place = f"epoch {line['epoch']}/{self._epochs}  batch {line['batch']}/{self._batches}"
            self._display.refresh(place + self._left(line, done))
        else:
            self._best = max(self._best, line["val"].get("map50", 0.0))
            left = self._left(line, float(line["epoch"]))
            self._display.keep(format_epoch(line, self._epochs, self._best) + left)

    def _left(self, line: Line, done: float) -> str:
        """Return the time left, from the pace of this sitting."""
        first, started_s = self._sitting
        if done <= first or done >= self._epochs:
            return ""
        pace_s = (float(line["elapsed_s"]) - started_s) / (done - first)
        return f"  {format_duration(pace_s * (self._epochs - done))} left"


def format_epoch(line: Mapping[str, Any], epochs: int, best: float) -> str:
    """Return the line of an ended epoch."""
    losses = " ".join(
        f"{name.removesuffix('_loss')} {value:.3g}" for name, value in line["losses"].items()
    )
    figures = line["val"]
    text = f"epoch {line['epoch']}/{epochs}  loss: {losses}"
    text += f"  val mAP50 {figures.get('map50', 0):.3f}"
    if "mask_map50" in figures:
        text += f" masks {figures['mask_map50']:.3f}"
    return f"{text} (best {best:.3f})"


def format_duration(seconds: float) -> str:
    """Return ``45 s``, ``12 min`` or ``3 h 05 min``."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    hours, minutes = divmod(round(seconds / _MINUTE_S), 60)
    return f"{hours} h {minutes:02d} min"
