"""First stage: decisions to a data version, and the photos that will be judged by."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from detection.domain.hazard import HazardClass
from training.atomic import write_file
from training.data.annotation import AnnotatedPhoto
from training.data.decisions import DecisionRules, DecisionsBuilt, build_decisions
from training.data.importers.class_names import CLASSES_TXT
from training.data.yolo_export import format_yolo_labels
from training.promotion.shipped_manifest import name_source
from training.retraining.errors import TooFewDecisionsError
from training.retraining.order import Order
from training.retraining.replay import Replay, hash_trained_flights, load_stored
from training.settings import TrainingSettings

BUILT = "built.json"
FROZEN = "frozen"
SIDES = 3
"""Train, val and test: each needs a flight of its own."""


def build_data(
    order: Order, run_dir: Path, original: TrainingSettings, replay: Replay
) -> dict[str, Any]:
    """Write the data version and return what the run keeps of it (``built.json``).

    Raises:
        NoDecisionsError: nothing in the folders can be learnt.
        TooFewDecisionsError: a side that is needed stays empty.
        InvalidInputError: a folder cannot be used; it says why.
    """
    built = build_version_of(order, original, replay, order.store)
    missing = list_missing(built.counts, replay)
    if missing:
        if built.is_new:  # else its flights would count as trained on for ever
            shutil.rmtree(built.folder)
        raise refuse_few(missing, built.photos)
    document = {
        "version": built.folder.name,
        "folder": str(built.folder),
        "decided": dict(built.decided),
        "counts": {side: dict(row) for side, row in built.counts.items()},
        "left_out": dict(built.left_out),
        "replay": [
            *({"source": name, "in_reach": False} for name in replay.missing),
            *({"source": name_source(item), "in_reach": True} for item in replay.sources),
        ],
    }
    held = load_stored(replay, original, order.shared_dir)
    frozen = [photo for photo in held if photo.split == "val"]
    judged = frozen or [photo for photo in built.photos if photo.split == "test"]
    write_labelled(run_dir / FROZEN, judged, original.classes)
    write_file(run_dir / BUILT, json.dumps(document, indent=1, ensure_ascii=False).encode())
    return document


def read_built(run_dir: Path) -> dict[str, Any]:
    """Return what the build kept."""
    return dict(json.loads((run_dir / BUILT).read_text(encoding="utf-8")))


def build_version_of(
    order: Order,
    original: TrainingSettings,
    replay: Replay,
    store: Path,
    earlier: Iterable[Path] = (),
) -> DecisionsBuilt:
    """Return the version of the decisions of an order, in a store."""
    rules = DecisionRules(
        name=f"decisions-{order.model}",
        classes=original.classes,
        outlines=original.task == "segment",
        crop_px=original.tile_px,
    )
    held = load_stored(replay, original, order.shared_dir)
    trained = hash_trained_flights(original, order.shared_dir)
    return build_decisions(
        order.decisions, store, rules, base=held, earlier=earlier, trained=trained
    )


def list_missing(counts: Mapping[str, Mapping[str, int]], replay: Replay) -> list[str]:
    """Return the sides that are empty and needed: the original data judges where it is here."""
    needed = ["train"] if replay.stored else ["train", "val", "test"]
    return [side for side in needed if not counts.get(side, {}).get("photos")]


def refuse_few(missing: Sequence[str], photos: Sequence[AnnotatedPhoto]) -> TooFewDecisionsError:
    """Return the error that says what the decisions lack, and how much more is needed."""
    flights = len({photo.group for photo in photos})
    message = (
        f"The decisions are of {flights} flights that share no place, {len(photos)} pictures in "
        f"all; none of them is left for: {', '.join(missing)}."
    )
    more = max(SIDES - flights, len(missing))
    remedy = f"Decide candidates of {more} more flights over other places, then try again."
    return TooFewDecisionsError(message, remedy=remedy)


def write_labelled(
    folder: Path, photos: Sequence[AnnotatedPhoto], classes: Sequence[HazardClass]
) -> None:
    """Write photos as ``images/`` and YOLO ``labels/``, as ``hazardlens promote`` reads them."""
    part = folder.with_name(f".{folder.name}.part")
    for path in (part, folder):
        shutil.rmtree(path, ignore_errors=True)
    index = {key: number for number, key in enumerate(classes)}
    for name in ("images", "labels"):
        (part / name).mkdir(parents=True)
    for photo in photos:
        stem = f"{photo.dataset}--{Path(photo.name).stem}"
        shutil.copyfile(photo.path, part / "images" / f"{stem}{photo.path.suffix.lower()}")
        text = format_yolo_labels(photo, index)
        (part / "labels" / f"{stem}.txt").write_text(text, encoding="utf-8")
    lines = "".join(f"{key.value}\n" for key in classes)
    (part / CLASSES_TXT).write_text(lines, encoding="utf-8")
    part.rename(folder)
