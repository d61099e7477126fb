"""The trainer's process: one prepared run folder to weights. The one user of ultralytics here.

Started by ``training.launch`` only, which isolates its environment; never imported elsewhere,
because the library reads that environment on import.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from ultralytics import YOLO
from ultralytics.utils import SETTINGS

from training.record import hash_file, read_record, write_record
from training.settings import TrainingSettings

_SILENT = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")


def silence_library() -> None:
    """Turn analytics and experiment trackers off for this process."""
    SETTINGS.update(dict.fromkeys(_SILENT, False))


def fit(run_dir: Path) -> None:
    """Train as ``config.yaml`` says; weights go to ``best.pt``, figures to ``run.json``."""
    record = read_record(run_dir)
    settings = TrainingSettings.model_validate(record["config"])
    trainer = dict(json.loads(json.dumps(record["trainer"])))
    started = time.monotonic()
    model = YOLO(trainer["start"], task="detect")
    model.train(
        data=trainer["data_yaml"],
        project=str(run_dir),
        name="fit",
        exist_ok=True,
        seed=settings.seed,
        deterministic=True,
        device=settings.device,
        workers=settings.workers,
        imgsz=settings.optimisation.image_px,
        amp=False,  # the check before mixed precision would download a model
        cache="ram",
        plots=False,
        nms=False,  # judge epochs by the head that is shipped
        cos_lr=True,
        patience=1000,
        nbs=settings.optimisation.batch,
        **settings.optimisation.model_dump(exclude={"image_px"}),
        **settings.augmentation.model_dump(),
    )
    best = run_dir / "fit" / "weights" / "best.pt"
    record |= {
        "state": "trained",
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "weights": str(best.relative_to(run_dir)),
        "weights_sha256": hash_file(best),
    }
    write_record(run_dir, record)


def export(run_dir: Path) -> None:
    """Write the ONNX model of ``best.pt`` and the checkpoint's own answer to ``tiles.npy``.

    ``export/tiles.npy`` is ``(n, px, px, 3)`` uint8 RGB, ``export/torch_answer.npy`` becomes
    ``(n, k, 6)``: the parent compares it with what ONNX Runtime says of the same tiles.
    """
    folder = run_dir / "export"
    weights = folder / "model.pt"
    shutil.copyfile(run_dir / str(read_record(run_dir)["weights"]), weights)
    tiles = np.load(folder / "tiles.npy")
    network = YOLO(str(weights), task="detect").model.float()
    network.end2end = True  # the library selects the one-to-many head otherwise
    network = network.fuse(verbose=False).eval()
    answers = []
    with torch.inference_mode():
        for tile in tiles:
            planes = torch.from_numpy(tile).permute(2, 0, 1)[None].float().div_(255.0)
            answer = network(planes)
            answers.append((answer[0] if isinstance(answer, tuple) else answer).cpu().numpy()[0])
    np.save(folder / "torch_answer.npy", np.stack(answers))
    YOLO(str(weights), task="detect").export(
        format="onnx", imgsz=int(tiles.shape[1]), nms=False, simplify=True, device="cpu"
    )


ACTIONS: dict[str, Callable[[Path], None]] = {"fit": fit, "export": export}

if __name__ == "__main__":
    silence_library()
    ACTIONS[sys.argv[1]](Path(sys.argv[2]))
