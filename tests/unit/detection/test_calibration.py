"""Thresholds from a handful of labels: honest intervals, better on the whole, no guesses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.calibration import (
    Calibration,
    CalibrationSet,
    Camera,
    Estimate,
    ScoredBox,
    ThresholdFit,
    ThresholdPart,
    Verdict,
    camera_of,
    document_from_calibration,
    fit_threshold,
    load_calibration_settings,
    make_prior,
    read_calibrations,
    suggest_boxes,
)
from detection.calibration.curve import StoredCurve, curve_from_evaluation
from detection.calibration.document import CalibrationFileError
from detection.calibration.posterior import Prior, log_odds, prior_from_curve, sigmoid, update
from detection.calibration.settings import CALIBRATION_PATH
from detection.detectors.manifest import ModelManifest, select_manifests
from detection.domain.camera import CameraIntrinsics
from detection.domain.errors import ConfigurationError
from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo

THRESHOLD = 0.3
PHOTOS = 40
ALARMS_PER_MISS = 4.0
PRIOR = Prior(THRESHOLD, level=-0.5, level_std=1.5, log_slope=0.0, log_slope_std=0.4)
CAMERA = Camera("FC6310", 5472, 3648, 24)


def fit(
    boxes: list[ScoredBox], labels: dict[str, bool], *, prior: Prior = PRIOR, may_raise: bool = True
) -> ThresholdFit:
    return fit_threshold(
        boxes,
        labels,
        prior,
        threshold=THRESHOLD,
        photos=PHOTOS,
        alarms_per_miss=ALARMS_PER_MISS,
        least_labels=10,
        may_raise=may_raise,
    )


class World:
    """A camera of which everything is known: scores, and which boxes are true."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        level, slope = rng.normal(-0.5, 1.5), np.exp(rng.normal(0.0, 0.4))
        self.scores: FloatArray = np.clip(
            rng.beta(0.8, 2.5, int(rng.integers(80, 400))), 0.05, 0.99
        )
        odds = log_odds(self.scores) - log_odds(np.array([THRESHOLD]))
        self.is_true = rng.uniform(size=len(self.scores)) < sigmoid(level + slope * odds)
        self.boxes = [ScoredBox(str(key), float(score)) for key, score in enumerate(self.scores)]

    def label(self, count: int) -> dict[str, bool]:
        keys = suggest_boxes(self.boxes, THRESHOLD, count)
        return {key: bool(self.is_true[int(key)]) for key in keys}

    def alarms(self, threshold: float) -> float:
        return float((~self.is_true & (self.scores >= threshold)).sum()) / PHOTOS

    def recall(self, threshold: float) -> float:
        shown = float((self.is_true & (self.scores >= threshold)).sum())
        return shown / max(1, int(self.is_true.sum()))

    def cost(self, threshold: float) -> float:
        missed = (1.0 - self.recall(threshold)) * float(self.is_true.sum()) / PHOTOS
        return self.alarms(threshold) + ALARMS_PER_MISS * missed


def holds(estimate: Estimate, value: float) -> bool:
    return estimate.low - 1e-9 <= value <= estimate.high + 1e-9


def test_intervals_hold_the_truth_and_changes_are_for_the_better() -> None:
    inside, gains = [], []
    for seed in range(36):
        world = World(seed)
        found = fit(world.boxes, world.label(20))
        now, then = found.now.threshold, found.proposed.threshold
        inside += [
            holds(found.now.recall, world.recall(now)),
            holds(found.recall_change, world.recall(then) - world.recall(now)),
            holds(found.alarms_change, world.alarms(then) - world.alarms(now)),
        ]
        if found.verdict is Verdict.CHANGE:
            gains.append(world.cost(now) - world.cost(then))
    # 108 intervals of 95 %, three of each world: fewer than 0.9 would be far from chance.
    assert np.mean(inside) >= 0.9
    assert len(gains) >= 6
    assert np.mean(gains) > 0
    assert np.mean(np.array(gains) > 0) >= 0.9


