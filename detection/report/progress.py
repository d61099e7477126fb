"""What an interrupted run has finished: one line per photo, so that a rerun goes on from there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from detection.domain.finding import CrackShape, Detection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.report.files import write_atomic

FILE_NAME = "progress.jsonl"


@dataclass(frozen=True, slots=True)
class FinishedPhoto:
    """The detections of one photo as a run stored them; failures are not stored but tried again."""

    photo_id: str
    sha256: str
    detections: tuple[Detection, ...]
    tiles: int
    seconds: float
    implausible: tuple[Detection, ...] = ()
    skipped_tiles: int = 0


class ProgressLog:
    """``OUT/progress.jsonl``, open for appending; use as a context manager.

    A line counts only for the same file content and the same configuration hash. A last line
    torn by a power cut is left out; everything else is kept.
    """

    def __init__(self, folder: Path, config_hash: str) -> None:
        """Remember where and for which configuration; nothing is opened yet."""
        self._path = folder / FILE_NAME
        self._config_hash = config_hash
        self._stream: TextIO | None = None

    def read(self, photos: Iterable[Photo]) -> dict[str, FinishedPhoto]:
        """Return what is finished among ``photos``, by photo id."""
        current = {photo.photo_id: photo.sha256 for photo in photos}
        rows = (row for row in self._read_rows() if row["config_hash"] == self._config_hash)
        finished = (_finished_from_row(row) for row in rows)
        return {one.photo_id: one for one in finished if current.get(one.photo_id) == one.sha256}

    def __enter__(self) -> Self:
        """Drop a torn line and open the file for appending."""
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in self._read_rows()]
        write_atomic(self._path, "".join(lines).encode())
        self._stream = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def append(self, finished: FinishedPhoto) -> None:
        """Add one photo; the line has left the process when this returns."""
        if self._stream is None:
            message = "the progress log is not open"
            raise RuntimeError(message)
        row = _row_from_finished(finished) | {"config_hash": self._config_hash}
        self._stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._stream.flush()

    def _read_rows(self) -> list[dict[str, Any]]:
        if not self._path.is_file():
            return []
        rows = []
        for line in self._path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                row = json.loads(line)
                _finished_from_row(row)
            except (ValueError, KeyError, TypeError):
                continue  # torn or foreign: that photo is looked at again
            rows.append(row)
        return [row for row in rows if isinstance(row.get("config_hash"), str)]


def _row_from_finished(finished: FinishedPhoto) -> dict[str, object]:
    return {
        "photo_id": finished.photo_id,
        "sha256": finished.sha256,
        "tiles": finished.tiles,
        "skipped_tiles": finished.skipped_tiles,
        "seconds": round(finished.seconds, 3),
        "detections": [_row_from_detection(found) for found in finished.detections],
        "implausible": [_row_from_detection(found) for found in finished.implausible],
    }


def _row_from_detection(found: Detection) -> dict[str, object]:
    return {
        "hazard_class": found.hazard_class.value,
        "score": found.score,
        "bbox_xyxy": found.bbox_xyxy.xyxy,
        "model_name": found.model_name,
        "weights_sha256": found.weights_sha256,
        "polygons": found.polygons,
        "crack": None if found.crack is None else asdict(found.crack),
    }


def _finished_from_row(row: dict[str, Any]) -> FinishedPhoto:
    photo_id = str(row["photo_id"])
    detections, implausible = (
        tuple(_detection_from_row(photo_id, found) for found in row[name])
        for name in ("detections", "implausible")
    )
    return FinishedPhoto(
        photo_id,
        str(row["sha256"]),
        detections,
        int(row["tiles"]),
        float(row["seconds"]),
        implausible,
        int(row["skipped_tiles"]),
    )


def _detection_from_row(photo_id: str, found: dict[str, Any]) -> Detection:
    return Detection(
        photo_id=photo_id,
        hazard_class=HazardClass(found["hazard_class"]),
        score=float(found["score"]),
        bbox_xyxy=BBox(*(float(side) for side in found["bbox_xyxy"])),
        model_name=str(found["model_name"]),
        weights_sha256=str(found["weights_sha256"]),
        polygons=tuple(
            tuple((float(x), float(y)) for x, y in polygon) for polygon in found["polygons"]
        ),
        crack=None if found["crack"] is None else CrackShape(**found["crack"]),
    )
