"""Pascal VOC sets: one XML a photo, boxes; the split of ``ImageSets/Main`` where there is one.

Coordinates are taken as they stand. Tools disagree whether VOC counts pixels from 0 or 1; a box
may be one pixel off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from training.data.annotation import Annotation
from training.data.errors import MalformedLabelError, MissingSplitError
from training.data.following import follow
from training.data.importers.imported import (
    SIDES,
    ClassNames,
    ImportedPhoto,
    annotation_from_box,
    check_listed,
    import_photo,
    list_images,
    name_in,
    read_list,
    side_from_words,
)

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def import_voc(folder: Path, images: Path | None, class_names: ClassNames) -> list[ImportedPhoto]:
    """Return every photo of a VOC set; one without an XML was not labelled.

    Raises:
        InvalidInputError: a photo, label, class or list cannot be used, by name.
    """
    root = images or folder
    labels = _list_labels(folder)
    photos = list_images(root)
    unclaimed = sorted(set(labels) - {path.stem for path in photos})
    if unclaimed:
        message = f"{labels[unclaimed[0]]} labels a photo that is not there."
        raise InvalidInputError(message, remedy="Restore the photo, or give --images DIR.")
    _check_stems(photos, labels)
    sides = _read_sides(folder)
    check_listed(sides, (path.stem for path in photos), str(folder / "ImageSets"))
    found = []
    for path in follow(photos, "Reading photos"):
        name, label = name_in(root, path), labels.get(path.stem)
        found.append(
            import_photo(
                name,
                path,
                split=sides.get(path.stem) or side_from_words(Path(name).parts[:-1]),
                read_labels=partial(_read_xml, label, class_names) if label else None,
                where=str(label or path),
            )
        )
    return found


def _check_stems(photos: Sequence[Path], labels: Mapping[str, Path]) -> None:
    first: dict[str, Path] = {}
    for path in photos:
        if first.setdefault(path.stem, path) != path and path.stem in labels:
            message = f"{labels[path.stem]} may label {first[path.stem]} or {path}."
            raise MalformedLabelError(message, remedy="Keep one of them, or rename it.")


def _list_labels(folder: Path) -> dict[str, Path]:
    labels: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.xml")):
        if labels.setdefault(path.stem, path) != path:
            message = f"{path} and {labels[path.stem]} label the same photo."
            raise MalformedLabelError(message, remedy="Keep one of them.")
    return labels


def _read_sides(folder: Path) -> dict[str, str]:
    sides: dict[str, str] = {}
    for path in sorted((folder / "ImageSets" / "Main").glob("*.txt")):
        if path.stem in SIDES:
            for line in read_list(path):
                stem = line.split()[0]
                if sides.setdefault(stem, SIDES[path.stem]) != SIDES[path.stem]:
                    message = f"{stem} is on two sides of the split of {folder}."
                    raise MissingSplitError(message, remedy="List each photo once.")
    return sides


def _read_xml(
    path: Path, class_names: ClassNames, size_px: tuple[int, int]
) -> tuple[Annotation, ...]:
    try:
        root: Element | None = parse(path).getroot()
        if root is None or root.tag != "annotation":
            message = "no annotation"
            raise ValueError(message)  # noqa: TRY301  # one message for all that is no VOC
        return tuple(_read_object(item, path, class_names, size_px) for item in root.iter("object"))
    except (OSError, ParseError, DefusedXmlException, ValueError, LookupError) as error:
        message = f"{path} cannot be read as Pascal VOC ({error!r})."
        raise MalformedLabelError(message, remedy="Export the set anew.") from error


def _read_object(
    item: Element, path: Path, class_names: ClassNames, size_px: tuple[int, int]
) -> Annotation:
    texts: Mapping[str, str] = {
        corner: item.findtext(f"bndbox/{corner}", "") for corner in _CORNERS
    }
    box = BBox(*(float(texts[corner]) for corner in _CORNERS))
    name = item.findtext("name", "").strip()
    return annotation_from_box(class_names.find(name, str(path)), box, size_px, str(path))
