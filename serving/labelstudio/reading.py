"""One annotation of Label Studio as we keep it: in pixels, held against what was sent. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.labelstudio.convert import PictureSize, Shape, shapes_from_result
from serving.labelstudio.errors import ShapeUnknownError

SAME_PX = 0.01
"""Shapes that differ by less everywhere were left as they were."""

Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What one person left of one task."""

    annotation_id: int
    revision: str
    annotator: str
    edited_by: str
    kind: str
    is_ground_truth: bool
    drawn_at: datetime
    shapes: tuple[Columns, ...]
    dropped: tuple[Columns, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent with a task: size of the photo, classes, shapes drawn beforehand."""

    size: PictureSize
    classes: tuple[str, ...]
    predictions: tuple[Mapping[str, Any], ...]


def read_annotation(annotation: Mapping[str, Any], sent: Sent) -> Drawing:
    """Return an annotation as we keep it.

    Raises:
        DrawingError: one of its children; nothing of the annotation can be taken in.
    """
    is_skipped = bool(annotation.get("was_cancelled"))
    result = annotation.get("result") or []
    if not isinstance(result, Sequence) or isinstance(result, str):
        what = "no list of shapes"
        raise ShapeUnknownError(what)
    shapes = () if is_skipped else shapes_from_result(result, sent.size, sent.classes)
    by_region = {str(each["region"]): each for each in sent.predictions}
    left = {shape.region for shape in shapes}
    return Drawing(
        annotation_id=int(annotation["id"]),
        revision=revision_of(annotation),
        annotator=_person(annotation.get("completed_by")),
        edited_by=_person(annotation.get("updated_by")),
        kind="skipped" if is_skipped else "annotated",
        is_ground_truth=bool(annotation.get("ground_truth")) and not is_skipped,
        drawn_at=datetime.fromisoformat(str(annotation["updated_at"])),
        shapes=tuple(_columns(shape, by_region.get(shape.region)) for shape in shapes),
        dropped=()
        if is_skipped
        else tuple(dict(each) for region, each in by_region.items() if region not in left),
    )


def revision_of(annotation: Mapping[str, Any]) -> str:
    """Return what changes whenever an annotation does."""
    parts = [annotation.get(name) for name in ("updated_at", "was_cancelled", "ground_truth")]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def shape_from_columns(columns: Mapping[str, Any]) -> Shape:
    """Return a shape that was kept."""
    x_min, y_min, x_max, y_max = columns["bbox_xyxy"]
    outline = columns["outline"]
    return Shape(
        str(columns["hazard_class"]),
        (x_min, y_min, x_max, y_max),
        str(columns["region"]),
        tuple((x, y) for x, y in outline) if outline else None,
        float(columns["rotation_deg"]),
    )


def _person(value: object) -> str:
    """Return the number of a person there; names stay where they are."""
    number = value.get("id") if isinstance(value, Mapping) else value
    return "#?" if number is None else f"#{number}"


def _columns(shape: Shape, sent: Mapping[str, Any] | None) -> Columns:
    return {
        "hazard_class": shape.hazard_class,
        "bbox_xyxy": list(shape.bbox_xyxy),
        "outline": [list(point) for point in shape.outline] if shape.outline else None,
        "rotation_deg": shape.rotation_deg,
        "region": shape.region,
        "detection_id": None if sent is None else sent["detection_id"],
        "change": _change(shape, sent),
    }


def _change(shape: Shape, sent: Mapping[str, Any] | None) -> str:
    """Return what a person did with what was drawn beforehand."""
    if sent is None:
        return "added"
    is_moved = not _is_same_place(shape, sent)
    is_other = shape.hazard_class != sent["hazard_class"]
    if is_moved:
        return "moved_reclassed" if is_other else "moved"
    return "reclassed" if is_other else "kept"


def _is_same_place(shape: Shape, sent: Mapping[str, Any]) -> bool:
    drawn = [value for point in shape.outline or () for value in point] or list(shape.bbox_xyxy)
    outline = sent.get("outline")
    before = [value for point in outline for value in point] if outline else sent["bbox_xyxy"]
    return len(drawn) == len(before) and all(
        abs(one - other) <= SAME_PX for one, other in zip(drawn, before, strict=True)
    )
