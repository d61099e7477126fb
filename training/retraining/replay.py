"""What the model in force was trained on, as far as it can be shown again here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from detection.domain.errors import HazardLensError
from training.composed_settings import FlightNegatives, FlightPart
from training.data.annotation import AnnotatedPhoto
from training.data.collect import load_catalogue_photos
from training.data.manifest import hash_bytes
from training.data.mined import find_mining_model
from training.data.negatives import list_flight
from training.data.sources import read_catalogue
from training.data.versions import find_version
from training.promotion.shipped_manifest import name_source
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


@dataclass(frozen=True, slots=True)
class Replay:
    """The sources that are shown again, and the names of those that are not in reach."""

    sources: tuple[DataSource, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def stored(self) -> tuple[CatalogueSource | VersionSource, ...]:
        """The sources with sides of their own: what was held out there stays held out."""
        return tuple(
            item for item in self.sources if isinstance(item, CatalogueSource | VersionSource)
        )


def find_replay(
    settings: TrainingSettings, shared_dir: Path | None, kinds: Iterable[str]
) -> Replay:
    """Return what of the sources of a configuration is in reach, of the given kinds."""
    wanted = set(kinds)
    named = [(source, name_source(source)) for source in settings.data]
    asked = [(source, name) for source, name in named if name.partition(":")[0] in wanted]
    found = tuple(source for source, _ in asked if is_in_reach(source, settings, shared_dir))
    return Replay(found, tuple(name for source, name in asked if source not in found))


def load_stored(
    replay: Replay, settings: TrainingSettings, shared_dir: Path | None
) -> list[AnnotatedPhoto]:
    """Return the labelled photos of the sources that have sides of their own.

    Raises:
        InvalidInputError: one of them is damaged.
    """
    if not replay.stored:
        return []
    alone = settings.model_copy(update={"data": replay.stored})
    return load_catalogue_photos(alone, shared_dir or REPOSITORY_DIR)


def is_in_reach(source: DataSource, settings: TrainingSettings, shared_dir: Path | None) -> bool:
    """Return whether the files of a source are here."""
    if isinstance(source, RenderedSource):
        return True
    if isinstance(source, VersionSource):
        return _can(lambda: find_version(source.version, VERSIONS_DIR))
    if isinstance(source, FolderSource):
        return (REPOSITORY_DIR / source.folder).is_dir()
    return shared_dir is not None and _is_shared(source, settings, shared_dir)


def _is_shared(source: DataSource, settings: TrainingSettings, shared_dir: Path) -> bool:
    if isinstance(source, CatalogueSource):
        return (shared_dir / read_catalogue(source.dataset).path).is_dir()
    if not isinstance(source, FlightNegatives) or not (shared_dir / source.flight).is_dir():
        return False
    mined = source.mined_with
    return mined is None or _can(lambda: find_mining_model(mined, settings.classes, REPOSITORY_DIR))


def hash_trained_flights(settings: TrainingSettings, shared_dir: Path | None) -> frozenset[str]:
    """Return the hashes of the photos of flights that a configuration trains on and that are here.

    Whoever flew them may have decided on them too: they can teach, but not judge.
    """
    if shared_dir is None:
        return frozenset()
    return frozenset(
        hash_bytes(photo.path)
        for part in settings.trained_flights()
        if (shared_dir / part.flight).is_dir()
        for photo in list_flight(
            shared_dir / part.flight, dataset="", split="train", photos=part.photos
        )
    )


def _can(find: Callable[[], object]) -> bool:
    try:
        find()
    except HazardLensError:
        return False
    return True


def find_flights(flights: Iterable[FlightPart], shared_dir: Path | None) -> tuple[FlightPart, ...]:
    """Return the flights that are here."""
    if shared_dir is None:
        return ()
    return tuple(part for part in flights if (shared_dir / part.flight).is_dir())
