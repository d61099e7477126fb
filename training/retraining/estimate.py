"""How long a retraining will last on this machine, from what earlier runs here took."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.decisions_tables import list_stored
from training.fitting.environment import describe_environment
from training.promotion.shipped_manifest import name_source
from training.retraining.build import build_version_of, list_missing
from training.retraining.order import Order
from training.retraining.plan import find_against, read_original
from training.retraining.replay import Replay, find_replay, load_stored
from training.settings import RUNS_DIR, TrainingSettings

DEFAULT_S_PER_PHOTO = 0.3
"""Training, at 416 px on one core of an ordinary processor: about what ours took."""

DEFAULT_PX = 416
COMPARED_S = 0.25
"""One photo of a few tiles, through one model."""

FIXED_S = {"build": 10.0, "start": 25.0, "evaluate": 90.0, "report": 2.0}


def expect_seconds(
    order: Order,
    original: TrainingSettings,
    counts: Mapping[str, Mapping[str, int]],
    replay: Replay,
) -> dict[str, float]:
    """Return the seconds that each stage may last; ``counts`` are those of the version."""
    held = load_stored(replay, original, order.shared_dir)
    again = sum(photo.split == "train" for photo in held)
    judged = sum(photo.split != "train" for photo in held)
    own = {side: int(row["photos"]) for side, row in counts.items()}
    shown = own.get("train", 0) + again
    checked = own.get("val", 0) + judged
    pace = find_pace(original.optimisation.image_px)
    each_epoch = shown * pace + checked * pace / 3
    compared = 2 * (judged + 2 * own.get("test", 0)) * COMPARED_S
    return FIXED_S | {
        "evaluate": FIXED_S["evaluate"] + 6 * checked * COMPARED_S,
        "train": 20.0 + order.epochs * each_epoch,
        "compare": 5.0 + compared,
    }


def estimate_order(order: Order) -> dict[str, Any]:
    """Return what an order would do and how long it would take; nothing of it is kept.

    Raises:
        InvalidInputError: the decisions cannot be used; it says why.
    """
    running = find_against(order)
    original = read_original(order, running)
    kinds = order.settings.replay if order.replay else ()
    replay = find_replay(original, order.shared_dir, kinds)
    with tempfile.TemporaryDirectory(prefix="hazardlens-estimate-") as work:
        built = build_version_of(order, original, replay, Path(work), list_stored(order.store))
    missing = list_missing(built.counts, replay)
    seconds = expect_seconds(order, original, built.counts, replay)
    return {
        "schema": 1,
        "model": order.model,
        "against": order.against,
        "epochs": order.epochs,
        "photos": {side: row["photos"] for side, row in built.counts.items()},
        "labels": count_labels(built.counts),
        "left_out": dict(built.left_out),
        "replay": [name_source(source) for source in replay.sources],
        "replay_missing": list(replay.missing),
        "seconds": {name: round(value) for name, value in seconds.items()}
        | {"all": round(sum(seconds.values()))},
        "enough": not missing,
        "missing": missing,
    }


def count_labels(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the boxes of each class over all sides."""
    found: Counter[str] = Counter()
    for row in counts.values():
        found.update({key: n for key, n in row.items() if key not in {"photos", "negatives"}})
    return dict(found)


def find_pace(image_px: int, runs_dir: Path = RUNS_DIR) -> float:
    """Return seconds per training photo and epoch at a size of photo on this machine."""
    here = describe_environment().get("cpu")
    paces = [pace for cpu, pace in _list_paces(runs_dir) if cpu == here]
    per_square = float(np.median(paces)) if paces else DEFAULT_S_PER_PHOTO / DEFAULT_PX**2
    return per_square * image_px**2


def _list_paces(runs_dir: Path) -> Iterator[tuple[str, float]]:
    """Yield processor and seconds per photo, epoch and pixel of earlier runs on a CPU."""
    for path in [*runs_dir.glob("*/run.json"), *runs_dir.glob("*/training/run.json")]:
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            plan = record["config"]["optimisation"]
            photos = int(record["train_images_listed"]) * int(plan["epochs"])
            if record["state"] != "trained" or record.get("device") != "cpu" or not photos:
                continue
            pace = float(record["seconds"]) / photos / int(plan["image_px"]) ** 2
            yield str(record["environment"]["cpu"]), pace
        except (OSError, ValueError, KeyError, TypeError):
            continue


def fit_epochs(seconds: Mapping[str, float], minutes: float, most: int) -> int:
    """Return how many epochs fit into a budget of time, at least one; ``most`` were estimated."""
    each = max(1.0, seconds["train"] - 20.0) / most
    rest = seconds["all"] - each * most
    return int(min(most, max(1, (60 * minutes - rest) // each)))
