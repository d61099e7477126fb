"""A labelled set of drawn photos, small enough to train on in a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from training.data.sources import read_catalogue

CONFIG: dict[str, Any] = {
    "name": "smoke",
    "classes": ["manhole_ok", "manhole_missing"],
    "started_from": "yolo26n.yaml",
    "seed": 11,
    "data": [{"dataset": "drawn"}],
    "optimisation": {"epochs": 1, "image_px": 64, "batch": 2},
    "augmentation": {"mosaic": 0.0},
}


def draw_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, outlines: bool = False) -> Path:
    """Draw four photos into a data folder, with a catalogue that describes them."""
    shape = "0.5 0.25 0.67 0.5 0.5 0.75 0.33 0.5" if outlines else "0.5 0.5 0.33 0.5"
    data = tmp_path / "shared" / "data" / "drawn"
    entry = tmp_path / "catalogue" / "drawn"
    for folder in (data / "images", data / "labels", entry / "splits"):
        folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(4):
        pixels = rng.integers(0, 255, (64, 96, 3), dtype=np.uint8)
        cv2.circle(pixels, (48, 32), 16, (20, 20, 20), -1)
        cv2.imwrite(str(data / "images" / f"{index}.jpg"), pixels)
        (data / "labels" / f"{index}.txt").write_text(f"{index % 2} {shape}\n")
    (entry / "splits" / "train.txt").write_text("0.jpg\n1.jpg\n2.jpg\n")
    (entry / "splits" / "val.txt").write_text("3.jpg\n")
    document = {
        "path": "data/drawn",
        "images": "images",
        "labels": "labels",
        "facts": "",
        "class_map": {0: "manhole_ok", 1: "manhole_missing"},
        "split": {"files": {"train": "splits/train.txt", "val": "splits/val.txt"}},
    }
    (entry / "dataset.yaml").write_text(yaml.safe_dump(document))
    monkeypatch.setattr(
        "training.data.collect.read_catalogue", lambda name: read_catalogue(name, entry.parent)
    )
    return tmp_path / "shared"
