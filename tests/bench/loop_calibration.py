"""What 20 labels do to the thresholds of a camera that the models never met, on real photos.

``python -m tests.bench.loop_calibration``: val photos with known labels, made worse as a poor
camera would, and the unseen halves of the real flights, are the new cameras. Half of the groups
are looked at and labelled (the truth answers), the other half says what came of it; again and
again with other halves.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from detection.calibration import (
    ScoredBox,
    Verdict,
    fit_threshold,
    load_calibration_settings,
    make_prior,
    suggest_boxes,
)
from detection.detectors.base import Detector
from detection.detectors.manifest import ModelManifest, select_manifests
from detection.detectors.registry import load_detector
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.data.collect import load_catalogue_photos
from training.data.negatives import list_flight
from training.data.pixels import read_pixels
from training.evaluation.answers import answer_photos, class_boxes, list_boxes, pass_boxes
from training.evaluation.metrics import IOU_STEPS, match_class
from training.settings import CONFIGS_DIR, find_shared_dir, load_training_settings

FLOOR = 0.05
MODELS = ("facade_crack", "manhole")
LABELS = 20
HALVES = 12
SIDES = (True, False)
FLIGHTS: Mapping[str, tuple[str, tuple[int, int]]] = {
    "turin": ("flights/turin_nadir_p4m_rtk", (16, 32)),
    "sheffield": ("flights/sheffield_park_fc300s_800px/passB_heading180", (0, 33)),
}
"""Parts that no model was trained on; they show no defect, so every hazard box is false."""


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """A box of a class with its truth, and what of the camera's photos stays in one half."""

    box: ScoredBox
    is_true: bool
    unit: str


@dataclass(frozen=True, slots=True)
class Try:
    """One calibration: what it said, and the cost per photo of the other half, both ways."""

    verdict: Verdict
    threshold: float
    holds: bool
    before: float
    after: float


def measure_calibration(
    names: Sequence[str],
) -> list[dict[str, object]]:
    """Return one row for each model, new camera and class with boxes enough to label."""
    rows: list[dict[str, object]] = []
    for name in names:
        (manifest,) = select_manifests((name,))
        detector = load_detector(replace(manifest, score_floor=FLOOR), streams=1)
        shared = find_shared_dir(None)
        settings = load_training_settings(CONFIGS_DIR / f"{name}.yaml")
        val = [each for each in load_catalogue_photos(settings, shared) if each.split == "val"]
        with tempfile.TemporaryDirectory() as folder:
            cameras = {"val": val, "poor camera": spoil(val, Path(folder))}
            for flight, (path, part) in FLIGHTS.items():
                listed = list_flight(shared / path, dataset=flight, split="val", photos=part)
                cameras[flight] = listed
            for camera, photos in cameras.items():
                rows += judge_camera(manifest, detector, camera, photos)
    return rows


def judge_camera(
    manifest: ModelManifest, detector: Detector, camera: str, photos: Sequence[AnnotatedPhoto]
) -> list[dict[str, object]]:
    """Return what calibrating on halves of the photos does to the other halves, class by class."""
    units = name_units(photos)
    found = look(manifest, detector, photos, units)
    rows = []
    for key, boxes in found.items():
        tries = []
        for first in choose_halves(units):
            halves = [sum((unit in first) is side for unit in units.values()) for side in SIDES]
            if sum(each.unit in first for each in boxes) >= LABELS:
                tries.append(judge_class(manifest, key, boxes, first, halves))
        if tries:
            rows.append({"camera": camera, "model": manifest.name} | sum_up(key, tries))
    return rows


def sum_up(key: HazardClass, tries: Sequence[Try]) -> dict[str, object]:
    """Return how often what was said, and what became of the cost where something was changed."""
    changed = [one for one in tries if one.verdict is Verdict.CHANGE]
    verdicts = Counter(one.verdict.value for one in tries)
    return {
        "hazard_class": key.value,
        "halves": len(tries),
        "verdicts": dict(verdicts),
        "intervals_of_alarms_that_hold": round(float(np.mean([one.holds for one in tries])), 3),
        "changed_for_the_better": sum(one.after < one.before for one in changed),
        "cost_per_photo_where_changed": _mean_costs(changed),
        "thresholds": sorted(one.threshold for one in changed),
    }


def _mean_costs(changed: Sequence[Try]) -> list[float] | None:
    """Return the mean cost before and after; None where nothing was changed."""
    if not changed:
        return None
    sides = ([one.before for one in changed], [one.after for one in changed])
    return [round(float(np.mean(side)), 3) for side in sides]


