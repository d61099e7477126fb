"""Commands of the training room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from detection.detectors.manifest import MODELS_DIR, select_manifests
from detection.detectors.registry import load_detector
from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.data.negatives import list_flight
from training.data.sources import load_yolo_labels_dir
from training.evaluate import RANKING_FLOOR, answer_photos, evaluate_answers
from training.figures import json_from_evaluation, table_from_evaluation
from training.launch import prepare_run, run_trainer
from training.promote import promote_run
from training.record import read_record
from training.settings import (
    CONFIGS_DIR,
    RUNS_DIR,
    TrainingSettings,
    find_shared_dir,
    load_training_settings,
)

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
SHARED_OPTION = click.option(
    "--data",
    "shared_dir",
    type=FOLDER,
    help="Folder with data/, weights/ and flights/ [default: HAZARDLENS_SHARED_DIR or ../shared].",
)


@click.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@SHARED_OPTION
@click.option(
    "--run",
    "run_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Run folder to write [default: runs/<name>-<time>].",
)
def train(config: Path, shared_dir: Path | None, run_dir: Path | None) -> None:
    """Train one model: CONFIG, data and seed to weights in a run folder.

    Exit codes: 0 done, 2 invalid input, 4 the trainer failed, 5 configuration error.
    """
    settings = load_training_settings(config)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = (run_dir or RUNS_DIR / f"{settings.name}-{stamp}").resolve()
    prepare_run(settings, find_shared_dir(shared_dir), folder)
    click.echo(f"Training {settings.name}; log: {folder / 'fit.log'}")
    run_trainer(folder, "fit")
    click.echo(f"Trained. Promote it with: hazardlens promote {folder}")


@click.command()
@click.option("--model", "name", required=True, help="Name of a promoted model.")
@click.option("--images", required=True, type=FOLDER, help="Folder of photos.")
@click.option(
    "--labels",
    type=FOLDER,
    help="Folder of YOLO labels in the model's class order; without it every photo is negative.",
)
@click.option(
    "--json",
    "json_path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the figures.",
)
@click.option("--tile", is_flag=True, help="Tile photos as deployed; else one tile a photo.")
@click.option("--models-dir", type=FOLDER, default=MODELS_DIR, hidden=True)
def evaluate(
    name: str, images: Path, labels: Path | None, json_path: Path, *, tile: bool, models_dir: Path
) -> None:
    """Measure a promoted model on labelled photos: AP, and figures at its shipped thresholds.

    Exit codes: 0 done, 2 invalid input, 4 model error.
    """
    manifest = select_manifests((name,), models_dir)[0]
    detector = load_detector(replace(manifest, score_floor=RANKING_FLOOR))
    classes = dict(enumerate(manifest.classes))
    photos = list_flight(images, dataset=images.name, split="val")
    if labels is not None:
        photos = load_yolo_labels_dir(photos, labels, classes)
    answers = answer_photos(detector, photos, tiled=tile)
    evaluation = evaluate_answers(answers, manifest, manifest.thresholds, tiled=tile)
    document = {
        "model": manifest.name,
        "weights_sha256": manifest.weights_sha256,
        **json_from_evaluation(evaluation),
    }
    json_path.parent.mkdir(parents=True, exist_ok=True)
    json_path.write_text(json.dumps(document, indent=2), encoding="utf-8")
    click.echo(table_from_evaluation(evaluation))


@click.command()
@click.argument("run_dir", type=FOLDER)
@SHARED_OPTION
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Card, threshold rules and flights [default: configs/training/<name>.yaml].",
)
@click.option(
    "--threshold",
    "given",
    multiple=True,
    metavar="CLASS=SCORE",
    help="Shipped threshold of a class; those not given are chosen on val.",
)
@click.option(
    "--models-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=MODELS_DIR,
    help="Folder to write manifest, weights and card to.",
)
def promote(
    run_dir: Path,
    shared_dir: Path | None,
    config: Path | None,
    given: tuple[str, ...],
    models_dir: Path,
) -> None:
    """Ship a trained RUN: verify, export to ONNX, measure, write manifest and card.

    Exit codes: 0 done, 2 invalid input, 4 refused, 5 configuration error.
    """
    folder = run_dir.resolve()
    settings = TrainingSettings.model_validate(read_record(folder)["config"])
    default = CONFIGS_DIR / f"{settings.name}.yaml"
    if config is not None or default.is_file():
        settings = settings.with_shipping_of(load_training_settings(config or default))
    path = promote_run(
        folder,
        find_shared_dir(shared_dir),
        models_dir,
        settings=settings,
        thresholds=parse_thresholds(given),
    )
    click.echo(f"Promoted: {path}")


def parse_thresholds(given: tuple[str, ...]) -> Mapping[HazardClass, float]:
    """Return ``CLASS=SCORE`` arguments by class.

    Raises:
        InvalidInputError: an unknown class, or a score outside [0, 1].
    """
    found = {}
    for item in given:
        key, _, value = item.partition("=")
        try:
            score = float(value)
            found[HazardClass(key)] = score
        except ValueError as error:
            message = f"{item} is not a threshold ({error})."
            raise InvalidInputError(message, remedy="Write manhole_missing=0.3.") from error
        if not 0.0 <= score <= 1.0:
            message = f"{item} is not in [0, 1]."
            raise InvalidInputError(message, remedy="Give a score.")
    return found
