"""Small labelled sets drawn in code, for the tests of what reads, builds and audits them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH_PX, HEIGHT_PX = 120, 80
BOX = "0 0.5 0.5 0.25 0.25\n"
POLYGON = "0 0.25 0.25 0.75 0.25 0.75 0.75\n"
BOX_XYXY = (45.0, 30.0, 75.0, 50.0)


def draw_pixels(seed: int) -> NDArray[np.uint8]:
    """Return a picture that no other seed looks like."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return np.asarray(
        cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC), dtype=np.uint8
    )


def save_photo(path: Path, seed: int) -> Path:
    """Write the picture of a seed and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), draw_pixels(seed)):
        raise OSError(path)
    return path


def write_yolo_set(
    folder: Path,
    labels: Mapping[str, str | None],
    classes: Sequence[str] = ("manhole_ok", "manhole_missing"),
) -> Path:
    """Write ``images/``, ``labels/`` and ``classes.txt``; None leaves the label file out.

    Names are paths without suffix, such as ``train/a``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "classes.txt").write_text("\n".join(classes) + "\n", encoding="utf-8")
    for seed, (name, text) in enumerate(labels.items()):
        save_photo(folder / "images" / f"{name}.png", seed)
        if text is not None:
            label = folder / "labels" / f"{name}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(text, encoding="utf-8")
    return folder


def write_json(path: Path, document: object) -> Path:
    """Write a JSON file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
