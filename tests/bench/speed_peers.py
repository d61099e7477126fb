"""The usual tools as contenders, in the peers' environment: nothing of ours is imported there.

``python speed_peers.py MODELS.json``: a list of ``{name, weights, tile_px, score, classes}``, where
``weights`` is a checkpoint, or with ``openvino`` the folder beside it that this module exports.
With ``fp32`` OpenVINO is told to compute so, where it would take bfloat16.
Orders name the way (``sahi``, ``tiles``, or ``slices`` for the tiles of SAHI) and the photos; every
model looks at every photo, once for each, as these tools work.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="peers-"))

import cv2
import openvino
from sahi import AutoDetectionModel
from sahi.predict import get_sliced_prediction
from sahi.slicing import get_slice_bboxes
from speed_lines import serve  # type: ignore[import-not-found]  # beside this script
from ultralytics import YOLO

OVERLAP = 0.2


class Peer:
    """One model in one of the usual tools."""

    def __init__(self, row: dict[str, Any]) -> None:
        """Load the model."""
        self._row = row
        self._classes: list[str] = row["classes"]
        self._model: Any = AutoDetectionModel.from_pretrained(
            model_type="ultralytics",
            model_path=_find_weights(row),
            confidence_threshold=row["score"],
            device="cpu",
            image_size=row["tile_px"],
            task=row["task"],
        )

    def slice_photo(self, path: str) -> list[list[Any]]:
        """Return what SAHI finds, its defaults but for the size of the tiles."""
        side = self._row["tile_px"]
        found = get_sliced_prediction(
            path,
            self._model,
            slice_height=side,
            slice_width=side,
            overlap_height_ratio=OVERLAP,
            overlap_width_ratio=OVERLAP,
            verbose=0,
        )
        return [
            [
                self._classes[one.category.id],
                float(one.score.value),
                *map(float, one.bbox.to_xyxy()),
            ]
            for one in found.object_prediction_list
        ]

    def list_slices(self, path: str) -> list[list[int]]:
        """Return the tiles that SAHI cuts a photo into."""
        pixels: Any = cv2.imread(path)
        height_px, width_px = pixels.shape[:2]
        side = self._row["tile_px"]
        return [
            list(map(int, box))
            for box in get_slice_bboxes(
                height_px,
                width_px,
                slice_height=side,
                slice_width=side,
                overlap_height_ratio=OVERLAP,
                overlap_width_ratio=OVERLAP,
            )
        ]

    def predict_tiles(self, path: str, tiles: list[list[int]]) -> list[list[Any]]:
        """Return what ultralytics finds in given tiles, one after the other; nothing is merged."""
        pixels: Any = cv2.imread(path)
        found = []
        for left, top, right, bottom in tiles:
            crop = pixels[top:bottom, left:right]
            (answer,) = self._model.model(
                crop, imgsz=self._row["tile_px"], conf=self._row["score"], verbose=False
            )
            found += [
                [
                    self._classes[int(row[5])],
                    row[4],
                    row[0] + left,
                    row[1] + top,
                    row[2] + left,
                    row[3] + top,
                ]
                for row in answer.boxes.data.tolist()
            ]
        return found


def _compute_in_fp32() -> None:
    """Tell OpenVINO so for every model that is compiled from now on; the libraries do not."""
    compile_as_told = openvino.Core.compile_model

    def compile_in_fp32(
        core: object, model: object, device_name: str = "CPU", config: dict[str, Any] | None = None
    ) -> object:
        told = {**(config or {}), "INFERENCE_PRECISION_HINT": "f32"}
        return compile_as_told(core, model, device_name, told)

    openvino.Core.compile_model = compile_in_fp32


def _find_weights(row: dict[str, Any]) -> str:
    """Return the weights of a row; those of OpenVINO are exported once."""
    weights = Path(row["weights"])
    if not row.get("openvino"):
        return str(weights)
    folder = weights.with_name(f"{weights.stem}_openvino_model")
    if not folder.is_dir():
        YOLO(weights).export(format="openvino", imgsz=row["tile_px"], nms=False, device="cpu")
    return str(folder)


def main() -> None:
    """Wait for orders."""
    rows = json.loads(Path(sys.argv[1]).read_text())
    if any(row.get("fp32") for row in rows):
        _compute_in_fp32()
    peers = {row["name"]: Peer(row) for row in rows}

    def work(order: dict[str, Any]) -> dict[str, Any]:
        if order["kind"] == "slices":
            return {
                "slices": {
                    name: {
                        model: peer.list_slices(str(Path(order["folder"]) / name))
                        for model, peer in peers.items()
                    }
                    for name in order["photos"]
                }
            }
        boxes: dict[str, list[list[Any]]] = {}
        for name in order["photos"]:
            path = str(Path(order["folder"]) / name)
            for model, peer in peers.items():
                found = (
                    peer.slice_photo(path)
                    if order["kind"] == "sahi"
                    else peer.predict_tiles(path, order["tiles"][name][model])
                )
                boxes.setdefault(name, []).extend(found)
        return {"boxes": boxes}

    serve(work)


if __name__ == "__main__":
    main()
