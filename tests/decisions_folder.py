"""Folders of decisions as the service exports them, written for tests and measurements.

Import as ``from tests.decisions_folder import SaidLabel, SaidPhoto, write_decisions``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from training.data.decisions_file import FILE_NAME, KIND, SCHEMA
from training.data.manifest import hash_bytes

BoxXyxy = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class SaidLabel:
    """What somebody said of a box; ``place`` is its place key, ``events`` who said so."""

    hazard_class: str
    bbox_xyxy: BoxXyxy
    verdict: str = "rejected"
    origin: str = "decision"
    outline: Sequence[Sequence[tuple[float, float]]] | None = None
    place: str | None = None
    events: tuple[int, ...] = (1,)
    score: float | None = None


@dataclass(frozen=True, slots=True)
class SaidPhoto:
    """A photo of a flight with what was said of it; ``undecided`` are class, box and reason."""

    path: Path
    flight_id: int = 1
    flight: str = "flight"
    captured_on: str | None = None
    camera: str | None = None
    gsd_m: float | None = None
    labels: Sequence[SaidLabel] = ()
    undecided: Sequence[tuple[str, BoxXyxy, str]] = ()
    searched_for: Sequence[str] = field(default=())


def write_decisions(
    folder: Path, photos: Sequence[SaidPhoto], *, exported_at: str = "2026-01-01T00:00:00+00:00"
) -> Path:
    """Write ``decisions.json`` and the photos; returns the folder."""
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {"schema": SCHEMA, "kind": KIND, "exported_at": exported_at}
    document |= {"site": None, "since": None}
    document |= {key: [] for key in ("photos", "labels", "undecided", "reviewed_photos")}
    for photo in photos:
        _add_photo(document, photo, folder)
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    return folder


def _add_photo(document: dict[str, Any], photo: SaidPhoto, folder: Path) -> None:
    sha256 = hash_bytes(photo.path)
    file = f"photos/{sha256}.jpg"
    shutil.copyfile(photo.path, folder / file)
    with Image.open(photo.path) as image:
        width_px, height_px = image.size
    flight = {"id": photo.flight_id, "name": photo.flight, "kind": "drone", "site": None}
    document["photos"].append(
        {
            "sha256": sha256,
            "file": file,
            "file_sha256": sha256,
            "width_px": width_px,
            "height_px": height_px,
            "flight": flight | {"captured_on": photo.captured_on},
            "camera": photo.camera,
            "gsd_m": photo.gsd_m,
            "altitude_agl_m": None,
            "blurred": {"faces": 0, "plates": 0, "spared": 0},
        }
    )
    key = {"photo_sha256": sha256, "flight_id": photo.flight_id}
    document["labels"] += [key | _row(label) for label in photo.labels]
    document["undecided"] += [
        key | {"hazard_class": name, "bbox_xyxy": list(box), "why": why}
        for name, box, why in photo.undecided
    ]
    if photo.searched_for:
        document["reviewed_photos"].append(key | {"classes": list(photo.searched_for)})


def _row(label: SaidLabel) -> dict[str, Any]:
    return {
        "origin": label.origin,
        "verdict": label.verdict,
        "hazard_class": label.hazard_class,
        "model_class": None if label.origin == "drawn" else label.hazard_class,
        "bbox_xyxy": list(label.bbox_xyxy),
        "outline": None if label.outline is None else [list(map(list, r)) for r in label.outline],
        "event_ids": list(label.events),
        "correction_event_ids": [],
        "annotation_ids": [],
        "candidate_key": None,
        "place_key": label.place,
        "place_group": label.place or "",
        "model": None,
        "weights_sha256": None,
        "score": label.score,
    }
