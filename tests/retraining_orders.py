"""An order of a retraining on drawn decisions, for tests.

Import as ``from tests.retraining_orders import draw_decisions, make_order``.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.decisions_folder import SaidLabel, SaidPhoto, write_decisions
from tests.tiny_model import write_tiny_model
from training.retraining.order import Order
from training.retraining.plan import find_running
from training.retraining.settings import RetrainingSettings
from training.settings import CONFIGS_DIR

SIDE_PX = 420
BOX_XYXY = (180.0, 180.0, 240.0, 240.0)


def draw_decisions(folder: Path, flights: int, *, photos: int = 2, first: int = 1) -> Path:
    """Draw ground with a dark cover in its middle, confirmed as missing, on several flights.

    Flights are numbered from ``first``.
    """
    rng = np.random.default_rng(flights)
    said = []
    for number in range(first, first + flights):
        for index in range(photos):
            coarse = rng.integers(90, 200, (9, 9, 3), dtype=np.uint8)
            pixels = cv2.resize(coarse, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
            cv2.circle(pixels, (210, 210), 30, (15, 15, 15), -1)
            path = folder.parent / f"{number}-{index}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), pixels)
            label = SaidLabel(
                "manhole_missing", BOX_XYXY, verdict="confirmed", place=f"{number}-{index}"
            )
            said.append(
                SaidPhoto(
                    path,
                    flight_id=number,
                    flight=f"架次{number}",
                    captured_on=f"2026-05-{number:02d}",
                    camera="FC220",
                    gsd_m=0.007,
                    labels=[label],
                )
            )
    return write_decisions(folder, said)


def make_order(tmp_path: Path, **changes: object) -> Order:
    """Return an order for covers without any shared files, in folders below ``tmp_path``."""
    models_dir = tmp_path / "models"
    write_tiny_model(models_dir)
    running = find_running("manhole", models_dir)
    return Order.model_validate(
        {
            "model": "manhole",
            "against": running.version,
            "decisions": (tmp_path / "decisions",),
            "models_dir": models_dir,
            "store": tmp_path / "versions",
            "config": CONFIGS_DIR / "manhole.yaml",
            "epochs": 1,
            "last_flights": 3,
            "replay": False,
            "settings": RetrainingSettings(),
        }
        | changes
    )
