"""Photos with what people decided on them, gathered from one or several exports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detection.domain.geometry import BBox, Polygon, compute_iou
from detection.domain.hazard import HazardClass
from training.data.decisions_file import (
    DecisionsFile,
    LabelRow,
    PhotoRow,
    UndecidedRow,
    load_decisions_file,
)
from training.data.errors import DamagedDecisionsError, MissingPhotoError
from training.data.following import follow
from training.data.label_checks import check_inside
from training.data.manifest import hash_bytes
from training.data.sources import read_header

SAME_THING_IOU = 0.5
"""Boxes of one kind of thing that overlap by this much are one thing, seen twice."""

DISAGREE = "flights_disagree"
_REMEDY = "Export the decisions anew: hazardlens decisions export."


@dataclass(frozen=True, slots=True)
class DecidedLabel:
    """One thing that people say is there, or (``rejected``) is not; ``said`` is where they do."""

    hazard_class: HazardClass
    is_there: bool
    box: BBox
    rings: tuple[Polygon, ...]
    said: LabelRow


@dataclass(frozen=True, slots=True)
class UndecidedBox:
    """A box of which nothing may be concluded, and why."""

    hazard_class: HazardClass
    box: BBox
    why: str


@dataclass(frozen=True, slots=True)
class DecidedPhoto:
    """A photo with what was decided on it; ``flights`` are those that it belongs to.

    ``places`` are the places of its things. ``searched_for`` are the classes for which a person
    looked through the whole photo: of these, everything that is there is among the labels.
    """

    path: Path
    facts: PhotoRow
    flights: tuple[str, ...]
    labels: tuple[DecidedLabel, ...] = ()
    undecided: tuple[UndecidedBox, ...] = ()
    searched_for: frozenset[HazardClass] = frozenset()

    @property
    def places(self) -> frozenset[str]:
        """Return the places of the things that it shows, as the service names them."""
        return frozenset(label.said.place_key for label in self.labels if label.said.place_key)


def read_decisions(folders: Sequence[Path]) -> list[DecidedPhoto]:
    """Return the photos of exported folders, each once, in the order of their hashes.

    Of a photo of one flight that several folders hold the newest export counts; what different
    flights say of the same file is put together, and where they contradict each other the place
    becomes undecided.

    Raises:
        InvalidInputError: a list, photo or label cannot be used; it is named.
    """
    files = sorted(
        ((load_decisions_file(folder), folder) for folder in folders),
        key=lambda item: item[0].exported_at,
    )
    newest: dict[tuple[str, str], DecidedPhoto] = {}
    for file, folder in files:
        for photo in _photos_of(file, folder):
            newest[photo.flights[0], photo.facts.sha256] = photo
    same: dict[str, list[DecidedPhoto]] = defaultdict(list)
    for (_, sha256), photo in sorted(newest.items()):
        same[sha256].append(photo)
    return [_join(photos) for _, photos in sorted(same.items())]


def name_flight(file: DecisionsFile, row: PhotoRow) -> str:
    """Return a name of a flight that no other flight has, in this service or another."""
    return f"{file.site or ''}/{row.flight.id}/{row.flight.name}"


def _photos_of(file: DecisionsFile, folder: Path) -> list[DecidedPhoto]:
    labels: dict[tuple[str, int], list[LabelRow]] = defaultdict(list)
    undecided: dict[tuple[str, int], list[UndecidedRow]] = defaultdict(list)
    searched: dict[tuple[str, int], set[HazardClass]] = defaultdict(set)
    for label in file.labels:
        labels[label.photo_sha256, label.flight_id].append(label)
    for box in file.undecided:
        undecided[box.photo_sha256, box.flight_id].append(box)
    for item in file.reviewed_photos:
        searched[item.photo_sha256, item.flight_id].update(item.classes)
    keys = {(row.sha256, row.flight.id) for row in file.photos}
    _check_named(keys, [*labels, *undecided, *searched], folder)
    found = []
    for row in follow(file.photos, "Reading decisions"):
        key = (row.sha256, row.flight.id)
        found.append(
            DecidedPhoto(
                path=_check_photo(row, folder),
                facts=row,
                flights=(name_flight(file, row),),
                labels=tuple(_decided_label(label, row) for label in labels[key]),
                undecided=tuple(
                    UndecidedBox(item.hazard_class, _fit_box(item.bbox_xyxy, row), item.why)
                    for item in undecided[key]
                ),
                searched_for=frozenset(searched[key]),
            )
        )
    return found


def _check_named(
    known: set[tuple[str, int]], named: Iterable[tuple[str, int]], folder: Path
) -> None:
    foreign = sorted(set(named) - known)
    if foreign:
        sha256, flight = foreign[0]
        message = (
            f"{folder} has labels of photo {sha256[:12]} of flight {flight}, but no such photo."
        )
        raise DamagedDecisionsError(message, remedy=_REMEDY)


def _check_photo(row: PhotoRow, folder: Path) -> Path:
    """Return the file of a photo, which lies below the folder and is the one that is named."""
    path = folder / row.file
    if not path.resolve().is_relative_to(folder.resolve()):
        message = f"{folder} names a photo outside itself: {row.file}."
        raise DamagedDecisionsError(message, remedy=_REMEDY)
    if not path.is_file():
        message = f"The photo {row.file} of flight {row.flight.name} is not in {folder}."
        raise MissingPhotoError(message, remedy="Copy the folder whole, or export it anew.")
    if hash_bytes(path) != row.file_sha256:
        message = f"{path} is not the photo that was exported: its bytes were changed."
        raise DamagedDecisionsError(message, remedy=_REMEDY)
    header = read_header(path, dataset="", split="", group="")
    if (header.width_px, header.height_px) != (row.width_px, row.height_px):
        message = f"{path} has {header.width_px} x {header.height_px} px, its boxes count from "
        message += f"{row.width_px} x {row.height_px}."
        raise DamagedDecisionsError(message, remedy=_REMEDY)
    return path


def _decided_label(label: LabelRow, row: PhotoRow) -> DecidedLabel:
    limits = (float(row.width_px), float(row.height_px))
    rings = tuple(
        tuple((min(max(x, 0.0), limits[0]), min(max(y, 0.0), limits[1])) for x, y in ring)
        for ring in label.outline or ()
    )
    box = _fit_box(label.bbox_xyxy, row)
    return DecidedLabel(label.hazard_class, label.verdict == "confirmed", box, rings, label)


def _fit_box(xyxy: tuple[float, float, float, float], row: PhotoRow) -> BBox:
    """Return a box clipped to its photo.

    Raises:
        LabelOutsideError: it lies outside by more than a hasty hand.
        DamagedDecisionsError: its corners are the wrong way round.
    """
    box = BBox(*xyxy)
    where = f"A box of photo {row.sha256[:12]} of flight {row.flight.name}, {xyxy},"
    if not (box.x_min < box.x_max and box.y_min < box.y_max):
        message = f"{where} has no area."
        raise DamagedDecisionsError(message, remedy=_REMEDY)
    check_inside(box, (row.width_px, row.height_px), where)
    return box.clip(row.width_px, row.height_px)


def _join(photos: Sequence[DecidedPhoto]) -> DecidedPhoto:
    """Return what several flights say of one file, as one photo."""
    first = photos[0]
    if len(photos) == 1:
        return first
    labels = [label for photo in photos for label in photo.labels]
    contradicted = [label for label in labels if _is_contradicted(label, labels)]
    kept = [label for label in labels if label not in contradicted]
    boxes = [item for photo in photos for item in photo.undecided]
    boxes += [
        UndecidedBox(item.hazard_class, item.box, "flights_disagree") for item in contradicted
    ]
    return replace(
        first,
        flights=tuple(sorted({flight for photo in photos for flight in photo.flights})),
        labels=tuple(_drop_repeated(kept)),
        undecided=tuple(item for item in boxes if not _is_decided(item, kept)),
        searched_for=frozenset().union(*(photo.searched_for for photo in photos)),
    )


def _is_contradicted(label: DecidedLabel, labels: Iterable[DecidedLabel]) -> bool:
    return any(
        other.is_there != label.is_there
        and other.hazard_class is label.hazard_class
        and is_same_box(other.box, label.box)
        for other in labels
    )


def _is_decided(item: UndecidedBox, labels: Iterable[DecidedLabel]) -> bool:
    return any(
        label.hazard_class.thing == item.hazard_class.thing and is_same_box(label.box, item.box)
        for label in labels
    )


def _drop_repeated(labels: Sequence[DecidedLabel]) -> list[DecidedLabel]:
    kept: list[DecidedLabel] = []
    for label in labels:
        if not any(
            other.hazard_class is label.hazard_class and is_same_box(other.box, label.box)
            for other in kept
        ):
            kept.append(label)
    return kept


def is_same_box(first: BBox, second: BBox) -> bool:
    """Whether two boxes of one kind of thing are one thing."""
    pair = [np.array([box.xyxy], dtype=np.float64) for box in (first, second)]
    return bool(compute_iou(*pair)[0, 0] >= SAME_THING_IOU)


def count_verdicts(photos: Iterable[DecidedPhoto]) -> Mapping[str, int]:
    """Return how much was decided, for messages: photos, confirmed, rejected, undecided."""
    photos = list(photos)
    labels = [label for photo in photos for label in photo.labels]
    return {
        "photos": len(photos),
        "confirmed": sum(label.is_there for label in labels),
        "rejected": sum(not label.is_there for label in labels),
        "undecided": sum(len(photo.undecided) for photo in photos),
    }
