"""The sources that a run names, gathered into one list of annotated photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from detection.domain.errors import ConfigurationError
from training.data.annotation import AnnotatedPhoto
from training.data.negatives import cut_negatives
from training.data.sources import load_dataset, load_yolo_folder, read_catalogue
from training.data.split import check_split
from training.settings import (
    REPOSITORY_DIR,
    CatalogueSource,
    DataSource,
    FlightNegatives,
    FolderSource,
    RenderedSource,
    TrainingSettings,
)
from training.synthetic.training_set import CLASSES, render_training_set


def collect_photos(
    settings: TrainingSettings, shared_dir: Path, work_dir: Path
) -> list[AnnotatedPhoto]:
    """Return the photos of every source of a run; rendered and cut ones are made in ``work_dir``.

    Raises:
        ConfigurationError: the data shows a class that the run does not learn.
        InvalidInputError: a source is missing or damaged, or the split parts a group.
    """
    photos = [photo for source in settings.data for photo in _load(source, shared_dir, work_dir)]
    shown = {item.hazard_class for photo in photos for item in photo.annotations}
    foreign = sorted(shown - set(settings.classes))
    if foreign:
        message = f"The data shows classes that {settings.name} does not learn: {foreign}."
        raise ConfigurationError(message, remedy="Add them to classes or drop the data set.")
    check_split(photos)
    return photos


def _load(source: DataSource, shared_dir: Path, work_dir: Path) -> list[AnnotatedPhoto]:
    if isinstance(source, CatalogueSource):
        return load_dataset(read_catalogue(source.dataset), shared_dir)
    if isinstance(source, FlightNegatives):
        return cut_negatives(
            shared_dir / source.flight,
            work_dir / source.negatives,
            dataset=source.negatives,
            tile_px=source.tile_px,
            every=source.every,
        )
    if isinstance(source, FolderSource):
        folder = REPOSITORY_DIR / source.folder
        return load_yolo_folder(folder, source.class_map, dataset=source.name, split="train")
    return _render(source, work_dir)


def _render(source: RenderedSource, work_dir: Path) -> list[AnnotatedPhoto]:
    name = f"rendered_{source.rendered}"
    folder = work_dir / f"{name}_{source.first_seed}"
    render_training_set(
        folder,
        task=source.rendered,
        seeds=range(source.first_seed, source.first_seed + source.scenes),
        photos_per_seed=source.photos_per_scene,
    )
    classes = dict(enumerate(CLASSES[source.rendered]))
    photos = load_yolo_folder(folder, classes, dataset=name, split="train")
    return [replace(photo, annotations=()) for photo in photos] if source.as_negatives else photos


def load_catalogue_photos(settings: TrainingSettings, shared_dir: Path) -> list[AnnotatedPhoto]:
    """Return the photos of the run's catalogue sources alone, the ones with a val part."""
    return [
        photo
        for source in settings.data
        if isinstance(source, CatalogueSource)
        for photo in load_dataset(read_catalogue(source.dataset), shared_dir)
    ]