def test_labels_that_say_too_little_say_how_many_more() -> None:
    boxes = World(1).boxes
    found = fit(boxes, dict.fromkeys([box.key for box in boxes[:7]], True))
    assert (found.verdict, found.more) == (Verdict.TOO_FEW, 3)
    few = boxes[:8]
    none_left = fit(few, dict.fromkeys([box.key for box in few], True))
    assert (none_left.verdict, none_left.more) == (Verdict.TOO_FEW, None)


def test_all_wrong_raises_and_all_right_lowers() -> None:
    boxes = World(3).boxes
    keys = suggest_boxes(boxes, THRESHOLD, 30)
    wrong = fit(boxes, dict.fromkeys(keys, False))
    right = fit(boxes, dict.fromkeys(keys, True))
    assert wrong.proposed.threshold > THRESHOLD > right.proposed.threshold
    assert wrong.alarms_change.high < 0
    assert right.recall_change.low > 0
    assert (wrong.verdict, right.verdict) == (Verdict.CHANGE, Verdict.CHANGE)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_guarded_threshold_never_rises(seed: int) -> None:
    world = World(seed)
    found = fit(world.boxes, dict.fromkeys(world.label(25), False), may_raise=False)
    assert found.proposed.threshold <= THRESHOLD
    assert found.recall_change.low >= 0


def test_order_of_boxes_changes_nothing_that_is_chosen() -> None:
    boxes = World(5).boxes
    assert suggest_boxes(boxes, THRESHOLD, 20) == suggest_boxes(boxes[::-1], THRESHOLD, 20)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.05, 0.99), st.integers(0, 5)), min_size=1, max_size=80),
    st.integers(1, 30),
)
def test_suggestions_are_distinct_and_reach_both_sides(
    drawn: list[tuple[float, int]], count: int
) -> None:
    boxes = [ScoredBox(str(key), score, f"p{place}") for key, (score, place) in enumerate(drawn)]
    chosen = suggest_boxes(boxes, THRESHOLD, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(boxes))
    sides = {box.score >= THRESHOLD for box in boxes}
    picked = {boxes[int(key)].score >= THRESHOLD for key in chosen}
    assert picked == sides or count < 2


def test_other_places_are_asked_first() -> None:
    boxes = [ScoredBox(f"a{number}", 0.5, "one place") for number in range(30)]
    boxes += [ScoredBox(f"b{number}", 0.5, f"place {number}") for number in range(5)]
    chosen = suggest_boxes(boxes, THRESHOLD, 6)
    places = {box.place for box in boxes if box.key in chosen}
    assert len(places) == 6


def test_prior_follows_the_curve_of_val() -> None:
    curve = StoredCurve(scores=(0.1, 0.5), hits=(100, 90), found=(300, 100))
    known = prior_from_curve(curve, 0.5, level_shift=1e-6, log_slope_shift=1e-6)
    certain = update(known, np.array([0.5]), np.zeros(1), np.zeros(1))
    low, high = (float(certain.weights @ certain.truth(np.array([x]))[:, 0]) for x in (0.3, 0.75))
    assert low == pytest.approx(10 / 200, abs=0.05)
    assert high == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize(
    "broken",
    [
        {"scores": (0.5, 0.1), "hits": (1, 1), "found": (2, 2)},
        {"scores": (0.1, 0.5), "hits": (3, 1), "found": (2, 2)},
        {"scores": (0.1, 0.5), "hits": (1,), "found": (2, 2)},
        {"scores": (0.0, 0.5), "hits": (1, 1), "found": (2, 2)},
    ],
)
def test_curve_that_cannot_be_is_none(broken: dict[str, object]) -> None:
    evaluation = {"val_deployed": {"classes": {"facade_crack": {"score_curve": broken}}}}
    assert curve_from_evaluation(evaluation, HazardClass.FACADE_CRACK) is None


