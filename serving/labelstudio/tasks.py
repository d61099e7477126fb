"""Tasks as Label Studio takes them: a picture's address, our name of the task, what models said."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.labelstudio.client import Json
from serving.labelstudio.convert import PictureSize, Point, Shape, box_region, outline_region
from serving.labelstudio.kinds import OUTLINES

KEY_FIELD = "hazardlens"
"""Name of the field of a task's data that holds our name of the task."""

PHOTO_FIELD = "photo"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is known of one thing in a photo before anybody draws; rings and box in pixels."""

    detection_id: int
    hazard_class: str
    bbox_xyxy: tuple[float, float, float, float]
    rings: tuple[tuple[Point, ...], ...]
    score: float
    model: str


@dataclass(frozen=True, slots=True)
class TaskPhoto:
    """The photo of a task."""

    name: str
    flight: str
    size: PictureSize
    link: str


def task_key(geometry: str, url: str, project_id: int, flight_id: int, sha256: str) -> str:
    """Return our name of a task: one per project, flight and photo."""
    server = hashlib.sha256(f"{url} {project_id}".encode()).hexdigest()[:8]
    return f"{geometry}-{server}:{flight_id}:{sha256}"


def model_tag(model_name: str, weights_sha256: str) -> str:
    """Return how a model is named there: ``name@`` and twelve digits of its weights' hash."""
    return f"{model_name}@{weights_sha256[:12]}"


def shapes_of(predictions: Sequence[Prediction], geometry: str) -> list[tuple[Shape, Prediction]]:
    """Return what is drawn beforehand.

    A crack without an outline is left out: a rectangle would teach that cracks are rectangles. One
    of several rings is as many shapes.
    """
    found: list[tuple[Shape, Prediction]] = []
    for each in predictions:
        if geometry != OUTLINES:
            region = f"d{each.detection_id}"
            found.append((Shape(each.hazard_class, each.bbox_xyxy, region), each))
            continue
        for number, ring in enumerate(each.rings):
            region = f"d{each.detection_id}-{number}"
            found.append((_ring_shape(each.hazard_class, ring, region), each))
    return found


def make_task(
    key: str, photo: TaskPhoto, geometry: str, predictions: Sequence[Prediction]
) -> tuple[Json, list[Json]]:
    """Return a task, and what was drawn beforehand as we keep it."""
    drawn = shapes_of(predictions, geometry)
    as_region = outline_region if geometry == OUTLINES else box_region
    result = [as_region(shape, photo.size) | {"score": each.score} for shape, each in drawn]
    task: Json = {"data": task_data(key, photo), "predictions": []}
    if result:
        models = sorted({each.model for _, each in drawn})
        score = max(each.score for _, each in drawn)
        task["predictions"] = [
            {"model_version": " + ".join(models), "score": score, "result": result}
        ]
    return task, [_kept(shape, each) for shape, each in drawn]


def task_data(key: str, photo: TaskPhoto) -> dict[str, str]:
    """Return the data of a task; the link is what is renewed."""
    return {
        PHOTO_FIELD: photo.link,
        KEY_FIELD: key,
        "name": photo.name,
        "flight": photo.flight,
    }


def key_of(task: Mapping[str, object]) -> str | None:
    """Return our name of a task; None of one that somebody else made."""
    data = task.get("data")
    key = data.get(KEY_FIELD) if isinstance(data, Mapping) else None
    return key if isinstance(key, str) else None


def _ring_shape(hazard_class: str, ring: tuple[Point, ...], region: str) -> Shape:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return Shape(hazard_class, (min(xs), min(ys), max(xs), max(ys)), region, ring)


def _kept(shape: Shape, prediction: Prediction) -> Json:
    return {
        "region": shape.region,
        "detection_id": prediction.detection_id,
        "hazard_class": shape.hazard_class,
        "bbox_xyxy": list(shape.bbox_xyxy),
        "outline": [list(point) for point in shape.outline] if shape.outline else None,
        "score": prediction.score,
    }
