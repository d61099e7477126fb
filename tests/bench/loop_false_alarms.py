"""False alarms on real flights before and after one loop with the decisions made on them.

What was decided (``datasets/flights/decisions.csv``) becomes a data version by the product's own
way, the models in force go on learning with it, old and new weights are mixed, and both are
measured by what a model card is measured with. Reported are photos that no training ever saw: Minsk
4 to 7, and the end of the Turin strip, whose ground lies apart from every photo on which something
was decided. The new model is set to find no less of val than the one in force does: its thresholds
are the highest that do so, class by class, and what is reported chooses nothing. The trainings stay
in ``runs/loop-alarms``; the same configuration and decisions are not trained again.

Run with: python -m tests.bench.loop_false_alarms [facade_crack|manhole_far ...]
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detection.detectors.manifest import select_manifests
from detection.domain.hazard import HazardClass
from tests.bench.change_tables import say
from tests.decisions_folder import BoxXyxy, SaidLabel, SaidPhoto, write_decisions
from training.cli.terminal import Terminal
from training.data.annotation import AnnotatedPhoto
from training.data.collect import compose_held_out, load_catalogue_photos
from training.data.decisions import DecisionRules, DecisionsBuilt, build_decisions
from training.data.decisions_sides import Shares
from training.fitting.average import average_runs
from training.fitting.stages import train_run
from training.promotion.export import Parity, export_run
from training.promotion.measure import ExportedModel, Measured, measure_model
from training.promotion.shipping_checks import cut_parity_tiles
from training.record import read_record
from training.retraining.settings import load_retraining_settings
from training.settings import (
    CONFIGS_DIR,
    REPOSITORY_DIR,
    RUNS_DIR,
    TrainingSettings,
    VersionSource,
    find_shared_dir,
    load_training_settings,
)

MODELS = ("facade_crack", "manhole_far")
"""Those that look at the reported flights: ``manhole`` leaves so coarse a ground to the far one."""
DECISIONS = REPOSITORY_DIR / "datasets" / "flights" / "decisions.csv"
KNOWN = REPOSITORY_DIR / "datasets" / "flights" / "minsk_oblique_fc220.csv"
WORK = RUNS_DIR / "loop-alarms"
NEAR_PX = 416.0
KEPT = load_retraining_settings().start_share.replayed
"""Share of the old weights in the new ones, as ``hazardlens retrain`` mixes them."""
UNPROVEN = Parity(0, 0, 0, 0.0)
"""The model in force was proved when it was promoted; it is measured as it is shipped."""


@dataclass(frozen=True, slots=True)
class ModelLoop:
    """One model before and after; the last ``reported`` flights chose nothing."""

    name: str
    before: Measured
    after: Measured
    reported: int
    trained_s: float

    @property
    def photos(self) -> int:
        """Photos of the reported flights."""
        return sum(flight.photos for flight in self.before.flights[-self.reported :])

    def alarms(self, measured: Measured) -> int:
        """Return the boxes of hazard classes on the reported flights."""
        return sum(flight.hazards for flight in measured.flights[-self.reported :])

    @property
    def is_taken(self) -> bool:
        """Whether the new model takes the place: no recall is lost on val. Flights do not count."""
        return self.recall(self.after) >= self.recall(self.before)

    @property
    def alarms_in_force(self) -> int:
        """Boxes of hazard classes of the model that is in force after the loop."""
        return self.alarms(self.after if self.is_taken else self.before)

    def recall(self, measured: Measured) -> float:
        """Return the recall of hazard classes on the frozen val, all boxes alike."""
        hazards = [item for item in measured.deployed.figures if item.hazard_class.is_hazard]
        hits = sum(item.counts.true_positives for item in hazards)
        return hits / sum(item.boxes for item in hazards)


def measure_false_alarms(models: Sequence[str] = MODELS) -> dict[str, object]:
    """Return the false alarms per reported photo before and after, and the change of recall.

    A new model that loses recall on val stays a candidate, as the gate has it: then the old one is
    what is in force after the loop. ``recall_change`` is the least of the models that were taken;
    under ``models`` each is told as it was measured, taken or not.
    """
    shared = find_shared_dir(None)
    export = write_decisions(WORK / "decisions", list_decided(shared))
    loops = [run_loop(name, export, shared) for name in models]
    for loop in loops:
        _say_loop(loop)
    rows = {loop.name: _describe(loop) for loop in loops}
    taken = [loop for loop in loops if loop.is_taken]
    changes = [loop.recall(loop.after) - loop.recall(loop.before) for loop in taken]
    return {
        "before_per_photo": _per_photo([loop.alarms(loop.before) for loop in loops], loops),
        "after_per_photo": _per_photo([loop.alarms_in_force for loop in loops], loops),
        "recall_change": round(min(changes, default=0.0), 4),
        "photos": loops[0].photos,
        "models": rows,
    }


def list_decided(shared: Path) -> list[SaidPhoto]:
    """Return the photos of the flights on which something was decided, as the service exports it.

    The known covers round the decided boxes are drawn too, or a crop would teach to overlook them.
    """
    labels: dict[tuple[str, str], list[SaidLabel]] = defaultdict(list)
    for number, row in enumerate(_read_rows(DECISIONS), start=1):
        label = SaidLabel(
            row["class"],
            _box(row),
            verdict=row["verdict"],
            events=(number,),
            score=float(row["score"]),
        )
        labels[row["flight"], row["photo"]].append(label)
    for row in _read_rows(KNOWN):
        said = labels.get((KNOWN.stem, row["photo"]), [])
        if any(_is_near(_box(row), label.bbox_xyxy) for label in said if label.events):
            said.append(SaidLabel(row["class"], _box(row), "confirmed", "drawn", events=()))
    flights = sorted({flight for flight, _ in labels})
    return [
        SaidPhoto(
            shared / "flights" / flight / photo,
            flight_id=1 + flights.index(flight),
            flight=flight,
            labels=said,
        )
        for (flight, photo), said in sorted(labels.items())
    ]


def run_loop(name: str, export: Path, shared: Path) -> ModelLoop:
    """Return a model before and after one loop; what was trained before is taken as it lies."""
    settings = load_training_settings(CONFIGS_DIR / f"{name}_loop.yaml")
    built = build_training_version(settings, export)
    say(f"{name}: version {built.folder.name}, {built.counts}, left out {built.left_out}")
    source = VersionSource(version=str(built.folder))
    run = WORK / f"{name}-{_hash_inputs(settings)}"
    settings = settings.model_copy(update={"data": (*settings.data, source)})
    if not (run / "run.json").is_file() or read_record(run).get("state") != "trained":
        train_run(settings, lambda: shared, run, Terminal())
    held_out = (
        *load_catalogue_photos(settings, shared),
        *compose_held_out(settings, shared, WORK / "held-out"),
    )
    val = [item for item in held_out if item.split == "val"]
    mixed = run.with_name(f"{run.name}-mixed")
    if not (mixed / "run.json").is_file():
        average_runs(mixed, [(_find_start(settings), KEPT), (run, 1.0 - KEPT)])
    manifest = select_manifests((name,))[0]
    shipped = ExportedModel(settings, manifest.weights_path, UNPROVEN)
    before = measure_model(shipped, val, shared, manifest.thresholds)
    exported = _export(mixed, settings, val)
    limits = keep_recall(before, measure_model(exported, val, shared, {}))
    after = measure_model(exported, val, shared, limits)
    return ModelLoop(
        name, before, after, len(settings.unseen_flights), float(read_record(run)["seconds"])
    )


def keep_recall(before: Measured, after: Measured) -> dict[HazardClass, float]:
    """Return the highest threshold of each class at which no less of val is found than before.

    Neither fewer boxes nor fewer photos that show any; the lowest threshold where none does.
    """
    limits = {}
    for old, new in zip(before.deployed.figures, after.deployed.figures, strict=True):
        photos = old.image_recall_any or 0.0
        finds_all = (new.sweep.box_recall() >= (old.counts.recall or 0.0)) & (
            new.sweep.photo_recall() >= photos
        )
        scores = new.sweep.scores[finds_all]
        limits[new.hazard_class] = float(scores[-1] if len(scores) else new.sweep.scores[0])
    return limits


def build_training_version(settings: TrainingSettings, export: Path) -> DecisionsBuilt:
    """Return the version of what was decided for one model; all of it for training.

    Whoever decided looked whether a cover is there, so the rejected ones are background.
    """
    rules = DecisionRules(
        f"{settings.name} decisions",
        classes=settings.classes,
        outlines=settings.task == "segment",
        crop_px=settings.tile_px,
        views=8,
        rejected_covers="background",
        shares=Shares(0.0, 0.0),
        fill_sides=False,
    )
    return build_decisions([export], WORK / "versions", rules)


def _export(run: Path, settings: TrainingSettings, val: Sequence[AnnotatedPhoto]) -> ExportedModel:
    onnx_path, parity = export_run(run, cut_parity_tiles(val, settings.tile_px))
    return ExportedModel(settings, onnx_path, parity)


def _find_start(settings: TrainingSettings) -> Path:
    """Return the run that a training started from."""
    return (REPOSITORY_DIR / settings.started_from).parents[2]


def _hash_inputs(settings: TrainingSettings) -> str:
    """Return what a training is known by: its configuration and the decisions."""
    inputs = settings.model_dump_json().encode() + DECISIONS.read_bytes()
    return hashlib.sha256(inputs).hexdigest()[:12]


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _box(row: Mapping[str, str]) -> BoxXyxy:
    return (float(row["x_min"]), float(row["y_min"]), float(row["x_max"]), float(row["y_max"]))


def _is_near(first: BoxXyxy, second: BoxXyxy) -> bool:
    """Whether a crop round one box can show the other."""
    reach = (*(value - NEAR_PX for value in second[:2]), *(value + NEAR_PX for value in second[2:]))
    inside_x = first[0] < reach[2] and reach[0] < first[2]
    return inside_x and first[1] < reach[3] and reach[1] < first[3]


def _per_photo(alarms: Sequence[int], loops: Sequence[ModelLoop]) -> float:
    return round(sum(alarms) / loops[0].photos, 3)


def _describe(loop: ModelLoop) -> dict[str, object]:
    return {
        "before": loop.alarms(loop.before),
        "after": loop.alarms(loop.after),
        "recall_before": round(loop.recall(loop.before), 4),
        "recall_after": round(loop.recall(loop.after), 4),
        "taken": loop.is_taken,
        "thresholds": {key.value: value for key, value in loop.after.thresholds.items()},
        "trained_s": round(loop.trained_s),
    }


def _say_loop(loop: ModelLoop) -> None:
    say(f"{loop.name}, trained for {loop.trained_s:.0f} s")
    for before, after in zip(loop.before.flights, loop.after.flights, strict=True):
        say(f"  {before.flight} ({before.photos} photos, trained on before: {before.trained_on})")
        say(f"    boxes before {_counts(before.boxes)}, after {_counts(after.boxes)}")
    for old, new in zip(loop.before.deployed.figures, loop.after.deployed.figures, strict=True):
        say(
            f"  val {old.hazard_class.value}: {old.boxes} boxes, recall "
            f"{old.counts.recall:.3f} at {old.threshold:.2f} -> {new.counts.recall:.3f} at "
            f"{new.threshold:.2f}; AP50 {old.ap50} -> {new.ap50}; false alarms on negatives "
            f"{old.false_alarms_per_negative} -> {new.false_alarms_per_negative}"
        )


def _counts(boxes: Mapping[HazardClass, int]) -> str:
    return ", ".join(f"{key} {count}" for key, count in boxes.items())


if __name__ == "__main__":
    chosen = [argument for argument in sys.argv[1:] if argument in MODELS] or list(MODELS)
    sys.stdout.write(json.dumps(measure_false_alarms(chosen)) + "\n")