def look(
    manifest: ModelManifest,
    detector: Detector,
    photos: Sequence[AnnotatedPhoto],
    units: Mapping[str, str],
) -> dict[HazardClass, list[LabelledBox]]:
    """Return every box by class, as a calibration sees them, with its truth at IoU 0.5."""
    limits = dict.fromkeys(manifest.classes, FLOOR)
    found: dict[HazardClass, list[LabelledBox]] = {key: [] for key in manifest.classes}
    for answer in answer_photos(detector, photos, tiled=True):
        shown = pass_boxes(list_boxes(answer, manifest), limits)
        for key in manifest.classes:
            matches = match_class(class_boxes(answer.photo, shown, key), IOU_STEPS[:1])
            found[key] += [
                LabelledBox(
                    ScoredBox(f"{answer.photo.name}#{index}", float(score)),
                    bool(hit),
                    units[answer.photo.name],
                )
                for index, (score, hit) in enumerate(
                    zip(matches.scores, matches.hits[0], strict=True)
                )
            ]
    return found


def judge_class(
    manifest: ModelManifest,
    key: HazardClass,
    boxes: Sequence[LabelledBox],
    first: Collection[str],
    halves: Sequence[int],
) -> Try:
    """Calibrate on the boxes of the ``first`` half and return what came of it in the other."""
    settings = load_calibration_settings()
    prior = make_prior(manifest, key, settings)
    if prior is None:
        message = f"{manifest.name} has no curve of {key}"
        raise ValueError(message)
    own = [each for each in boxes if each.unit in first]
    truth = {each.box.key: each.is_true for each in own}
    now, per_miss = manifest.thresholds[key], settings.cost_of(key)
    asked = suggest_boxes([each.box for each in own], now, LABELS)
    fit = fit_threshold(
        [each.box for each in own],
        {name: truth[name] for name in asked},
        prior,
        threshold=now,
        photos=halves[0],
        alarms_per_miss=per_miss,
        least_labels=settings.least_labels,
        may_raise=key not in settings.guarded,
    )
    then = fit.proposed.threshold
    change = alarms(own, then, halves[0]) - alarms(own, now, halves[0])
    other = [each for each in boxes if each.unit not in first]
    return Try(
        verdict=fit.verdict,
        threshold=then,
        holds=fit.alarms_change.low - 1e-9 <= change <= fit.alarms_change.high + 1e-9,
        before=cost(other, now, halves[1], per_miss),
        after=cost(other, then, halves[1], per_miss),
    )


def alarms(boxes: Sequence[LabelledBox], threshold: float, photos: int) -> float:
    """Return false boxes per photo."""
    return sum(not one.is_true and one.box.score >= threshold for one in boxes) / max(1, photos)


def cost(boxes: Sequence[LabelledBox], threshold: float, photos: int, per_miss: float) -> float:
    """Return false alarms and misses per photo, in false alarms."""
    missed = sum(one.is_true and one.box.score < threshold for one in boxes)
    return alarms(boxes, threshold, photos) + per_miss * missed / max(1, photos)


def name_units(photos: Sequence[AnnotatedPhoto]) -> dict[str, str]:
    """Return what of the photos stays in one half: their groups, of one flight every photo."""
    is_flight = len({photo.group for photo in photos}) == 1
    return {photo.name: photo.name if is_flight else photo.group for photo in photos}


def choose_halves(units: Mapping[str, str]) -> Iterator[frozenset[str]]:
    """Yield one half of the units after the other, by chance but always the same ones."""
    names = sorted(set(units.values()))
    for seed in range(HALVES):
        order = np.random.default_rng(seed).permutation(len(names))
        yield frozenset(names[index] for index in order[: len(names) // 2])


def spoil(photos: Sequence[AnnotatedPhoto], folder: Path) -> list[AnnotatedPhoto]:
    """Return the photos as a poor camera takes them: half as fine, pale, noisy, compressed."""
    return [
        replace(photo, path=_spoil_one(photo, folder / f"{index}.jpg"))
        for index, photo in enumerate(photos)
    ]


def _spoil_one(photo: AnnotatedPhoto, path: Path) -> Path:
    pixels = cv2.cvtColor(read_pixels(photo.path), cv2.COLOR_RGB2BGR)
    height, width = pixels.shape[:2]
    blurred = cv2.GaussianBlur(pixels, (0, 0), 2.4)
    small = cv2.resize(blurred, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    noise = np.random.default_rng(1).normal(0.0, 5.0, large.shape)
    spoilt = np.clip(large * 0.75 + 20 + noise, 0, 255).astype(np.uint8)
    cv2.imwrite(str(path), spoilt, [cv2.IMWRITE_JPEG_QUALITY, 35])
    return path


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_calibration(sys.argv[1:] or MODELS)) + "\n")
