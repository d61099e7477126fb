"""The gate: equal false alarms, paired photos, and what two ways of running a model must share."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from detection.detectors.base import TileDetections
from detection.detectors.manifest import ModelManifest
from detection.detectors.registry import load_detector
from detection.domain.errors import ModelError
from detection.domain.geometry import BBox, Tile
from detection.domain.hazard import HazardClass
from tests.fakes import build_manifest
from training.data.annotation import AnnotatedPhoto, Annotation
from training.evaluation.answers import PhotoAnswer
from training.evaluation.sweep import Sweep
from training.promotion.agreement import compare_answers, measure_speed
from training.promotion.duel import Contender, choose_equal, compare_class, mean_ap50
from training.promotion.gate import (
    GateLine,
    GateReport,
    compare_with_active,
    markdown_from_report,
    refuse,
)
from training.promotion.quantize import cut_calibration_tiles, list_float_nodes, quantize_model
from training.promotion_rules import PromotionRules

MISSING = HazardClass.MANHOLE_MISSING
SIDE = 160
TRUE_BOX = (64.0, 64.0, 128.0, 128.0)
ELSEWHERE = (2.0, 2.0, 30.0, 30.0)

Finds = list[tuple[tuple[float, float, float, float], float]]


def build_contender(finds: list[Finds], *, threshold: float, negatives: int = 0) -> Contender:
    """A model of one class that says ``finds`` of photos with one cover each, negatives last."""
    manifest = build_manifest(classes=(MISSING,), threshold=threshold, tile_px=SIDE)
    answers = []
    for index, boxes in enumerate(finds):
        shows = index < len(finds) - negatives
        photo = AnnotatedPhoto(
            f"{index}.png",
            Path(f"{index}.png"),
            SIDE,
            SIDE,
            "val",
            f"site{index}",
            "drawn",
            (Annotation(MISSING, BBox(*TRUE_BOX)),) if shows else (),
        )
        rows = np.array([[*box, score, 0] for box, score in boxes], dtype=np.float32)
        found = TileDetections.from_rows(rows.reshape(-1, 6))
        answers.append(PhotoAnswer(photo, ((Tile(0, 0, SIDE, SIDE, 1.0), found),)))
    return Contender(manifest, tuple(answers))


HIT: Finds = [(TRUE_BOX, 0.8)]
FAINT: Finds = [(TRUE_BOX, 0.3)]
ALARM: Finds = [(ELSEWHERE, 0.6)]
LOUD: Finds = [(ELSEWHERE, 0.5)]


def test_the_candidate_is_judged_at_the_false_alarms_of_the_active_model() -> None:
    active = build_contender([HIT, HIT, [], ALARM], threshold=0.5, negatives=1)
    candidate = build_contender([FAINT, FAINT, FAINT, LOUD], threshold=0.9, negatives=1)
    duel = compare_class(MISSING, candidate, active)
    assert duel.active_recall == pytest.approx(2 / 3)
    assert duel.active_alarms_per_image == 0.25
    assert duel.candidate_recall == 1.0, "one alarm is allowed, so it may go down to 0.3"
    assert duel.candidate_alarms_per_image == 0.25
    assert duel.threshold is not None
    assert duel.threshold <= 0.3
    assert duel.difference == pytest.approx(1 / 3)
    assert duel.interval is not None
    assert duel.interval[0] >= 0


def test_a_louder_candidate_has_to_give_up_recall() -> None:
    active = build_contender([HIT, HIT, []], threshold=0.5, negatives=1)
    candidate = build_contender([FAINT, HIT, LOUD], threshold=0.2, negatives=1)
    duel = compare_class(MISSING, candidate, active)
    assert (duel.active_recall, duel.candidate_recall) == (1.0, 0.5)
    assert duel.candidate_alarms_per_image == 0.0
    assert duel.threshold is not None
    assert duel.threshold > 0.5


def test_a_candidate_that_is_never_quiet_enough_finds_nothing() -> None:
    active = build_contender([HIT, []], threshold=0.5, negatives=1)
    candidate = build_contender([HIT, [(ELSEWHERE, 0.99)]], threshold=0.5, negatives=1)
    duel = compare_class(MISSING, candidate, active)
    assert (duel.threshold, duel.candidate_recall) == (None, 0.0)


def test_the_best_row_among_the_quiet_ones_is_taken() -> None:
    hits = np.array([[1, 1], [1, 0], [0, 0]])
    found = np.array([[2, 1], [1, 0], [0, 0]])
    truths, quiet = np.array([1, 1]), np.array([False, False])
    sweep = Sweep(np.array([0.1, 0.2, 0.3]), hits, found, truths, quiet)
    assert choose_equal(sweep, allowed_alarms=1) == 0
    assert choose_equal(sweep, allowed_alarms=0) == 1


def test_a_class_that_the_candidate_lost_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = {
        "old": build_contender([HIT], threshold=0.5),
        "new": build_contender([HIT], threshold=0.5),
    }
    old = replace(sides["old"].manifest, name="old")
    new = replace(sides["new"].manifest, name="new", classes=(HazardClass.FACADE_CRACK,))

    def answer_as(manifest: ModelManifest, _: object) -> Contender:
        return sides[manifest.name]

    monkeypatch.setattr("training.promotion.gate.let_answer", answer_as)
    rules = PromotionRules(min_boxes=1)
    lines, duels = compare_with_active(new, old, [], rules)
    assert [(line.name, line.passed) for line in lines][1:] == [
        (f"recall of {MISSING.value}", False)
    ]
    assert duels == ()
    lines, _ = compare_with_active(replace(new, classes=(MISSING,)), old, [], rules)
    assert [line.passed for line in lines] == [True, True]
    assert compare_with_active(new, None, [], rules)[0][0].passed is None
    few, _ = compare_with_active(
        replace(new, classes=(MISSING,)), old, [], PromotionRules(min_boxes=3)
    )
    assert [line.passed for line in few] == [False, True]
    assert "1 true boxes; 3 are needed" in few[0].text
    assert "Label 2 more" in few[0].text


def test_the_rules_name_a_loss_for_each_class() -> None:
    rules = PromotionRules(max_recall_loss={MISSING: 0.0}, default_recall_loss=0.1)
    assert rules.allowed_loss(MISSING) == 0.0
    assert rules.allowed_loss(HazardClass.FACADE_CRACK) == 0.1


def test_a_refusal_names_only_what_failed() -> None:
    lines = (
        GateLine("speed", passed=True, text="fast"),
        GateLine("runtimes", passed=False, text="3 of 4"),
    )
    report = GateReport("manhole", "abc", "", 4, lines)
    assert not report.passed
    error = refuse(report)
    assert "runtimes: 3 of 4" in error.message
    assert "speed" not in error.message
    assert "| runtimes | **no** | 3 of 4 |" in markdown_from_report(report)
    assert "on purpose" in markdown_from_report(replace(report, forced="on purpose"))


def test_mean_ap_is_over_the_classes_that_are_shown() -> None:
    contender = build_contender([HIT, []], threshold=0.5)
    mean, by_class = mean_ap50(contender)
    assert mean == pytest.approx(by_class[MISSING])
    assert 0.4 < mean < 0.6


def test_agreement_counts_both_ways_and_tells_the_score_error() -> None:
    one = TileDetections.from_rows(np.array([[*TRUE_BOX, 0.8, 0]], dtype=np.float32))
    moved = TileDetections.from_rows(np.array([[*TRUE_BOX, 0.7, 0]], dtype=np.float32))
    none = TileDetections.from_rows(np.zeros((0, 6), dtype=np.float32))
    same = compare_answers("pair", [one], [moved], iou=0.9)
    assert (same.boxes, same.matched, same.share) == (2, 2, 1.0)
    assert same.max_score_error == pytest.approx(0.1, abs=1e-6)
    lost = compare_answers("pair", [one, none], [none, none], iou=0.9)
    assert (lost.boxes, lost.matched, lost.share) == (1, 0, 0.0)
    assert compare_answers("pair", [none], [none], iou=0.9).share == 1.0


def save_convolution(path: Path) -> Path:
    """Four convolutions, the last without activation; the model answers 100 boxes."""
    random = np.random.default_rng(1)
    weights = {
        "w0": random.normal(0, 0.2, (8, 3, 3, 3)).astype(np.float32),
        "w1": random.normal(0, 0.2, (8, 8, 1, 1)).astype(np.float32),
        "w2": random.normal(0, 0.2, (8, 8, 1, 1)).astype(np.float32),
        "w3": random.normal(0, 0.2, (6, 8, 1, 1)).astype(np.float32),
        "shape": np.array([1, 6, -1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["images", "w0"], ["a"], "/model.0/conv/Conv", strides=[16, 16]),
        helper.make_node("Sigmoid", ["a"], ["s"], "/model.0/act/Sigmoid"),
        helper.make_node("Mul", ["a", "s"], ["m"], "/model.0/act/Mul"),
        helper.make_node("Conv", ["m", "w1"], ["c"], "/model.1/conv/Conv"),
        helper.make_node("Relu", ["c"], ["d"], "/model.1/act/Relu"),
        helper.make_node("Conv", ["d", "w2"], ["e"], "/model.2/conv/Conv"),
        helper.make_node("Sigmoid", ["e"], ["f"], "/model.2/act/Sigmoid"),
        helper.make_node("Conv", ["f", "w3"], ["b"], "/model.3/last/Conv"),
        helper.make_node("Reshape", ["b", "shape"], ["r"], "/model.3/Reshape"),
        helper.make_node("Sigmoid", ["r"], ["p"], "/model.3/Sigmoid"),
        helper.make_node("Transpose", ["p"], ["output0"], "/model.3/Transpose", perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "two",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 100, 6])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture
def train_photos(tmp_path: Path) -> list[AnnotatedPhoto]:
    photos = []
    for index, split in enumerate(["train"] * 12 + ["val"]):
        path = tmp_path / f"{index}.png"
        grey = np.random.default_rng(index).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
        cv2.imwrite(str(path), grey)
        photos.append(AnnotatedPhoto(path.name, path, SIDE, SIDE, split, path.stem, "drawn"))
    return photos


def test_int8_is_calibrated_on_training_photos_alone(train_photos: list[AnnotatedPhoto]) -> None:
    assert len(cut_calibration_tiles(train_photos, SIDE)) == 12
    with pytest.raises(ModelError, match="no training photo"):
        cut_calibration_tiles(train_photos[-1:], SIDE)


def test_int8_weights_load_in_both_runtimes_and_keep_the_last_layer_in_float(
    tmp_path: Path, train_photos: list[AnnotatedPhoto]
) -> None:
    plain = save_convolution(tmp_path / "plain.onnx")
    assert list_float_nodes(onnx.load(plain)) == [
        "/model.0/conv/Conv",
        "/model.1/conv/Conv",
        "/model.3/last/Conv",
    ]
    tiles = cut_calibration_tiles(train_photos, SIDE)
    small = quantize_model(plain, tiles, tmp_path / "small.onnx")
    kinds = [node.op_type for node in onnx.load(small).graph.node]
    assert kinds.count("QuantizeLinear") == 1, "the input of the third convolution alone"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == []
    manifest = build_manifest(
        classes=(MISSING, HazardClass.MANHOLE_OK), tile_px=SIDE, weights_path=small
    )
    manifest = replace(manifest, weights_sha256=_sha256(small), score_floor=0.0)
    ours = load_detector(manifest, runtime="openvino", streams=1)
    other = load_detector(manifest, runtime="onnx", streams=1)
    assert [len(list(one.detect_tiles(tiles[:2]))) for one in (ours, other)] == [2, 2]
    assert measure_speed(ours, other, tiles[:2]).ratio > 0


def test_what_cannot_be_quantised_is_named_and_leaves_nothing(
    tmp_path: Path, train_photos: list[AnnotatedPhoto]
) -> None:
    path = tmp_path / "no.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"no\.onnx cannot be quantised"):
        quantize_model(path, cut_calibration_tiles(train_photos, SIDE), tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
