"""What a run and its export must be before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detection.detectors.base import TileImage
from detection.domain.errors import ModelError
from detection.tiling import cut_tile
from training.data.annotation import AnnotatedPhoto
from training.data.pixels import read_pixels
from training.evaluation.evaluate import plan_tiles
from training.promotion.export import Parity
from training.record import hash_file

MAX_WEIGHTS_BYTES = 12 * 1024 * 1024
PARITY_TILES = 6


def check_trained(run_dir: Path, record: Mapping[str, Any]) -> None:
    """Refuse a run that did not end, or whose weights changed since.

    Raises:
        ModelError: says which.
    """
    if record.get("state") != "trained":
        message = f"The run {run_dir} did not end: its state is {record.get('state')}."
        raise ModelError(message, remedy="Train again, or wait for it.")
    weights = run_dir / str(record["weights"])
    if not weights.is_file() or hash_file(weights) != record["weights_sha256"]:
        message = f"{weights} is not the file that the run recorded."
        raise ModelError(message, remedy="Restore it or train again.")


def check_export(onnx_path: Path, parity: Parity) -> None:
    """Refuse an export that is too big or says something else than its checkpoint.

    Raises:
        ModelError: says which.
    """
    size = onnx_path.stat().st_size
    if size > MAX_WEIGHTS_BYTES:
        message = f"{onnx_path} has {size / 1e6:.1f} MB; at most 12 MiB are shipped."
        raise ModelError(message, remedy="Train a smaller model.")
    if not parity.holds:
        message = (
            f"{onnx_path} disagrees with its checkpoint on {parity.unmatched} of "
            f"{parity.boxes} boxes."
        )
        if parity.mask_iou is not None:
            message += f" The masks overlap by {parity.mask_iou:.3f}."
        raise ModelError(message, remedy="Export again; report it if it stays so.")


def cut_parity_tiles(
    photos: Sequence[AnnotatedPhoto], tile_px: int, count: int = PARITY_TILES
) -> list[TileImage]:
    """Return tiles of photos that show something, spread over the list."""
    shown = [photo for photo in photos if not photo.is_negative] or list(photos)
    step = max(1, len(shown) // count)
    return [
        cut_tile(read_pixels(photo.path), plan_tiles(photo, tile_px, None)[0], tile_px)
        for photo in shown[::step][:count]
    ]
