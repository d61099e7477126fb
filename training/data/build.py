"""A labelled set of another tool, or one of the catalogue, to photos that a version can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from detection.domain.errors import InvalidInputError
from training.data.annotation import AnnotatedPhoto
from training.data.errors import LeakError, MissingLabelsError, MissingSplitError
from training.data.grouping import join_groups, name_group
from training.data.importers.coco import PER_SIDE, import_coco
from training.data.importers.imported import ClassNames, ImportedPhoto
from training.data.importers.label_studio import import_label_studio
from training.data.importers.voc import import_voc
from training.data.importers.yolo import import_yolo
from training.data.licences import PERMISSIVE
from training.data.near_duplicates import NearDuplicate, find_near_duplicates
from training.data.sources import IMAGE_SUFFIXES, read_facts, read_origin
from training.data.split import assign_split, check_sides

Format = Literal["yolo", "coco", "voc", "label-studio"]
SplitRule = Literal["given", "draw", "train"]
Unlabelled = Literal["refuse", "negative", "skip"]
FACTS_NAME = "sources.csv"


@dataclass(frozen=True, slots=True)
class BuildRules:
    """How a set is taken in.

    ``split``: the one given, a new one drawn by group, or all for training; None keeps a given
    one and draws where there is none. ``facts`` is a table with a column ``image`` and any of
    ``split``, ``group``, ``site``, ``flight``, ``source``, ``licence``, ``view``, ``surface``.
    """

    name: str
    split: SplitRule | None = None
    group_by: str | None = None
    val_fraction: float = 0.2
    seed: int = 0
    unlabelled: Unlabelled = "refuse"
    facts: Path | None = None
    source: str = ""
    licence: str = ""


def detect_format(source: Path) -> Format:
    """Return the format of a set by what lies there.

    Raises:
        InvalidInputError: it is none that is known.
    """
    if source.is_file() and source.suffix.lower() == ".json":
        return _format_of_json(source)
    if source.is_dir():
        if next(source.rglob("*.xml"), None):
            return "voc"
        if _list_json(source):
            return _format_of_json(_list_json(source)[0])
        if any(path.suffix.lower() in IMAGE_SUFFIXES for path in source.rglob("*")):
            return "yolo"
    message = f"{source} is no labelled set that is known here."
    raise InvalidInputError(message, remedy="Give --format yolo, coco, voc or label-studio.")


def _format_of_json(path: Path) -> Format:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read as JSON ({error})."
        raise InvalidInputError(message, remedy="Export the set anew.") from error
    return "label-studio" if isinstance(document, list) else "coco"


def _list_json(folder: Path) -> list[Path]:
    places = ("*.json", "annotations/*.json", f"*/{PER_SIDE}")
    return sorted({path for place in places for path in folder.glob(place)})


def _find_json(source: Path) -> list[Path]:
    found = _list_json(source) if source.is_dir() else [source]
    if not found:
        message = f"No JSON file of labels lies in {source}."
        raise InvalidInputError(message, remedy="Give the file itself as SOURCE.")
    return found


def import_set(
    source: Path,
    given_format: Format | None,
    images: Path | None,
    class_names: ClassNames,
    names: Sequence[str],
) -> list[ImportedPhoto]:
    """Return every photo of a set in one of the known formats.

    Raises:
        InvalidInputError: a photo, label, class or list cannot be used, by name.
    """
    match given_format or detect_format(source):
        case "yolo":
            return import_yolo(source, class_names, names)
        case "voc":
            return import_voc(source, images, class_names)
        case "coco":
            return import_coco(_find_json(source), images, class_names)
        case "label-studio":
            return [
                photo
                for path in _find_json(source)
                for photo in import_label_studio(path, images, class_names)
            ]


def prepare_photos(imported: Sequence[ImportedPhoto], rules: BuildRules) -> list[AnnotatedPhoto]:
    """Return the photos with group, split and origin.

    Raises:
        MissingLabelsError: a photo was not labelled and nobody said what that means.
        MissingSplitError: a side of the split is missing.
        LeakError: the given split has the same picture or group on two sides.
        InvalidInputError: a rule does not fit the set.
    """
    kept = _choose_labelled(imported, rules.unlabelled)
    facts = read_facts(rules.facts) if rules.facts else {}
    photos = [_describe(photo, facts.get(Path(photo.name).name, {}), rules) for photo in kept]
    pairs = find_near_duplicates(photos)
    photos = join_groups(photos, pairs)
    if rules.split == "train":
        return [replace(photo, split="train") for photo in photos]
    unplaced = [photo.name for photo in photos if not photo.split]
    if rules.split == "draw" or (rules.split is None and len(unplaced) == len(photos)):
        sides = assign_split(
            (photo.group for photo in photos), val_fraction=rules.val_fraction, seed=rules.seed
        )
        photos = [replace(photo, split=sides[photo.group]) for photo in photos]
    elif unplaced:
        message = f"{len(unplaced)} photos have no side of the split, such as {unplaced[0]}."
        raise MissingSplitError(message, remedy="List them, or draw the split: --split draw.")
    check_sides(photos)
    check_leaks(photos, pairs)
    return photos


def _choose_labelled(imported: Sequence[ImportedPhoto], rule: Unlabelled) -> list[ImportedPhoto]:
    missing = [photo.name for photo in imported if not photo.labelled]
    if missing and rule == "refuse":
        message = f"{len(missing)} photos have no labels, such as {missing[0]}."
        remedy = "Say what that means: --unlabelled negative (they show nothing) or skip."
        raise MissingLabelsError(message, remedy=remedy)
    kept = [photo for photo in imported if photo.labelled or rule == "negative"]
    if not kept:
        message = "No photo of the set is labelled."
        raise MissingLabelsError(message, remedy="Check the folder of labels.")
    return kept


def _describe(photo: ImportedPhoto, facts: Mapping[str, str], rules: BuildRules) -> AnnotatedPhoto:
    origin = read_origin(facts, {})
    if not origin.source:
        origin = replace(origin, source=rules.source)
    if not origin.licence:
        origin = replace(origin, licence=rules.licence, permissive=rules.licence in PERMISSIVE)
    rule = rules.group_by or ("column:group" if facts.get("group") else "photo")
    return AnnotatedPhoto(
        name=photo.name.replace("/", "--"),
        path=photo.path,
        width_px=photo.size_px[0],
        height_px=photo.size_px[1],
        split=facts.get("split") or photo.split,
        group=name_group(rule, photo.name, facts),
        dataset=rules.name,
        annotations=photo.annotations,
        origin=origin,
    )


def check_leaks(photos: Sequence[AnnotatedPhoto], pairs: Sequence[NearDuplicate]) -> None:
    """Refuse a split with one group, or one picture, on two sides.

    Raises:
        LeakError: it has; both photos are named.
    """
    first: dict[str, AnnotatedPhoto] = {}
    for photo in photos:
        other = first.setdefault(photo.group, photo)
        if other.split != photo.split:
            same = any({p.first.name, p.second.name} == {photo.name, other.name} for p in pairs)
            said = "are the same picture" if same else f"are of one group ({photo.group})"
            message = f"{photo.name} ({photo.split}) and {other.name} ({other.split}) {said}."
            raise LeakError(message, remedy="Draw the split by group: --split draw.")
