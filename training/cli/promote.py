"""``hazardlens promote`` and ``hazardlens rollback``: what is in force, and what was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from detection.detectors.manifest import MODELS_DIR, ModelManifest
from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.cli.options import FOLDER, SHARED_OPTION
from training.data.annotation import AnnotatedPhoto
from training.data.collect import compose_held_out, load_catalogue_photos
from training.evaluation.labelled_folder import read_labelled_folder
from training.promotion.promote import Order, find_waiting, promote_run, promote_version
from training.record import read_record
from training.settings import (
    CONFIGS_DIR,
    TrainingSettings,
    find_shared_dir,
    load_training_settings,
)

_ORDERS: dict[str, Order] = {
    "candidate": Order(),
    "shadow": Order(to="shadow"),
    "active": Order(to="active"),
}

EXIT_CODES = """\b
Exit codes:
    0  done
    2  an option, a photo or a label cannot be used
    4  refused: the gate says no, the run did not end, or a file is not what its hash says
    5  a configuration or key cannot be used
"""


@click.command(epilog=EXIT_CODES)
@click.argument("target")
@click.option(
    "--to",
    type=click.Choice(["candidate", "shadow", "active"]),
    help="Status to give. Default for a run: candidate.",
)
@click.option("--int8", is_flag=True, help="Ship INT8 weights too, where they hold their limits.")
@click.option("--force", metavar="REASON", default="", help="Overrule the gate; say why.")
@click.option("--reason", default="", help="Why, for the history [default: that of --force].")
@click.option("--by", default="", help="Who wants it, for the history [default: this account].")
@SHARED_OPTION
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Card, rules and flights [default: configs/training/<name>.yaml].",
)
@click.option("--images", type=FOLDER, help="Photos of the gate [default: the catalogue's val].")
@click.option("--labels", type=FOLDER, help="Their YOLO labels, boxes or polygons.")
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
    *,
    target: str,
    to: str | None,
    int8: bool,
    force: str,
    reason: str,
    by: str,
    shared_dir: Path | None,
    config: Path | None,
    images: Path | None,
    labels: Path | None,
    given: tuple[str, ...],
    models_dir: Path,
) -> None:
    """Bring a model on: TARGET is a trained run's folder, or NAME or NAME@VERSION of a version.

    A run is verified, exported, measured and put on the shelf as a candidate. With --to active
    it has to pass the gate against the model in force, on the same photos: recall of each class
    at equal false alarms, the same answers in every runtime, speed. The report goes into the run
    folder. A version that waits is moved on the same way.
    """
    order = replace(_ORDERS[to or "candidate"], int8=int8, force=force, reason=reason, by=by)
    if Path(target).is_dir():
        settings = _settings_of_run(Path(target).resolve(), config)
        frozen = _read_frozen(images, labels, settings.classes)
        manifest = promote_run(
            Path(target).resolve(),
            find_shared_dir(shared_dir),
            models_dir,
            settings=settings,
            thresholds=parse_thresholds(given),
            order=replace(order, frozen=frozen),
        )
    else:
        manifest = _promote_waiting(
            target,
            None if to is None else order,
            shared_dir=shared_dir,
            config=config,
            images=images,
            labels=labels,
            models_dir=models_dir,
        )
    _tell(manifest)


def _promote_waiting(
    target: str,
    order: Order | None,
    *,
    shared_dir: Path | None,
    config: Path | None,
    images: Path | None,
    labels: Path | None,
    models_dir: Path,
) -> ModelManifest:
    if order is None:
        message = f"{target} is no folder of a run, and --to does not say what it shall become."
        raise InvalidInputError(message, remedy="Give a run folder, or --to shadow or active.")
    waiting = find_waiting(models_dir, target)
    name = f"{waiting.name}@{waiting.version}"
    path = config or CONFIGS_DIR / f"{waiting.name}.yaml"
    settings = load_training_settings(path)
    if order.to != "active":
        return promote_version(name, models_dir, (), settings.promotion, order)
    with TemporaryDirectory() as folder:
        frozen = _read_frozen(images, labels, waiting.classes) or [
            *_list_val(settings, find_shared_dir(shared_dir), Path(folder))
        ]
        return promote_version(name, models_dir, frozen, settings.promotion, order)


def _list_val(
    settings: TrainingSettings, shared_dir: Path, work_dir: Path
) -> Iterator[AnnotatedPhoto]:
    for photo in load_catalogue_photos(settings, shared_dir):
        if photo.split == "val":
            yield photo
    yield from compose_held_out(settings, shared_dir, work_dir)


def _settings_of_run(run_dir: Path, config: Path | None) -> TrainingSettings:
    settings = TrainingSettings.model_validate(read_record(run_dir)["config"])
    default = CONFIGS_DIR / f"{settings.name}.yaml"
    if config is not None or default.is_file():
        return settings.with_shipping_of(load_training_settings(config or default))
    return settings


def _read_frozen(
    images: Path | None, labels: Path | None, classes: Sequence[HazardClass]
) -> Sequence[AnnotatedPhoto] | None:
    if images is None:
        return None
    return read_labelled_folder(images, labels, classes).photos


def _tell(manifest: ModelManifest) -> None:
    click.echo(f"{manifest.name}@{manifest.version} is {manifest.status}.")
    if manifest.promotion.get("forced"):
        click.echo(f"The gate was overruled: {manifest.promotion['forced']}")


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
