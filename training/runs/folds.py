"""K trainings, each without a part of the photos, which it is asked about afterwards.

So every photo is judged by a model that has not learnt its labels: boxes out of fold. The weights
after the last epoch are taken, not the best ones, which would be chosen on the labels in question.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detection.detectors.manifest import ModelManifest
from detection.domain.errors import InvalidInputError
from training.data.annotation import AnnotatedPhoto
from training.data.suspects import Prediction
from training.data.versions import build_version
from training.evaluation.answers import SHIPPED_FLOOR
from training.evaluation.predictions import predict
from training.fitting.progress import Display
from training.fitting.stages import read_plan, train_run
from training.record import hash_file, read_record
from training.settings import TrainingSettings, VersionSource

MIN_FOLDS = 2
LAST = Path("fit") / "weights" / "last.pt"


@dataclass(frozen=True, slots=True)
class FoldPlan:
    """What the trainings share: their settings, where they lie, where starting weights are."""

    settings: TrainingSettings
    folder: Path
    find_shared: Callable[[], Path]
    display: Display


def split_into_folds(photos: Sequence[AnnotatedPhoto], folds: int) -> list[list[AnnotatedPhoto]]:
    """Deal the photos out to folds of about the same classes and size; a group is never parted.

    Groups are dealt in the order of the hash of their name, those of rare classes first, each to
    the fold that has the fewest photos of its classes: the same set gives the same folds.

    Raises:
        InvalidInputError: there are fewer groups than folds.
    """
    groups: dict[tuple[str, str], list[AnnotatedPhoto]] = defaultdict(list)
    for photo in photos:
        groups[photo.dataset, photo.group].append(photo)
    if not MIN_FOLDS <= folds <= len(groups):
        message = f"{len(groups)} groups of photos cannot be dealt out to {folds} folds."
        raise InvalidInputError(message, remedy=f"Give --folds from {MIN_FOLDS} to the groups.")
    shown = Counter(_classes_of(group) for group in groups.values())
    ordered = sorted(
        groups.items(),
        key=lambda item: (
            shown[_classes_of(item[1])],
            hashlib.sha256(repr(item[0]).encode()).digest(),
        ),
    )
    dealt: list[list[AnnotatedPhoto]] = [[] for _ in range(folds)]
    of_kind: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(folds)]
    for _, group in ordered:
        kind = _classes_of(group)
        least = min(range(folds), key=lambda k: (of_kind[k][kind], len(dealt[k]), k))
        dealt[least] += group
        of_kind[least][kind] += len(group)
    return dealt


def _classes_of(group: Sequence[AnnotatedPhoto]) -> tuple[str, ...]:
    return tuple(sorted({item.hazard_class.value for p in group for item in p.annotations}))


def predict_out_of_fold(
    photos: Sequence[AnnotatedPhoto], folds: int, plan: FoldPlan
) -> dict[str, list[Prediction]]:
    """Return what the models said of every photo that they did not learn.

    A fold that was trained before, in the same folder with the same settings, is not trained
    again.

    Raises:
        InvalidInputError: there are too few groups.
        ConfigurationError: the folder holds runs of another configuration.
        ModelError: a training failed or was killed; the same call goes on with it.
    """
    found: dict[str, list[Prediction]] = {}
    for number, held_out in enumerate(split_into_folds(photos, folds), start=1):
        plan.display.keep(f"Fold {number} of {folds}: {len(held_out)} photos held out")
        weights = _train_without(photos, held_out, number, plan)
        found |= _ask(plan.settings, weights, held_out)
    return found


def _train_without(
    photos: Sequence[AnnotatedPhoto],
    held_out: Sequence[AnnotatedPhoto],
    number: int,
    plan: FoldPlan,
) -> Path:
    names = {(photo.dataset, photo.name) for photo in held_out}
    sides = [
        replace(photo, split="val" if (photo.dataset, photo.name) in names else "train")
        for photo in photos
    ]
    note = {"fold": number}
    built = build_version(sides, plan.folder / "versions", name=f"fold-{number}", note=note)
    run_dir = plan.folder / f"fold-{number}"
    settings = plan.settings.model_copy(
        update={
            "data": (VersionSource(version=str(built.folder.resolve())),),
            "background_flights": (),
            "unseen_flights": (),
        }
    )
    if not _is_trained(run_dir, settings):
        train_run(settings, plan.find_shared, run_dir, plan.display)
    return run_dir / LAST


def _is_trained(run_dir: Path, settings: TrainingSettings) -> bool:
    """Whether a fold is done; of another configuration it is not, and training it is refused."""
    if not (run_dir / "run.json").is_file():
        return False
    return read_record(run_dir).get("state") == "trained" and read_plan(run_dir) == settings


def _ask(
    settings: TrainingSettings, weights: Path, photos: Sequence[AnnotatedPhoto]
) -> dict[str, list[Prediction]]:
    """Return what a checkpoint says of photos."""
    manifest = ModelManifest(
        name=settings.name,
        task=settings.task,
        classes=settings.classes,
        thresholds=dict.fromkeys(settings.classes, SHIPPED_FLOOR),
        score_floor=SHIPPED_FLOOR,
        tile_px=settings.tile_px,
        weights_path=weights,
        weights_sha256=hash_file(weights),
        format="torch",
    )
    return predict(manifest, photos, runtime="torch")
