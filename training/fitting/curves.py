"""Figures of the epochs of a run, as the trainer's ``results.csv`` holds them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = Mapping[str, float]

BOX_AP50 = "metrics/mAP50(B)"
BOX_AP50_95 = "metrics/mAP50-95(B)"
MASK_AP50 = "metrics/mAP50(M)"
MASK_AP50_95 = "metrics/mAP50-95(M)"
_SHORT = {
    BOX_AP50: "map50",
    BOX_AP50_95: "map50_95",
    MASK_AP50: "mask_map50",
    MASK_AP50_95: "mask_map50_95",
}


def find_results(run_dir: Path) -> Path:
    """Return where the trainer writes the figures of the epochs of a run."""
    return run_dir / "fit" / "results.csv"


def read_epochs(run_dir: Path) -> list[dict[str, float]]:
    """Return one row per ended epoch, oldest first; none where no epoch ended.

    A last line that was cut off by a kill is left out, and so is a figure that is no number.
    """
    try:
        lines = find_results(run_dir).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    rows = []
    for cells in csv.DictReader(line.replace(" ", "") for line in lines):
        try:
            row = {str(key): float(value) for key, value in cells.items()}
        except (TypeError, ValueError):
            continue
        rows.append({key: value for key, value in row.items() if math.isfinite(value)})
    return rows


def find_best(rows: Sequence[Row]) -> Row | None:
    """Return the epoch whose weights the trainer keeps as best: highest AP50-95, masks added.

    The first of equal ones, as the trainer does.
    """
    return max(rows, key=_score, default=None)


def _score(row: Row) -> float:
    return row.get(BOX_AP50_95, 0.0) + row.get(MASK_AP50_95, 0.0)


def shorten_figures(row: Row) -> dict[str, float]:
    """Return the AP figures of an epoch under our names (``map50``, ``mask_map50``, ...)."""
    return {short: row[key] for key, short in _SHORT.items() if key in row}


def keep_epochs(run_dir: Path, last_epoch: int) -> None:
    """Drop the rows after ``last_epoch``: epochs that are trained again after a kill."""
    path = find_results(run_dir)
    if not path.is_file():
        return
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if _is_up_to(line, last_epoch, header.count(","))]
    part = path.with_suffix(".part")
    part.write_text("".join(f"{line}\n" for line in (header, *kept)), encoding="utf-8")
    part.replace(path)


def _is_up_to(line: str, last_epoch: int, commas: int) -> bool:
    epoch = line.partition(",")[0].strip()
    return line.count(",") == commas and epoch.isdigit() and int(epoch) <= last_epoch
