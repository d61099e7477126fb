"""How many planted label errors come first: ``python -m tests.bench.loop_label_errors SET FILE``.

Labels of a copy in memory are flipped, taken out, moved or made up, and the suspects are ranked by
predictions of models that had not learnt these photos. What was wrong before counts as a false
suspect, so the precision is a lower bound.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detection.domain.geometry import BBox, compute_ios
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.label_errors import find_suspects
from training.data.named_sets import load_named
from training.data.suspects import Predictions, Suspect, SuspectKind
from training.data.suspects_file import read_predictions
from training.settings import VERSIONS_DIR, find_shared_dir

RATE = 0.05
"""Share of the labels that are spoilt, of each kind alike."""

SEEDS = range(5)
MOVED = 0.7
"""A moved box lies this share of its size beside its thing: IoU 0.18 at most."""

_TRIES = 30


@dataclass(frozen=True, slots=True)
class Planted:
    """One error: its photo, its kind, the box that is concerned."""

    photo: str
    kind: SuspectKind
    box: BBox

    def is_named_by(self, suspect: Suspect) -> bool:
        """Whether a suspect is about this error, whatever kind it takes it for."""
        if suspect.photo.name != self.photo:
            return False
        if suspect.label is not None and suspect.label.annotation.box == self.box:
            return True
        if suspect.model is None:
            return False
        pair = (np.array([box.xyxy], dtype=np.float64) for box in (suspect.model.box, self.box))
        return bool(compute_ios(*pair)[0, 0] >= 0.5)


def plant_errors(
    photos: Sequence[AnnotatedPhoto], rate: float, seed: int
) -> tuple[list[AnnotatedPhoto], list[Planted]]:
    """Return the photos with errors, one a photo at most, and what they are."""
    rng = np.random.default_rng(seed)
    classes = sorted({item.hazard_class for photo in photos for item in photo.annotations})
    kinds = [
        kind for kind in SuspectKind if kind is not SuspectKind.WRONG_CLASS or len(classes) > 1
    ]
    labelled = [number for number, photo in enumerate(photos) if photo.annotations]
    labels = sum(len(photo.annotations) for photo in photos)
    count = min(len(labelled), len(kinds) * max(1, round(rate * labels / len(kinds))))
    spoilt, planted = list(photos), []
    for turn, number in enumerate(rng.choice(labelled, size=count, replace=False)):
        changed = _spoil(photos[number], kinds[turn % len(kinds)], classes, rng)
        if changed is not None:
            spoilt[number], error = changed
            planted.append(error)
    return spoilt, planted


def _spoil(
    photo: AnnotatedPhoto,
    kind: SuspectKind,
    classes: Sequence[HazardClass],
    rng: np.random.Generator,
) -> tuple[AnnotatedPhoto, Planted] | None:
    labels = list(photo.annotations)
    number = int(rng.integers(len(labels)))
    old = labels[number]
    if kind is SuspectKind.MISSING_LABEL:
        del labels[number]
        return replace(photo, annotations=tuple(labels)), Planted(photo.name, kind, old.box)
    if kind is SuspectKind.WRONG_CLASS:
        others = [key for key in classes if key is not old.hazard_class]
        labels[number] = replace(old, hazard_class=others[int(rng.integers(len(others)))])
        return replace(photo, annotations=tuple(labels)), Planted(photo.name, kind, old.box)
    if kind is SuspectKind.BAD_BOX:
        dx, dy = old.box.width_px * MOVED, old.box.height_px * MOVED
        turn = int(rng.integers(4))
        box = old.box.shift((dx, -dx, dx, -dx)[turn], (dy, dy, -dy, -dy)[turn])
        clipped = box.clip(photo.width_px, photo.height_px)
        if clipped.area_px < old.box.area_px / 2:
            return None
        labels[number] = Annotation(old.hazard_class, clipped)
        return replace(photo, annotations=tuple(labels)), Planted(photo.name, kind, clipped)
    made_up = _find_empty(photo, old, rng)
    if made_up is None:
        return None
    labels.append(Annotation(old.hazard_class, made_up))
    return replace(photo, annotations=tuple(labels)), Planted(photo.name, kind, made_up)


def _find_empty(photo: AnnotatedPhoto, like: Annotation, rng: np.random.Generator) -> BBox | None:
    """Return a box as large as a label where none is; None where the photo has no room."""
    width, height = like.box.width_px, like.box.height_px
    given = np.array([item.box.xyxy for item in photo.annotations], dtype=np.float64)
    for _ in range(_TRIES):
        x = rng.uniform(0, max(1e-9, photo.width_px - width))
        y = rng.uniform(0, max(1e-9, photo.height_px - height))
        box = BBox(x, y, x + width, y + height).clip(photo.width_px, photo.height_px)
        if not (compute_ios(np.array([box.xyxy], dtype=np.float64), given) > 0.1).any():
            return box
    return None


def measure_label_errors(
    photos: Sequence[AnnotatedPhoto], predictions: Predictions, *, rate: float = RATE
) -> dict[str, object]:
    """Return precision and recall of the ranking over several plantings.

    ``precision_at_k`` is the share of planted errors among as many suspects as were planted,
    ``recall_at_2k`` the share of them among twice as many, ``by_chance`` the precision of a list
    drawn blindly from all labels.
    """
    asked = [photo for photo in photos if photo.name in predictions]
    at_k, at_2k, chance, planted_count = [], [], [], []
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for seed in SEEDS:
        spoilt, planted = plant_errors(asked, rate, seed)
        suspects = find_suspects(spoilt, predictions)
        count = len(planted)
        hits = [any(error.is_named_by(one) for error in planted) for one in suspects[:count]]
        at_k.append(sum(hits) / count)
        found = [any(error.is_named_by(s) for s in suspects[: 2 * count]) for error in planted]
        at_2k.append(sum(found) / count)
        chance.append(count / sum(max(1, len(photo.annotations)) for photo in spoilt))
        planted_count.append(count)
        for error, is_found in zip(planted, found, strict=True):
            by_kind[error.kind.value].append(is_found)
    return {
        "photos": len(asked),
        "labels": sum(len(photo.annotations) for photo in asked),
        "planted": round(float(np.mean(planted_count)), 1),
        "seeds": len(SEEDS),
        "precision_at_k": round(float(np.mean(at_k)), 3),
        "recall_at_2k": round(float(np.mean(at_2k)), 3),
        "by_chance": round(float(np.mean(chance)), 3),
        "recall_at_2k_by_kind": {
            k: round(float(np.mean(v)), 3) for k, v in sorted(by_kind.items())
        },
    }


def main() -> None:
    """Print the figures of a set and a file of predictions as JSON."""
    name, predictions = sys.argv[1], Path(sys.argv[2])
    photos = load_named(name, VERSIONS_DIR, lambda: find_shared_dir(None))
    figures = measure_label_errors(photos, read_predictions(predictions))
    sys.stdout.write(json.dumps({"set": name} | figures) + "\n")


if __name__ == "__main__":
    main()
