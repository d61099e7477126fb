"""What was drawn in Label Studio, laid over what the decisions say of the same photo.

Whoever draws searches the whole photo for the classes of the project. So a drawn shape is a label,
and what was not drawn is not there; but where the drawing and a standing decision contradict each
other, or several annotators do, nothing is concluded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from detection.domain.hazard import HazardClass
from serving.db.tables import LabelAnnotationRow
from serving.learning.decisions.rows import (
    BoxXyxy,
    ExportedLabel,
    Outline,
    PhotoKey,
    SearchedPhoto,
    UndecidedBox,
    is_same_box,
)

DISAGREE = "drawn_disagree"
RESOLVED_BY_DRAWING = frozenset({"pending", "not_reviewed"})


@dataclass(frozen=True, slots=True)
class Shape:
    """One drawn thing; ``annotation_ids`` are the rows in which it stands."""

    hazard_class: str
    bbox_xyxy: BoxXyxy
    outline: Outline | None
    annotation_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What stands of one task: shapes that all annotators drew, and those that only some did."""

    key: PhotoKey
    classes: frozenset[str]
    agreed: tuple[Shape, ...]
    disputed: tuple[Shape, ...]


def read_drawings(rows: Iterable[LabelAnnotationRow]) -> list[Drawing]:
    """Return a drawing for each task of the standing annotations; regions are no whole photo."""
    tasks: dict[str, list[LabelAnnotationRow]] = defaultdict(list)
    for row in rows:
        if row.region_xyxy is None:
            tasks[row.task_key].append(row)
    return [_drawing(own) for _, own in sorted(tasks.items())]


def lay_over(
    drawings: Sequence[Drawing],
    labels: Sequence[ExportedLabel],
    undecided: Sequence[UndecidedBox],
) -> tuple[list[ExportedLabel], list[UndecidedBox], list[SearchedPhoto]]:
    """Return labels and undecided boxes with the drawings taken in, and the searched photos."""
    labels, undecided = list(labels), list(undecided)
    for drawing in drawings:
        labels, undecided = _lay_one(drawing, labels, undecided)
    searched = [
        SearchedPhoto(drawing.key[1], drawing.key[0], tuple(sorted(drawing.classes)))
        for drawing in drawings
    ]
    return labels, undecided, searched


def _drawing(rows: Sequence[LabelAnnotationRow]) -> Drawing:
    first = rows[0]
    people = [_shapes(row) for row in rows]
    agreed: list[Shape] = []
    disputed: list[Shape] = []
    for index, own in enumerate(people):
        others = people[:index] + people[index + 1 :]
        for shape in own:
            like = [_find_like(shape, other) for other in others]
            if not all(like):
                disputed.append(shape)
            elif index == len(people) - 1:  # the newest drawing gives the shape
                numbers = {number for item in like if item for number in item.annotation_ids}
                ids = tuple(sorted({*shape.annotation_ids, *numbers}))
                agreed.append(replace(shape, annotation_ids=ids))
    key = (first.flight_id, first.photo_sha256)
    classes = frozenset(first.classes).intersection(*(row.classes for row in rows))
    return Drawing(key, classes, tuple(agreed), tuple(disputed))


def _shapes(row: LabelAnnotationRow) -> list[Shape]:
    return [_shape(item, row.id) for item in row.shapes]


def _shape(item: Mapping[str, Any], number: int) -> Shape:
    x_min, y_min, x_max, y_max = (float(value) for value in item["bbox_xyxy"])
    ring = item.get("outline")
    outline = [[[float(x), float(y)] for x, y in ring]] if ring else None
    return Shape(str(item["hazard_class"]), (x_min, y_min, x_max, y_max), outline, (number,))


def _find_like(shape: Shape, others: Iterable[Shape]) -> Shape | None:
    return next(
        (
            other
            for other in others
            if other.hazard_class == shape.hazard_class
            and is_same_box(other.bbox_xyxy, shape.bbox_xyxy)
        ),
        None,
    )


def _lay_one(
    drawing: Drawing, labels: Sequence[ExportedLabel], undecided: Sequence[UndecidedBox]
) -> tuple[list[ExportedLabel], list[UndecidedBox]]:
    kept = [label for label in labels if not _is_of(drawing, label)]
    open_boxes = [box for box in undecided if not _is_settled(drawing, box)]
    free = list(drawing.agreed)
    for label in (label for label in labels if _is_of(drawing, label)):
        shape = next((item for item in free if _is_like(label, item)), None)
        if label.verdict == "confirmed" and shape and shape.hazard_class == label.hazard_class:
            free.remove(shape)
            kept.append(_join(label, shape))
        elif label.verdict == "rejected" and shape is None:
            kept.append(label)
        else:  # the decision and the drawing contradict each other
            if shape is not None:
                free.remove(shape)
                open_boxes.append(_open(drawing, shape))
            open_boxes.append(
                UndecidedBox(*label.key[::-1], label.hazard_class, label.bbox_xyxy, DISAGREE)
            )
    kept += [_label(drawing, shape) for shape in free]
    open_boxes += [_open(drawing, shape) for shape in drawing.disputed]
    return kept, open_boxes


def _is_of(drawing: Drawing, label: ExportedLabel) -> bool:
    return label.key == drawing.key and label.hazard_class in drawing.classes


def _is_settled(drawing: Drawing, box: UndecidedBox) -> bool:
    """Whether the drawing says what a box is that nobody had decided."""
    return (
        box.key == drawing.key
        and box.hazard_class in drawing.classes
        and box.why in RESOLVED_BY_DRAWING
    )


def _is_like(label: ExportedLabel, shape: Shape) -> bool:
    same_thing = HazardClass(label.hazard_class).thing == HazardClass(shape.hazard_class).thing
    return same_thing and is_same_box(label.bbox_xyxy, shape.bbox_xyxy)


def _join(label: ExportedLabel, shape: Shape) -> ExportedLabel:
    return replace(
        label,
        origin="drawn",
        bbox_xyxy=shape.bbox_xyxy,
        outline=shape.outline,
        annotation_ids=shape.annotation_ids,
    )


def _label(drawing: Drawing, shape: Shape) -> ExportedLabel:
    flight_id, sha256 = drawing.key
    return ExportedLabel(
        photo_sha256=sha256,
        flight_id=flight_id,
        origin="drawn",
        verdict="confirmed",
        hazard_class=shape.hazard_class,
        bbox_xyxy=shape.bbox_xyxy,
        outline=shape.outline,
        annotation_ids=shape.annotation_ids,
        place_group=f"{flight_id}/drawn/{min(shape.annotation_ids)}",
    )


def _open(drawing: Drawing, shape: Shape) -> UndecidedBox:
    flight_id, sha256 = drawing.key
    return UndecidedBox(sha256, flight_id, shape.hazard_class, shape.bbox_xyxy, DISAGREE)
