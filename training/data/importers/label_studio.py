"""Label Studio exports (JSON): rectangles and polygons that people confirmed.

Predictions are never labels. A task that nobody finished was not labelled; one that two people
finished must say which of them is the ground truth. Brush masks are refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from training.data.annotation import Annotation
from training.data.errors import ClassConflictError, MalformedLabelError
from training.data.following import follow
from training.data.importers.imported import (
    ClassNames,
    ImportedPhoto,
    LabelReader,
    annotation_from_box,
    annotation_from_ring,
    check_name,
    import_photo,
)

Row = Mapping[str, Any]
_PHOTO_KEYS = ("image", "photo", "img", "url")
_READ = ("rectanglelabels", "polygonlabels")
_IGNORED = ("choices", "textarea", "rating", "labels")
_UPLOAD_PREFIX = 9  # of an uploaded file's name: eight hex digits and a hyphen


def import_label_studio(
    path: Path, images: Path | None, class_names: ClassNames
) -> list[ImportedPhoto]:
    """Return every photo of an export; images are found by name in ``images``, else beside it.

    Raises:
        InvalidInputError: the file, a photo, a label or a class cannot be used, by name.
    """
    folder = images or path.parent
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
        return [
            _import_task(task, path, folder, class_names)
            for task in follow(tasks, "Reading photos")
        ]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        message = f"{path} cannot be read as a Label Studio export ({error!r})."
        raise MalformedLabelError(message, remedy="Export as JSON, not JSON-MIN.") from error


def _import_task(task: Row, path: Path, folder: Path, class_names: ClassNames) -> ImportedPhoto:
    references = [str(task["data"][key]) for key in _PHOTO_KEYS if key in task["data"]]
    if not references:
        message = f"{path}: task {task.get('id', '')} names no photo."
        raise MalformedLabelError(message, remedy=f"Its data must have {', '.join(_PHOTO_KEYS)}.")
    image = _find_image(references[0], folder, str(path))
    where = f"{path}: task {task.get('id', image.name)}"
    result = _choose_result(task["annotations"], where)
    reader: LabelReader | None = None
    if result is not None:
        reader = partial(_read_result, result, class_names, where)
    return import_photo(image.name, image, split="", read_labels=reader, where=where)


def _find_image(reference: str, folder: Path, where: str) -> Path:
    """Return the file that a task's address means: local files, uploads, or a plain path."""
    parts = urlsplit(reference)
    given = parse_qs(parts.query).get("d", [unquote(parts.path)])[0].lstrip("/")
    check_name(given, where)
    name = PurePosixPath(given).name
    for candidate in (folder / given, folder / name, folder / name[_UPLOAD_PREFIX:]):
        if candidate.is_file():
            return candidate
    message = f"The photo {name} of a task is not in {folder}."
    raise InvalidInputError(message, remedy="Give the folder of the photos: --images DIR.")


def _choose_result(annotations: Sequence[Row], where: str) -> Sequence[Row] | None:
    done = [row for row in annotations if not row.get("was_cancelled")]
    truth = [row for row in done if row.get("ground_truth")] or done
    if len(truth) > 1:
        message = f"{where} was labelled {len(truth)} times."
        raise ClassConflictError(message, remedy="Mark one of them as ground truth.")
    return truth[0]["result"] if truth else None


def _read_result(
    result: Sequence[Row], class_names: ClassNames, where: str, size_px: tuple[int, int]
) -> tuple[Annotation, ...]:
    return tuple(
        _read_region(region, class_names, where, size_px)
        for region in result
        if region["type"] not in _IGNORED
    )


def _read_region(
    region: Row, class_names: ClassNames, where: str, size_px: tuple[int, int]
) -> Annotation:
    kind, value = region["type"], region["value"]
    if kind not in _READ:
        message = f"{where} holds {kind}, which has no box or outline."
        raise MalformedLabelError(message, remedy="Use RectangleLabels or PolygonLabels.")
    names = value[kind]
    if len(names) != 1:
        message = f"{where} gives one region the classes {names}."
        raise ClassConflictError(message, remedy="Keep the one that is right.")
    hazard_class = class_names.find(names[0], where)
    width_px, height_px = size_px
    if kind == "polygonlabels":
        ring = [(x * width_px / 100, y * height_px / 100) for x, y in value["points"]]
        return annotation_from_ring(hazard_class, ring, size_px, where)
    return annotation_from_box(hazard_class, _bound_rectangle(value, size_px), size_px, where)


def _bound_rectangle(value: Row, size_px: tuple[int, int]) -> BBox:
    """Return the box around a rectangle given in percent, turned about its first corner."""
    left, top = value["x"] * size_px[0] / 100, value["y"] * size_px[1] / 100
    width, height = value["width"] * size_px[0] / 100, value["height"] * size_px[1] / 100
    angle = math.radians(value.get("rotation", 0.0))
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [
        (left + x * cos - y * sin, top + x * sin + y * cos)
        for x, y in ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    ]
    xs, ys = zip(*corners, strict=True)
    return BBox(min(xs), min(ys), max(xs), max(ys))
