"""The sources that a run names, gathered into one list of annotated photos."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from detection.detectors.registry import load_detector
from detection.domain.errors import ConfigurationError
from training.composed_settings import FlightNegatives, FlightPart, PastedSource, ShrunkSource
from training.data.annotation import AnnotatedPhoto
from training.data.composed.make import make_photos
from training.data.errors import MixedLabelsError
from training.data.following import follow
from training.data.known import add_known
from training.data.licences import keep_licensed
from training.data.mined import find_mining_model, mine_negatives
from training.data.negatives import cut_negatives, list_flight
from training.data.sources import load_dataset, load_yolo_folder, read_catalogue
from training.data.split import check_copies, check_split
from training.data.versions import find_version, load_version
from training.settings import (
    REPOSITORY_DIR,
    VERSIONS_DIR,
    CatalogueSource,
    DataSource,
    FolderSource,
    RenderedSource,
    TrainingSettings,
    VersionSource,
)
from training.synthetic.training_set import CLASSES, render_training_set


def collect_photos(
    settings: TrainingSettings, shared_dir: Path, work_dir: Path
) -> list[AnnotatedPhoto]:
    """Return the photos of every source of a run; rendered and cut ones are made in ``work_dir``.

    Raises:
        ConfigurationError: the data shows a class that the run does not learn.
        InvalidInputError: a source is missing or damaged, or the split parts a group or has a file
            on both sides.
    """
    photos = [
        photo for source in settings.data for photo in _load(source, settings, shared_dir, work_dir)
    ]
    shown = {item.hazard_class for photo in photos for item in photo.annotations}
    foreign = sorted(shown - set(settings.classes))
    if foreign:
        message = f"The data shows classes that {settings.name} does not learn: {foreign}."
        raise ConfigurationError(message, remedy="Add them to classes or drop the data set.")
    if settings.task == "segment":
        check_outlines(photos)
    check_split(photos)
    check_copies(photos)
    return photos


def check_outlines(photos: Iterable[AnnotatedPhoto]) -> None:
    """Refuse boxes in a run that learns outlines: its trainer would drop every outline for them.

    Raises:
        MixedLabelsError: a photo has a box without an outline.
    """
    boxed = [p for p in photos if any(not item.polygon for item in p.annotations)]
    if boxed:
        message = f"{len(boxed)} photos have boxes only, such as {boxed[0].name}."
        remedy = "Leave their data set out of a run with task: segment, or draw outlines."
        raise MixedLabelsError(message, remedy=remedy)


def _load(
    source: DataSource, settings: TrainingSettings, shared_dir: Path, work_dir: Path
) -> list[AnnotatedPhoto]:
    if isinstance(source, CatalogueSource | VersionSource):
        return _load_stored(source, shared_dir)
    if isinstance(source, FlightNegatives):
        return _load_negatives(source, settings, shared_dir, work_dir / source.negatives)
    if isinstance(source, FolderSource):
        folder = REPOSITORY_DIR / source.folder
        return load_yolo_folder(folder, source.class_map, dataset=source.name, split="train")
    if isinstance(source, PastedSource | ShrunkSource):
        return _compose(source, settings, shared_dir, work_dir)
    return _render(source, work_dir)


def _load_stored(source: CatalogueSource | VersionSource, shared_dir: Path) -> list[AnnotatedPhoto]:
    if isinstance(source, CatalogueSource):
        photos = load_dataset(read_catalogue(source.dataset), shared_dir)
    else:
        photos = load_version(find_version(source.version, VERSIONS_DIR))
    return [photo for photo in keep_licensed(photos, source.licence) if photo.split != "test"]


def _load_flight(
    part: FlightPart,
    settings: TrainingSettings,
    shared_dir: Path,
    dataset: str,
    side: str = "train",
) -> list[AnnotatedPhoto]:
    """Return the photos of a flight for one side, with what they are known to show."""
    folder = shared_dir / part.flight
    photos = list_flight(folder, dataset=dataset, split=side, photos=part.photos)
    if part.known is None:
        return photos
    return add_known(photos, REPOSITORY_DIR / part.known, settings.classes)


def _load_negatives(
    source: FlightNegatives, settings: TrainingSettings, shared_dir: Path, out_dir: Path
) -> list[AnnotatedPhoto]:
    photos = _load_flight(source, settings, shared_dir, source.negatives)[:: source.every]
    if source.mined_with is None:
        return cut_negatives(photos, out_dir, tile_px=source.tile_px)
    model = find_mining_model(source.mined_with, settings.classes, REPOSITORY_DIR)
    detector = load_detector(replace(model, score_floor=source.min_score))
    return mine_negatives(source, photos, detector, out_dir, seed=settings.seed)


def _compose(
    source: PastedSource | ShrunkSource,
    settings: TrainingSettings,
    shared_dir: Path,
    work_dir: Path,
) -> list[AnnotatedPhoto]:
    side = source.side if isinstance(source, ShrunkSource) else "train"
    flights = [
        _load_flight(part, settings, shared_dir, "ground", side) for part in source.ground_flights
    ]

    def load_set(name: str) -> list[AnnotatedPhoto]:
        return load_dataset(read_catalogue(name), shared_dir)

    return make_photos(source, load_set, flights, work_dir, fraction=settings.fraction)


def _render(source: RenderedSource, work_dir: Path) -> list[AnnotatedPhoto]:
    name = f"rendered_{source.rendered}"
    folder = work_dir / f"{name}_{source.first_seed}"
    render_training_set(
        folder,
        task=source.rendered,
        seeds=follow(
            range(source.first_seed, source.first_seed + source.scenes), "Rendering scenes"
        ),
        photos_per_seed=source.photos_per_scene,
    )
    classes = dict(enumerate(CLASSES[source.rendered]))
    photos = load_yolo_folder(folder, classes, dataset=name, split="train")
    return [replace(photo, annotations=()) for photo in photos] if source.as_negatives else photos


def compose_held_out(
    settings: TrainingSettings, shared_dir: Path, work_dir: Path
) -> list[AnnotatedPhoto]:
    """Return the composed photos that a run is judged on, made again in ``work_dir``."""
    return [
        photo
        for source in settings.data
        if isinstance(source, ShrunkSource) and source.side == "val"
        for photo in _compose(source, settings, shared_dir, work_dir)
    ]


def load_catalogue_photos(settings: TrainingSettings, shared_dir: Path) -> list[AnnotatedPhoto]:
    """Return the photos of the run's stored sources alone, the ones with a val part."""
    return [
        photo
        for source in settings.data
        if isinstance(source, CatalogueSource | VersionSource)
        for photo in _load_stored(source, shared_dir)
    ]
