"""Hard negatives: the tiles of a clean flight on which a model sees something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from detection.detectors.base import Detector
from detection.detectors.manifest import ModelManifest, load_manifest, select_manifests
from detection.domain.errors import ModelError
from detection.domain.geometry import Tile
from detection.domain.hazard import HazardClass
from detection.settings import load_settings
from detection.tiling import cut_tile, tile_photo
from training.composed_settings import FlightNegatives
from training.data.annotation import AnnotatedPhoto
from training.data.following import follow
from training.data.negatives import write_tile
from training.data.notes import write_note
from training.data.pixels import read_pixels
from training.record import hash_file

TileImage = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ScoredTile:
    """A deployed tile of a photo and the highest score of a hazard class on it; 0.0 is none."""

    photo: AnnotatedPhoto
    tile: Tile
    score: float


def find_mining_model(
    name: str, classes: Sequence[HazardClass], repository_dir: Path
) -> ModelManifest:
    """Return the model of a ``mined_with``: promoted name, manifest, or exported ``.onnx``.

    An exported file has no manifest: its classes are taken to be those of the run that mines.

    Raises:
        ModelError: there is no such model, or the file is not a detector of square tiles.
    """
    if name.endswith((".yaml", ".yml")):
        return load_manifest(repository_dir / name)
    if not name.endswith(".onnx"):
        return select_manifests((name,))[0]
    path = repository_dir / name
    task, tile_px = _read_header(path)
    return ModelManifest(
        name=path.stem,
        task=task,
        classes=tuple(classes),
        thresholds=dict.fromkeys(classes, 1.0),
        score_floor=0.0,
        tile_px=tile_px,
        weights_path=path,
        weights_sha256=hash_file(path),
        format="onnx",
    )


def mine_negatives(
    source: FlightNegatives,
    photos: Sequence[AnnotatedPhoto],
    detector: Detector,
    out_dir: Path,
    *,
    seed: int,
) -> list[AnnotatedPhoto]:
    """Return the tiles of a clean flight that fool the detector, and some quiet ones beside them.

    Tiles are cut as in deployment and keep the boxes of what the photos are known to show.
    ``out_dir`` gets them as JPEGs, with a note of which model chose them, from how many, and
    their scores. ``detector`` should return everything from
    ``source.min_score`` upwards.
    """
    scored = list(score_tiles(detector, photos))
    firing = sorted(
        (item for item in scored if item.score >= source.min_score), key=lambda item: -item.score
    )[: source.max_tiles]
    quiet = _draw_quiet(scored, source, round(source.quiet_share * len(firing)), seed)
    kept = [
        write_tile(
            _cut_without_padding(item, detector.manifest.tile_px),
            out_dir / _name_tile(item),
            item.photo,
            item.tile,
        )
        for item in (*firing, *quiet)
    ]
    note = {
        "flight": source.label,
        "model": source.mined_with,
        "weights_sha256": detector.manifest.weights_sha256,
        "tile_px": detector.manifest.tile_px,
        "tiles_looked_at": len(scored),
        "tiles_firing": sum(item.score >= source.min_score for item in scored),
        "tiles_kept": len(firing),
        "quiet_tiles_kept": len(quiet),
        "known_things_kept": sum(len(tile.annotations) for tile in kept),
        "scores": {_name_tile(item): round(item.score, 4) for item in firing},
    }
    write_note(out_dir, note)
    return kept


def score_tiles(detector: Detector, photos: Sequence[AnnotatedPhoto]) -> Iterator[ScoredTile]:
    """Yield every deployed tile of the photos with the highest score of a hazard class on it."""
    settings = load_settings()
    manifest = detector.manifest
    hazards = [index for index, key in enumerate(manifest.classes) if key.is_hazard]
    plan = [
        (photo, tile)
        for photo in photos
        for tile in tile_photo(
            photo.width_px,
            photo.height_px,
            tile_px=manifest.tile_px,
            overlap=settings.overlap,
            include_overview=settings.include_overview,
        )
    ]
    answers = detector.detect_tiles(_cut_all(plan, manifest.tile_px))
    for (photo, tile), answer in zip(follow(plan, "Mining tiles"), answers, strict=True):
        scores = answer.rows[np.isin(answer.rows[:, 5], hazards), 4]
        yield ScoredTile(photo, tile, float(scores.max(initial=0.0)))


def _cut_all(
    plan: Iterable[tuple[AnnotatedPhoto, Tile]], tile_px: int
) -> Iterator[NDArray[np.uint8]]:
    for photo, group in groupby(plan, key=itemgetter(0)):
        pixels = read_pixels(photo.path)
        yield from (cut_tile(pixels, tile, tile_px) for _, tile in group)


def _cut_without_padding(item: ScoredTile, tile_px: int) -> NDArray[np.uint8]:
    """Return the pixels that the detector saw, less the grey: the trainer pads by itself."""
    tile = item.tile
    cut = cut_tile(read_pixels(item.photo.path), tile, tile_px)
    height_px = min(tile_px, round((tile.y_max - tile.y_min) * tile.scale))
    width_px = min(tile_px, round((tile.x_max - tile.x_min) * tile.scale))
    return cut[:height_px, :width_px]


def _draw_quiet(
    scored: Sequence[ScoredTile], source: FlightNegatives, count: int, seed: int
) -> list[ScoredTile]:
    quiet = [item for item in scored if item.score < source.min_score]
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(quiet))[:count]
    return [quiet[index] for index in sorted(chosen)]


def _name_tile(item: ScoredTile) -> str:
    tile = item.tile
    scale = "" if tile.scale == 1.0 else "_overview"
    return f"{item.photo.path.stem}_{tile.x_min}_{tile.y_min}{scale}.jpg"


def _read_header(path: Path) -> tuple[str, int]:
    """Return task and tile side of an exported model."""
    if not path.is_file():
        message = f"There is no exported model {path}."
        raise ModelError(message, remedy="Export or promote the run first, or name another model.")
    try:
        network = ov.Core().read_model(str(path))
        shape = tuple(network.input(0).shape)
    except RuntimeError as error:
        message = f"{path} is not a model with photos of fixed size ({error})."
        raise ModelError(message, remedy="Export the run again.") from error
    if len(shape) != len("NCHW") or shape[2] != shape[3]:
        message = f"{path} takes {shape}, not one square photo."
        raise ModelError(message, remedy="Export it with a square imgsz.")
    return ("segment" if len(network.outputs) > 1 else "detect"), int(shape[2])
