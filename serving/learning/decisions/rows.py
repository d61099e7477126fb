"""``decisions.json`` before it is written: photos, labels, and what nothing may be concluded of.

The reader is ``training/data/decisions_file.py``: both rooms know the file, neither the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from detection.domain.geometry import compute_iou

SCHEMA = 1
KIND = "hazardlens-decisions"
SAME_IOU = 0.5
"""Boxes of one kind of thing that overlap by this much are one thing."""

BoxXyxy = tuple[float, float, float, float]
Outline = list[list[list[float]]]
PhotoKey = tuple[int, str]
"""Flight and sha256: one file may belong to several flights."""


@dataclass(frozen=True, slots=True)
class ExportedFlight:
    """A flight; ``captured_on`` is the first day of its photos."""

    id: int
    name: str
    kind: str
    captured_on: str | None
    site: str | None


@dataclass(frozen=True, slots=True)
class ExportedPhoto:
    """A photo as the service knows it; ``gsd_m`` is its height over its focal length in pixels."""

    photo_id: int
    sha256: str
    width_px: int
    height_px: int
    flight: ExportedFlight
    captured_at: str | None
    camera: str | None
    gsd_m: float | None
    altitude_agl_m: float | None

    @property
    def key(self) -> PhotoKey:
        """What labels name it by."""
        return self.flight.id, self.sha256


@dataclass(frozen=True, slots=True)
class ExportedLabel:
    """What people say of one thing in one photo.

    ``verdict`` is of ``hazard_class``: ``confirmed`` where it is there, ``rejected`` where not.
    """

    photo_sha256: str
    flight_id: int
    origin: str
    verdict: str
    hazard_class: str
    bbox_xyxy: BoxXyxy
    model_class: str | None = None
    outline: Outline | None = None
    event_ids: tuple[int, ...] = ()
    correction_event_ids: tuple[int, ...] = ()
    annotation_ids: tuple[int, ...] = ()
    candidate_key: str | None = None
    place_key: str | None = None
    place_group: str = ""
    model: str | None = None
    weights_sha256: str | None = None
    score: float | None = None

    @property
    def key(self) -> PhotoKey:
        """The photo."""
        return self.flight_id, self.photo_sha256


@dataclass(frozen=True, slots=True)
class UndecidedBox:
    """A box of which nothing may be concluded, and why."""

    photo_sha256: str
    flight_id: int
    hazard_class: str
    bbox_xyxy: BoxXyxy
    why: str

    @property
    def key(self) -> PhotoKey:
        """The photo."""
        return self.flight_id, self.photo_sha256


@dataclass(frozen=True, slots=True)
class SearchedPhoto:
    """A photo that somebody searched whole for things of these classes."""

    photo_sha256: str
    flight_id: int
    classes: tuple[str, ...]

    @property
    def key(self) -> PhotoKey:
        """The photo."""
        return self.flight_id, self.photo_sha256


@dataclass(frozen=True, slots=True)
class DecisionsExport:
    """Everything of an export but the pixels."""

    since: datetime | None
    photos: tuple[ExportedPhoto, ...]
    labels: tuple[ExportedLabel, ...]
    undecided: tuple[UndecidedBox, ...]
    searched: tuple[SearchedPhoto, ...] = field(default=())

    def count(self) -> dict[str, int]:
        """Return how much there is of what, for people."""
        drawn = [label for label in self.labels if label.origin == "drawn"]
        decided = [label for label in self.labels if label.origin == "decision"]
        return {
            "photos": len(self.photos),
            "confirmed": sum(label.verdict == "confirmed" for label in decided),
            "rejected": sum(label.verdict == "rejected" for label in decided),
            "drawn": len(drawn),
            "undecided": len(self.undecided),
        }


def is_same_box(first: BoxXyxy, second: BoxXyxy) -> bool:
    """Whether two boxes of one kind of thing are one thing."""
    pair = [np.array([box], dtype=np.float64) for box in (first, second)]
    return bool(compute_iou(*pair)[0, 0] >= SAME_IOU)


def json_from_export(
    export: DecisionsExport, photos: Iterable[Mapping[str, Any]], exported_at: datetime
) -> dict[str, Any]:
    """Return ``decisions.json``; ``photos`` are the rows of those whose pixels could be had.

    What was said of a photo that could not be had is left out with it.
    """
    rows = list(photos)
    there = {(row["flight"]["id"], row["sha256"]) for row in rows}
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "exported_at": exported_at.isoformat(timespec="seconds"),
        "site": None,
        "since": export.since.isoformat() if export.since else None,
        "photos": rows,
        "labels": [asdict(item) for item in export.labels if item.key in there],
        "undecided": [asdict(item) for item in export.undecided if item.key in there],
        "reviewed_photos": [asdict(item) for item in export.searched if item.key in there],
        "left_out_photos": [
            {"photo_sha256": photo.sha256, "flight_id": photo.flight.id}
            for photo in export.photos
            if photo.key not in there
        ],
    }


def json_from_photo(photo: ExportedPhoto) -> dict[str, Any]:
    """Return the row of a photo, so far without its file."""
    row = asdict(photo)
    del row["photo_id"]
    return row
