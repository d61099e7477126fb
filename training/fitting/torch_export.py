"""Weights to an ONNX model, in the trainer's process; never imported elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics import YOLO
from ultralytics.nn.modules.head import Segment26

from training.record import read_record


def export(run_dir: Path) -> None:
    """Write the ONNX model of ``best.pt`` and the checkpoint's own answers to given tiles.

    ``export/tiles.npy`` is ``(n, px, px, 3)`` uint8 RGB, ``export/torch_tiles_answer.npy`` becomes
    ``(n, k, 6)``; of a segment model ``(n, k, 38)``, with its prototypes of masks
    ``(n, 32, px / 4, px / 4)`` in ``export/torch_tiles_prototypes.npy``; the like for the wider
    tiles in ``export/wide.npy``. The parent compares them with what ONNX Runtime says of the same.
    Batch, height and width of the ONNX model are free.
    """
    folder = run_dir / "export"
    record = read_record(run_dir)
    task = str(record["config"].get("task", "detect"))
    weights = folder / "model.pt"
    shutil.copyfile(run_dir / str(record["weights"]), weights)
    network = YOLO(str(weights), task=task).model.float()
    network.end2end = True  # the library selects the one-to-many head otherwise
    network = network.fuse(verbose=False).eval()
    for tiles_path in (folder / "tiles.npy", folder / "wide.npy"):
        _save_answers(network, tiles_path)
    Segment26.postprocess = gather_rows
    side_px = int(np.load(folder / "tiles.npy", mmap_mode="r").shape[1])
    YOLO(str(weights), task=task).export(
        format="onnx", imgsz=side_px, nms=False, simplify=True, dynamic=True, device="cpu"
    )


def _save_answers(network: torch.nn.Module, tiles_path: Path) -> None:
    outputs = [_answer_tile(network, tile) for tile in np.load(tiles_path)]
    for name, parts in zip(("answer", "prototypes"), zip(*outputs, strict=True), strict=False):
        np.save(tiles_path.with_name(f"torch_{tiles_path.stem}_{name}.npy"), np.stack(parts))


def _answer_tile(network: torch.nn.Module, tile: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return the network's rows for one tile, then its prototypes where it makes masks."""
    planes = torch.from_numpy(tile).permute(2, 0, 1)[None].float().div_(255.0)
    with torch.inference_mode():
        answer = network(planes)[0]  # after it come the raw maps that training needs
    outputs = answer if isinstance(answer, tuple) else (answer,)
    return [output[0].cpu().numpy() for output in outputs]


def gather_rows(head: Segment26, answers: torch.Tensor) -> torch.Tensor:
    """Return the best answers ``(1, k, 38)`` of a segment head; the same as the library's own.

    The library cuts all answers into boxes, scores and coefficients and gathers each for itself.
    OpenVINO 2026.4 takes such a graph apart wrongly and refuses it; gathering first avoids that.
    """
    scores = answers[..., 4 : 4 + head.nc]
    best, classes, indices = head.get_topk_index(scores, head.max_det)
    rows = answers.gather(1, indices[..., None].expand(-1, -1, answers.shape[-1]))
    return torch.cat([rows[..., :4], best, classes, rows[..., 4 + head.nc :]], dim=-1)
