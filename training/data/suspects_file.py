"""``suspects.json`` with its crops, which the review service takes in, and ``predictions.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox, Polygon
from detection.domain.hazard import HazardClass
from detection.report.files import write_json
from training.data.annotation import AnnotatedPhoto, Annotation, hash_photos
from training.data.following import follow
from training.data.label_sources import LabelSource, LabelSources
from training.data.manifest import hash_bytes
from training.data.suspect_crops import choose_crop, write_crop
from training.data.suspects import Prediction, Predictions, Suspect, name_suspect

SCHEMA = 1
SUSPECTS_JSON = "suspects.json"
PREDICTIONS_JSON = "predictions.json"
CROPS = "crops"
_REMEDY = "Give the file that `hazardlens data label-errors` wrote for this data set."


def write_suspects(
    folder: Path,
    suspects: Sequence[Suspect],
    *,
    name: str,
    photos: Sequence[AnnotatedPhoto],
    made_by: Mapping[str, Any],
    sources: LabelSources,
) -> Path:
    """Write the list and a crop of each suspect; the list comes last, so that it is whole.

    ``photos`` are those that were judged, ``sources`` says which labels people decided on.
    """
    (folder / CROPS).mkdir(parents=True, exist_ok=True)
    rows = []
    for suspect in follow(suspects, "Cutting crops"):
        sha256 = hash_bytes(suspect.photo.path)
        suspect_id = name_suspect(suspect, sha256)
        crop = f"{CROPS}/{suspect_id}.jpg"
        window = choose_crop(suspect)
        write_crop(folder / crop, suspect.photo, window)
        source = sources.find(suspect)
        rows.append(
            _describe(suspect, source)
            | {"id": suspect_id, "photo_sha256": sha256, "crop": crop, "window_xyxy": list(window)}
        )
    document = {
        "schema": SCHEMA,
        "name": name,
        "data_sha256": hash_photos(photos),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "by": dict(made_by),
        "photos": len(photos),
        "suspects": rows,
    }
    write_json(folder / SUSPECTS_JSON, document)
    return folder / SUSPECTS_JSON


def _describe(suspect: Suspect, source: LabelSource) -> dict[str, Any]:
    photo, label, model = suspect.photo, suspect.label, suspect.model
    return {
        "kind": suspect.kind.value,
        "suspicion": round(suspect.suspicion, 4),
        "photo": photo.name,
        "width_px": photo.width_px,
        "height_px": photo.height_px,
        "split": photo.split,
        "source": photo.origin.source,
        "has_outlines": any(item.polygon for item in photo.annotations),
        "label": None
        if label is None
        else {"number": label.number} | _describe_label(label.annotation),
        "model": None if model is None else json_from_prediction(model),
        "others": [
            _describe_label(item)
            for item in photo.annotations
            if label is None or item is not label.annotation
        ],
        "event_ids": list(source.event_ids),
        "annotation_ids": list(source.annotation_ids),
        "candidate_key": source.candidate_key or None,
    }


def _describe_label(item: Annotation) -> dict[str, Any]:
    return {
        "hazard_class": item.hazard_class.value,
        "bbox_xyxy": _round(item.box.xyxy),
        "outline": [_round(point) for point in item.polygon] or None,
    }


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write what was said of each photo, so that it may be given again instead of a model."""
    photos = {
        name: [json_from_prediction(item) for item in said] for name, said in predictions.items()
    }
    write_json(path, {"schema": SCHEMA, "photos": photos})


def read_predictions(path: Path) -> dict[str, list[Prediction]]:
    """Return what was said of each photo.

    Raises:
        InvalidInputError: the file cannot be read, or names a class that does not exist.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            message = f"{path} has schema {document['schema']}, not {SCHEMA}."
            raise InvalidInputError(message, remedy=_REMEDY)
        return {
            str(name): [_prediction_from_json(row) for row in rows]
            for name, rows in document["photos"].items()
        }
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{path} cannot be read as predictions ({error})."
        raise InvalidInputError(message, remedy=_REMEDY) from error


def json_from_prediction(item: Prediction) -> dict[str, Any]:
    """Return a box as JSON has it; of several pieces the largest outline."""
    outline = max(item.polygons, key=_bounds_area, default=())
    return {
        "hazard_class": item.hazard_class.value,
        "score": round(item.score, 4),
        "bbox_xyxy": _round(item.box.xyxy),
        "outline": [_round(point) for point in outline] or None,
    }


def _prediction_from_json(row: Mapping[str, Any]) -> Prediction:
    x_min, y_min, x_max, y_max = (float(side) for side in row["bbox_xyxy"])
    outline: Polygon = tuple((float(x), float(y)) for x, y in row.get("outline") or ())
    return Prediction(
        HazardClass(row["hazard_class"]),
        float(row["score"]),
        BBox(x_min, y_min, x_max, y_max),
        (outline,) if outline else (),
    )


def _bounds_area(outline: Polygon) -> float:
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return (max(xs) - min(xs)) * (max(ys) - min(ys))


def _round(numbers: Sequence[float]) -> list[float]:
    return [round(float(number), 2) for number in numbers]