def test_shipped_models_have_a_curve_of_their_own_val() -> None:
    shipped = load_calibration_settings()
    for manifest in select_manifests(()):
        for key in manifest.classes:
            prior = make_prior(manifest, key, shipped)
            assert prior is not None, f"{manifest.name}@{manifest.version} {key}"
            assert prior.centre == manifest.thresholds[key]
            assert prior.level_std >= shipped.shift.log_odds
    assert shipped.guarded == (HazardClass.MANHOLE_MISSING,)


def test_settings_out_of_range_are_named(tmp_path: Path) -> None:
    text = CALIBRATION_PATH.read_text(encoding="utf-8").replace("photos: 40", "photos: 0")
    path = tmp_path / "calibration.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="photos"):
        load_calibration_settings(path)


def make_photo(model: str | None, width: int, height: int, focal_px: float | None) -> Photo:
    lens = focal_px and CameraIntrinsics(width, height, focal_px, width / 2, height / 2, "test")
    return Photo("p", Path("p.jpg"), "0" * 64, width, height, None, model, lens or None, None)


def test_camera_is_its_model_sensor_and_lens() -> None:
    flat, upright = make_photo("FC6310", 5472, 3648, 3650), make_photo("FC6310", 3648, 5472, 3652)
    assert camera_of(flat) == camera_of(upright) == CAMERA
    assert camera_of(make_photo("FC6310", 5472, 3648, 10_000)) != CAMERA, "another lens"
    assert camera_of(make_photo("FC6310", 4000, 3000, 3650)) != CAMERA, "another sensor"
    assert camera_of(make_photo(" ", 4000, 3000, 3650)) is None


def make_calibration(manifest: ModelManifest, threshold: float, name: str = "7") -> Calibration:
    part = ThresholdPart(
        model=manifest.name,
        version=manifest.version,
        hazard_class=HazardClass.FACADE_CRACK,
        threshold=threshold,
        model_threshold=0.25,
    )
    return Calibration(name, CAMERA, (part,))


def test_file_holds_for_its_camera_and_version_alone(tmp_path: Path) -> None:
    (manifest,) = select_manifests(("facade_crack",))
    path = tmp_path / "camera.json"
    path.write_text(json.dumps(document_from_calibration(make_calibration(manifest, 0.4))))
    found = read_calibrations([path])
    own, other = make_photo("FC6310", 5472, 3648, 3650), make_photo("FC220", 4000, 3000, 3000)
    limits = {manifest.name: {HazardClass.FACADE_CRACK: 0.4}}
    assert found.limits_for(own, [manifest]) == limits
    assert found.limits_for(other, [manifest]) == {}
    assert found.limits_for(own, [replace(manifest, version="0" * 12)]) == {}
    assert found.name_for(own, manifest, HazardClass.FACADE_CRACK) == "7"
    assert found.digest() != CalibrationSet((make_calibration(manifest, 0.5),)).digest()
    assert CalibrationSet().digest() == ""


def test_of_two_of_one_camera_the_later_speaks() -> None:
    (manifest,) = select_manifests(("facade_crack",))
    both = CalibrationSet(
        (make_calibration(manifest, 0.4), make_calibration(manifest, 0.35, name="8"))
    )
    photo = make_photo("FC6310", 5472, 3648, 3650)
    assert both.limits_for(photo, [manifest])[manifest.name][HazardClass.FACADE_CRACK] == 0.35
    assert both.name_for(photo, manifest, HazardClass.FACADE_CRACK) == "8"


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 2}', '{"schema": 1, "calibration": "x"}'])
def test_file_that_is_no_calibration_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "camera.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CalibrationFileError, match=r"no calibration|cannot be read"):
        read_calibrations([path])
    with pytest.raises(CalibrationFileError, match="cannot be read"):
        read_calibrations([tmp_path / "missing.json"])


def test_labels_of_no_box_are_a_bug() -> None:
    with pytest.raises(ValueError, match="none of the boxes"):
        fit([ScoredBox("a", 0.5)], {"b": True})
    with pytest.raises(ValueError, match="there are none"):
        fit([], {})
