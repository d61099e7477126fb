"""``hazardlens evaluate``: a promoted model on labelled photos to figures."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from detection.detectors.manifest import MODELS_DIR, select_manifests
from detection.detectors.registry import ADAPTERS, load_detector
from detection.report.files import prepare_folder, write_json
from detection.settings import load_settings
from training.cli.options import FOLDER
from training.evaluation.answers import find_needed_floor
from training.evaluation.evaluate import answer_photos, evaluate_answers
from training.evaluation.figures import json_from_evaluation, table_from_evaluation
from training.evaluation.gallery import GallerySubject, check_page_folder, write_gallery
from training.evaluation.labelled_folder import IMAGES, LabelledFolder, read_labelled_folder

EXIT_CODES = """\b
Exit codes:
    0  done
    2  a photo, a label, a class or an option cannot be used; nothing is written
    4  the model is unknown, damaged or not what its hash says
    5  a setting is unknown or out of range
"""


@click.command(epilog=EXIT_CODES)
@click.option("--model", "name", required=True, help="Name of a promoted model.")
@click.option("--images", required=True, type=FOLDER, help="Folder of photos, nested or not.")
@click.option(
    "--labels",
    type=FOLDER,
    help="Folder of YOLO labels, boxes or polygons; without it every photo is a negative.",
)
@click.option(
    "--json",
    "json_path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the figures.",
)
@click.option("--tile", is_flag=True, help="Tile photos as deployed; else one tile a photo.")
@click.option(
    "--classes",
    help="Class keys of the labels: a file (one a line, or YAML names) or a comma list. "
    "Default: classes.txt or data.yaml beside the folders, else the model's own order.",
)
@click.option(
    "--html",
    "html_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for curves and a page of false alarms and misses.",
)
@click.option(
    "--sources",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV with image, group, source, view, surface. Default: sources.csv beside the photos.",
)
@click.option("--runtime", type=click.Choice(list(ADAPTERS)), help="Library that runs the model.")
@click.option("--streams", type=int, help="Tiles looked at in parallel; 0: what the machine has.")
@click.option("--models-dir", type=FOLDER, default=MODELS_DIR, hidden=True)
def evaluate(
    *,
    name: str,
    images: Path,
    labels: Path | None,
    json_path: Path,
    tile: bool,
    classes: str | None,
    html_dir: Path | None,
    sources: Path | None,
    runtime: str | None,
    streams: int | None,
    models_dir: Path,
) -> None:
    """Measure a promoted model on labelled photos: AP, and figures at its shipped thresholds."""
    settings = load_settings(runtime=runtime, streams=streams)
    if html_dir is not None:
        check_page_folder(html_dir)
    manifest = select_manifests((name,), models_dir)[0]
    folder = read_labelled_folder(
        images, labels, manifest.classes, classes=classes, sources=sources
    )
    _tell_about(folder, name, has_labels=labels is not None)
    floor = find_needed_floor(folder.photos, manifest.tile_px, tiled=tile)
    detector = load_detector(
        replace(manifest, score_floor=floor),
        runtime=settings.runtime,
        streams=settings.streams,
        threads=settings.threads,
        device=settings.device,
        batch=settings.batch,
        precision=settings.precision,
        require_signed=settings.require_signed_models,
    )
    prepare_folder(json_path.resolve().parent)
    with click.progressbar(length=len(folder.photos), label="Looking", file=sys.stderr) as bar:
        answers = answer_photos(detector, folder.photos, tiled=tile, on_photo=lambda: bar.update(1))
    evaluation = evaluate_answers(answers, manifest, manifest.thresholds, tiled=tile)
    if html_dir is not None:
        subject = GallerySubject(manifest, _name_folder(images), answers)
        click.echo(f"Page: {write_gallery(html_dir, subject, evaluation)}")
    document = {
        "model": manifest.name,
        "task": manifest.task,
        "weights_sha256": detector.manifest.weights_sha256,  # of the weights that ran
        "runtime": settings.runtime,
        **json_from_evaluation(evaluation),
    }
    write_json(json_path, document)
    click.echo(table_from_evaluation(evaluation))


def _name_folder(images: Path) -> str:
    """Return a name that says more than ``images``."""
    folder = images.resolve()
    return f"{folder.parent.name}/{folder.name}" if folder.name == IMAGES else folder.name


def _tell_about(folder: LabelledFolder, model: str, *, has_labels: bool) -> None:
    """Say on stderr what was read and what was passed over."""
    negatives = sum(photo.is_negative for photo in folder.photos)
    click.echo(f"{len(folder.photos)} photos, {negatives} without a label for {model}.", err=True)
    if has_labels:
        order = " order" if folder.keys_from == "the model" else ""
        click.echo(f"Class keys of the labels: from {folder.keys_from}{order}.", err=True)
    if has_labels and not folder.label_files:
        click.echo("No label file was found: every photo counts as a negative.", err=True)
    for key, count in folder.ignored.items():
        click.echo(
            f"Left out: {count} labels of {key.value}, which {model} does not learn.", err=True
        )
    if folder.unused_labels:
        click.echo(f"Passed over: {folder.unused_labels} label files without a photo.", err=True)
    if folder.turned_photos:
        click.echo(
            f"{folder.turned_photos} photos are turned by their EXIF data: they and their labels "
            "are taken as stored, not turned.",
            err=True,
        )
    if not folder.groups_known:
        click.echo("No groups are known: intervals take each photo for itself.", err=True)
