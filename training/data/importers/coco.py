"""COCO sets: one JSON a side of the split, images in a folder.

An image without an annotation is a negative, as COCO has it. Masks in run-length form are
refused, and so are rows with a score: predictions are no labels.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from detection.coco import bbox_xyxy_from_xywh
from detection.domain.hazard import HazardClass
from training.data.annotation import Annotation
from training.data.errors import MalformedLabelError
from training.data.following import follow
from training.data.importers.imported import (
    ClassNames,
    ImportedPhoto,
    annotation_from_box,
    annotation_from_ring,
    check_name,
    import_photo,
    side_from_words,
)
from training.data.importers.rings import join_rings

Row = Mapping[str, Any]
PER_SIDE = "_annotations.coco.json"
"""Name of the file in each folder of a side, as one export tool writes it."""


def import_coco(
    files: Sequence[Path], images: Path | None, class_names: ClassNames
) -> list[ImportedPhoto]:
    """Return every photo of COCO files; images lie in ``images``, else beside the file.

    Raises:
        InvalidInputError: a file, photo, label or class cannot be used, by name.
    """
    return [photo for path in files for photo in _import_file(path, images, class_names)]


def _import_file(path: Path, images: Path | None, class_names: ClassNames) -> list[ImportedPhoto]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        classes = {
            row["id"]: class_names.find(str(row["name"]), str(path))
            for row in document["categories"]
        }
        rows: dict[object, list[Row]] = defaultdict(list)
        for row in document["annotations"]:
            rows[row["image_id"]].append(row)
        names = {
            row["id"]: check_name(str(row["file_name"]), str(path)) for row in document["images"]
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        message = f"{path} cannot be read as a COCO set ({error!r})."
        raise MalformedLabelError(
            message, remedy="Give images, categories, annotations."
        ) from error
    lost = [image_id for image_id in rows if image_id not in names]
    if lost:
        message = f"{path} labels image {lost[0]}, which it does not list."
        raise MalformedLabelError(message, remedy="Export the set anew.")
    if len(names) < len(document["images"]):
        message = f"{path} gives one id to two images."
        raise MalformedLabelError(message, remedy="Export the set anew.")
    words = re.split(r"[^A-Za-z]+", path.stem)
    split = side_from_words([*words, path.parent.name] if path.name == PER_SIDE else words)
    return [
        import_photo(
            name,
            _find_image(name, path, images),
            split=split or side_from_words(Path(name).parts[:-1]),
            read_labels=partial(_read_rows, rows[image_id], classes, f"{path}: {name}"),
            where=f"{path}: {name}",
        )
        for image_id, name in follow(names.items(), "Reading photos")
    ]


def _find_image(name: str, path: Path, images: Path | None) -> Path:
    """Return the image of a row: in the given folder, beside the JSON, or in ``images`` there."""
    roots = [images] if images else [path.parent, path.parent / "images"]
    roots += [] if images else [path.parent.parent / "images", path.parent.parent / path.stem]
    return next((root / name for root in roots if (root / name).is_file()), roots[0] / name)


def _read_rows(
    rows: Sequence[Row],
    classes: Mapping[object, HazardClass],
    where: str,
    size_px: tuple[int, int],
) -> tuple[Annotation, ...]:
    try:
        return tuple(_read_row(row, classes, where, size_px) for row in rows)
    except (LookupError, TypeError, ValueError) as error:
        message = f"{where} has an annotation that is none of COCO ({error!r})."
        raise MalformedLabelError(message, remedy="Export the set anew.") from error


def _read_row(
    row: Row, classes: Mapping[object, HazardClass], where: str, size_px: tuple[int, int]
) -> Annotation:
    outline = row.get("segmentation")
    if "score" in row:
        message = f"{where} has a score: these are predictions, not labels."
        raise MalformedLabelError(message, remedy="Export what people labelled.")
    if row.get("iscrowd") or isinstance(outline, dict):
        message = f"{where} has a mask in run-length form."
        raise MalformedLabelError(message, remedy="Export the outlines as polygons.")
    hazard_class = classes[row["category_id"]]
    if not outline:
        box = bbox_xyxy_from_xywh(float(value) for value in row["bbox"])
        return annotation_from_box(hazard_class, box, size_px, where)
    rings = [_pair_up(numbers) for numbers in outline]
    return annotation_from_ring(hazard_class, join_rings(rings), size_px, where)


def _pair_up(numbers: Sequence[float]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
