"""How good outlines are against the logit at which masks are cut, on training photos.

Run as ``python -m tests.bench.outline_cut [facade_crack]``; prints one JSON object by cut. Photos
of val choose nothing here: they are what the card reports. The folder of shared photos is needed.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from pathlib import Path

from detection.detectors.manifest import ModelManifest, select_manifests
from detection.detectors.registry import load_detector
from training.data.annotation import AnnotatedPhoto
from training.data.collect import load_catalogue_photos
from training.evaluation.evaluate import RANKING_FLOOR, answer_photos, evaluate_answers
from training.settings import REPOSITORY_DIR, find_shared_dir, load_training_settings

CUTS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
PHOTOS = 300
SEED = 20261123
CONFIG = REPOSITORY_DIR / "configs" / "training" / "{name}.yaml"


def measure_cuts(name: str) -> dict[str, dict[str, float | None]]:
    """Return figures of outlines by cut, at the shipped thresholds."""
    (manifest,) = select_manifests((name,))
    settings = load_training_settings(Path(str(CONFIG).format(name=manifest.name)))
    train = [
        photo
        for photo in load_catalogue_photos(settings, find_shared_dir(None))
        if photo.split == "train"
    ]
    photos = random.Random(SEED).sample(train, PHOTOS)  # noqa: S311  # a draw, no secret
    return {f"{cut:g}": _measure(replace(manifest, mask_cut=cut), photos) for cut in CUTS}


def _measure(manifest: ModelManifest, photos: list[AnnotatedPhoto]) -> dict[str, float | None]:
    detector = load_detector(replace(manifest, score_floor=RANKING_FLOOR), precision="fp32")
    answers = answer_photos(detector, photos, tiled=True)
    found = evaluate_answers(answers, manifest, manifest.thresholds, tiled=True)
    pixels = found.pixels
    return {
        "photos": float(found.photos),
        "mask_ap50": found.figures[0].mask_ap50,
        "pixel_f1": pixels.f1 if pixels else None,
        "pixel_best_f1": pixels.best_f1 if pixels else None,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_cuts(*sys.argv[1:] or ["facade_crack"]), indent=1) + "\n")
