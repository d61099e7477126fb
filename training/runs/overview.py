"""Run folders as a list of experiments: what each was, how far it got and how good it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.fitting.curves import find_best, read_epochs, shorten_figures
from training.fitting.progress import format_duration, read_elapsed
from training.fitting.run_folder import find_state
from training.record import read_record

_HASH_LENGTH = 10
_NOT_COMPARED = (
    "card",
    "stages",
    "thresholds",
    "background_flights",
    "unseen_flights",
    "promotion",
)
_CELL_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder: its record, and the figures of its epochs."""

    label: str
    folder: Path
    record: Mapping[str, Any]
    epochs: Sequence[Mapping[str, float]]

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved configuration."""
        return dict(self.record["config"])

    @property
    def fraction(self) -> float:
        """The share of the training groups that was used."""
        return float(self.config.get("fraction", 1.0))

    @property
    def best(self) -> dict[str, float]:
        """Figures on val of the epoch whose weights were kept."""
        return shorten_figures(find_best(self.epochs) or {})


def load_run(folder: Path, label: str | None = None) -> Run:
    """Read a run folder.

    Raises:
        ConfigurationError: it is none.
    """
    return Run(label or folder.name, folder, read_record(folder), read_epochs(folder))


def find_runs(folder: Path) -> Iterator[Path]:
    """Yield the run folders in a folder by name, each after its earlier stages."""
    for path in sorted(folder.iterdir()):
        if (path / "run.json").is_file():
            yield from sorted(stage.parent for stage in path.glob("stage-*/run.json"))
            yield path


def summarise_run(run: Run) -> dict[str, Any]:
    """Return the row of a run in the list; ``state`` tells how far a training is."""
    record, plan = run.record, run.config["optimisation"]
    best = find_best(run.epochs)
    return {
        "run": record.get("run", run.label),
        "name": record["name"],
        "task": run.config.get("task", "detect"),
        "state": find_state(run.folder, record),
        "epochs_done": len(run.epochs),
        "epochs": plan["epochs"],
        "image_px": plan["image_px"],
        "fraction": run.fraction,
        "data_hash": record.get("data_hash"),
        "started_at": record.get("started_at") or record.get("prepared_at"),
        "seconds": record.get("seconds") or read_elapsed(run.folder) or None,
        "best_epoch": int(best["epoch"]) if best else None,
        "best": run.best,
        "interruptions": len(record.get("interruptions", [])),
    }


def table_from_runs(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the list of runs as cells, the heading first."""
    head = ["run", "task", "state", "px", "data", "share", "boxes", "masks", "best", "time", "from"]
    return [head, *(_cells_of(row) for row in rows)]


def _cells_of(row: Mapping[str, Any]) -> list[str]:
    state = str(row["state"])
    if state in {"training", "interrupted", "failed"}:
        state += f" {row['epochs_done']}/{row['epochs']}"
    best = row["best"]
    return [
        str(row["run"]),
        str(row["task"]),
        state,
        str(row["image_px"]),
        str(row["data_hash"] or "-")[:_HASH_LENGTH],
        f"{100 * float(row['fraction']):.0f}%",
        _format(best.get("map50")),
        _format(best.get("mask_map50")),
        f"epoch {row['best_epoch']}/{row['epochs']}" if row["best_epoch"] else "-",
        format_duration(float(row["seconds"])) if row["seconds"] else "-",
        str(row["started_at"] or "-")[:16],
    ]


def _format(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def format_table(cells: Sequence[Sequence[str]]) -> str:
    """Return cells in aligned columns."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def compare_runs(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Return by name what differs between runs, and their figures: one cell per run."""
    flat = [flatten_config(run.config) for run in runs]
    names = list(dict.fromkeys(name for cells in flat for name in cells))
    differing = {
        name: cells
        for name in names
        if len(set(cells := [each.get(name, "-") for each in flat])) > 1
        and not name.startswith(_NOT_COMPARED)
    }
    return differing | _compare_outcomes(runs)


def _compare_outcomes(runs: Sequence[Run]) -> dict[str, list[str]]:
    rows = [summarise_run(run) for run in runs]
    figures = list(dict.fromkeys(name for row in rows for name in row["best"]))
    return {
        "data hash": [str(row["data_hash"] or "-")[:_HASH_LENGTH] for row in rows],
        "training photos": [str(_count_photos(run)) for run in runs],
        "state": [str(row["state"]) for row in rows],
        "best epoch": [f"{row['best_epoch'] or '-'} of {row['epochs']}" for row in rows],
        **{f"best {name}": [_format(row["best"].get(name)) for row in rows] for name in figures},
        "time": [format_duration(float(row["seconds"])) if row["seconds"] else "-" for row in rows],
    }


def _count_photos(run: Run) -> object:
    return run.record.get("data_counts", {}).get("train", {}).get("photos", "-")


def flatten_config(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested keys joined by dots; lists and values as short text."""
    found: dict[str, str] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found |= flatten_config(value, f"{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            found[name] = text
    return found


def shorten(text: str, length: int = _CELL_LENGTH) -> str:
    """Return a cell that fits a terminal."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def plot_learning(runs: Sequence[Run]) -> dict[str, list[tuple[float, float]]]:
    """Return ``(fraction, figure)`` of the best epochs, by name of the figure."""
    figures: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        for name, value in run.best.items():
            figures.setdefault(name, []).append((run.fraction, value))
    return figures
