"""COCO files: the interchange format between rooms. The only place where ``bbox_xywh`` exists.

One document holds images, categories (the taxonomy's keys, numbered in a fixed order) and
annotations; a detection's score, model and weights hash travel with its annotation. pycocotools
loads the file as a data set, ``COCO(path)``, and its ``annotations`` as results, ``loadRes(list)``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from detection.domain.errors import InvalidInputError
from detection.domain.finding import Detection
from detection.domain.geometry import BBox, Polygon, compute_polygon_area
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo

_CATEGORY_IDS = {hazard_class: index for index, hazard_class in enumerate(HazardClass, start=1)}
_REMEDY = "Give a COCO file written by `hazardlens detect`."


class CocoImageRow(TypedDict):
    """One row of ``images``; ``file_name`` is the photo id."""

    id: int
    file_name: str
    width: int
    height: int
    sha256: str


class CocoCategoryRow(TypedDict):
    """One row of ``categories``; ``name`` is the class key, ``supercategory`` the thing."""

    id: int
    name: str
    supercategory: str


class CocoAnnotationRow(TypedDict):
    """One row of ``annotations``; ``bbox`` is x, y, width, height in pixels.

    ``segmentation`` holds the rings of an outline, each flat as x, y, x, y…; ``area`` is theirs,
    or that of the box where there is no outline.
    """

    id: int
    image_id: int
    category_id: int
    bbox: list[float]
    segmentation: NotRequired[list[list[float]]]
    area: float
    iscrowd: int
    score: float
    model_name: str
    weights_sha256: str


class CocoDocument(TypedDict):
    """The whole file."""

    info: dict[str, str]
    images: list[CocoImageRow]
    categories: list[CocoCategoryRow]
    annotations: list[CocoAnnotationRow]


@dataclass(frozen=True, slots=True)
class CocoImage:
    """A photo as a COCO file knows it."""

    photo_id: str
    width_px: int
    height_px: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CocoResults:
    """What a COCO file holds, in our words."""

    info: Mapping[str, str]
    images: tuple[CocoImage, ...]
    detections: tuple[Detection, ...]


def bbox_xywh_from_xyxy(box: BBox) -> list[float]:
    """Return COCO's x, y, width, height in pixels."""
    return [box.x_min, box.y_min, box.width_px, box.height_px]


def bbox_xyxy_from_xywh(bbox_xywh: Iterable[float]) -> BBox:
    """Return the box of COCO's x, y, width, height in pixels."""
    x, y, width, height = bbox_xywh
    return BBox(x, y, x + width, y + height)


def build_coco_document(
    photos: Iterable[Photo | CocoImage],
    detections: Iterable[Detection],
    info: Mapping[str, str] | None = None,
) -> CocoDocument:
    """Return the document, images in the order of ``photos``.

    Raises:
        KeyError: a detection names a photo that is not among ``photos``.
    """
    images: list[CocoImageRow] = [
        {
            "id": index,
            "file_name": photo.photo_id,
            "width": photo.width_px,
            "height": photo.height_px,
            "sha256": photo.sha256,
        }
        for index, photo in enumerate(photos, start=1)
    ]
    image_ids = {row["file_name"]: row["id"] for row in images}
    return {
        "info": dict(info or {}),
        "images": images,
        "categories": [
            {"id": number, "name": key.value, "supercategory": key.thing}
            for key, number in _CATEGORY_IDS.items()
        ],
        "annotations": [
            _annotation_from_detection(number, image_ids[detection.photo_id], detection)
            for number, detection in enumerate(detections, start=1)
        ],
    }


def _annotation_from_detection(
    number: int, image_id: int, detection: Detection
) -> CocoAnnotationRow:
    row: CocoAnnotationRow = {
        "id": number,
        "image_id": image_id,
        "category_id": _CATEGORY_IDS[detection.hazard_class],
        "bbox": bbox_xywh_from_xyxy(detection.bbox_xyxy),
        "area": detection.bbox_xyxy.area_px,
        "iscrowd": 0,
        "score": detection.score,
        "model_name": detection.model_name,
        "weights_sha256": detection.weights_sha256,
    }
    if detection.polygons:
        row["segmentation"] = [
            [side for corner in polygon for side in corner] for polygon in detection.polygons
        ]
        row["area"] = sum(compute_polygon_area(polygon) for polygon in detection.polygons)
    return row


def write_coco_results(
    path: Path,
    photos: Iterable[Photo | CocoImage],
    detections: Iterable[Detection],
    info: Mapping[str, str] | None = None,
) -> None:
    """Write the document to ``path`` as UTF-8; a reader never sees half a file."""
    document = build_coco_document(photos, detections, info)
    partial = path.with_name(f"{path.name}.part")
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)


def read_coco_results(path: Path) -> CocoResults:
    """Read what `write_coco_results` wrote.

    Categories are matched by name, so that files with other numbers can be read.

    Raises:
        InvalidInputError: the file cannot be read, is no COCO results file, or names a class
            that the taxonomy does not know.
    """
    try:
        document: CocoDocument = json.loads(path.read_text(encoding="utf-8"))
        classes = {row["id"]: HazardClass(row["name"]) for row in document["categories"]}
        images = {row["id"]: _image_from_row(row) for row in document["images"]}
        return CocoResults(
            info=document.get("info", {}),
            images=tuple(images.values()),
            detections=tuple(
                _detection_from_annotation(row, images, classes) for row in document["annotations"]
            ),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        message = f"{path} cannot be read as COCO results: {error!r}."
        raise InvalidInputError(message, remedy=_REMEDY) from error


def _image_from_row(row: CocoImageRow) -> CocoImage:
    return CocoImage(row["file_name"], row["width"], row["height"], row["sha256"])


def _detection_from_annotation(
    row: CocoAnnotationRow,
    images: Mapping[int, CocoImage],
    classes: Mapping[int, HazardClass],
) -> Detection:
    return Detection(
        photo_id=images[row["image_id"]].photo_id,
        hazard_class=classes[row["category_id"]],
        score=float(row["score"]),
        bbox_xyxy=bbox_xyxy_from_xywh(float(value) for value in row["bbox"]),
        model_name=row["model_name"],
        weights_sha256=row["weights_sha256"],
        polygons=tuple(_polygon_from_flat(flat) for flat in row.get("segmentation", [])),
    )


def _polygon_from_flat(flat: list[float]) -> Polygon:
    sides = [float(side) for side in flat]
    return tuple(zip(sides[::2], sides[1::2], strict=True))
