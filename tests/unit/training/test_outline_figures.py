"""Figures by outline: average precision as pycocotools has it, pixels and lengths."""

from __future__ import annotations

import contextlib
import io

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detection.domain.geometry import Polygon
from tests.answers import CRACK, SIZE_PX, build_answer, build_outline, crack_manifest
from training.evaluation.answers import list_boxes, select_truth
from training.evaluation.evaluate import Evaluation, PhotoAnswer, evaluate_answers
from training.evaluation.outlines import FOUND_SHIFT_PX, draw_outlines, encode_mask
from training.evaluation.pixels import LENGTH_TOLERANCE_PX, sweep_pixels
from training.promotion.thresholds import choose_thresholds
from training.settings import ThresholdRule

LIMITS = {CRACK: 0.3}


def draw_crack(rng: np.random.Generator) -> Polygon:
    """A thin slanting band of five corners a side."""
    x = np.sort(rng.uniform(5, SIZE_PX[0] - 5, 5))
    y = np.clip(rng.uniform(10, SIZE_PX[1] - 20) + np.cumsum(rng.normal(0, 6, 5)), 2, 140)
    width = rng.uniform(3, 12)
    upper = np.stack([x, y], axis=1)
    lower = upper[::-1] + np.array([0, width])
    return tuple((round(float(a), 1), round(float(b), 1)) for a, b in np.vstack([upper, lower]))


def bounds(polygon: Polygon) -> tuple[float, float, float, float]:
    xs, ys = zip(*polygon, strict=True)
    return (min(xs), min(ys), max(xs), max(ys))


def draw_answers(seed: int, photos: int, *, coarse_scores: bool = False) -> list[PhotoAnswer]:
    rng = np.random.default_rng(seed)
    answers = []
    for number in range(photos):
        truth = [draw_crack(rng) for _ in range(rng.integers(0, 4))]
        moved = [
            tuple((x + float(rng.normal(0, 1.2)), y + float(rng.normal(0, 1.2))) for x, y in ring)
            for ring in truth
            if rng.random() < 0.8
        ]
        found = [*moved, *(draw_crack(rng) for _ in range(rng.integers(0, 3)))]
        found = [
            tuple((min(max(x, 0.0), 199.0), min(max(y, 0.0), 159.0)) for x, y in r) for r in found
        ]
        scores = rng.random(len(found))
        scores = scores.round(1) if coarse_scores else scores
        rows = [(0, float(score), bounds(ring)) for score, ring in zip(scores, found, strict=True)]
        answers.append(
            build_answer(
                f"{number}.jpg", [build_outline(ring) for ring in truth], rows, [[r] for r in found]
            )
        )
    return answers


def measure_with_pycocotools(answers: list[PhotoAnswer]) -> tuple[float, float]:
    """Mask AP of pycocotools over the same pixels."""
    truth: list[dict[str, object]] = []
    found: list[dict[str, object]] = []
    for number, answer in enumerate(answers):
        common = {"image_id": number, "category_id": 1}
        for item in select_truth(answer.photo, CRACK):
            mask = draw_outlines([item.polygon], *SIZE_PX)
            truth.append(
                {
                    **common,
                    "id": len(truth) + 1,
                    "segmentation": encode_mask(mask),
                    "area": float(mask.sum()),
                    "iscrowd": 0,
                }
            )
        for box in list_boxes(answer, crack_manifest()):
            mask = draw_outlines(box.detection.polygons, *SIZE_PX, shift_px=FOUND_SHIFT_PX)
            found.append(
                {**common, "segmentation": encode_mask(mask), "score": box.detection.score}
            )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [
                {"id": n, "width": SIZE_PX[0], "height": SIZE_PX[1]} for n in range(len(answers))
            ],
            "categories": [{"id": 1, "name": "crack"}],
            "annotations": truth,
        }
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(found), "segm")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[1]), float(run.stats[0])


def evaluate_cracks(answers: list[PhotoAnswer]) -> Evaluation:
    return evaluate_answers(answers, crack_manifest(), LIMITS, tiled=False)


@pytest.mark.parametrize("seed", range(5))
def test_mask_average_precision_equals_pycocotools(seed: int) -> None:
    answers = draw_answers(seed, 20, coarse_scores=seed % 2 == 1)
    (ours,) = evaluate_cracks(answers).figures
    ap50, ap50_95 = measure_with_pycocotools(answers)
    assert 0.05 < ap50_95 < ap50 < 0.95
    assert ours.mask_ap50 == pytest.approx(ap50, abs=1e-6)
    assert ours.mask_ap50_95 == pytest.approx(ap50_95, abs=1e-6)
    assert ours.ap50_95 != pytest.approx(ours.mask_ap50_95, abs=1e-3)


LINE: Polygon = ((20, 50), (119, 50), (119, 53), (20, 53))  # traced: 100 x 4 pixels
EDGES: Polygon = ((20.25, 50.25), (119.75, 50.25), (119.75, 53.75), (20.25, 53.75))


def test_found_and_traced_outlines_of_the_same_pixels_are_drawn_alike() -> None:
    traced = draw_outlines([LINE], *SIZE_PX)
    assert traced.sum() == 400
    np.testing.assert_array_equal(draw_outlines([EDGES], *SIZE_PX, shift_px=FOUND_SHIFT_PX), traced)


def test_outline_traced_from_a_mask_gives_the_mask_back() -> None:
    rng = np.random.default_rng(3)
    noise = cv2.GaussianBlur(rng.random((SIZE_PX[1], SIZE_PX[0])), (0, 0), 4)
    mask: NDArray[np.uint8] = np.asarray(noise > noise.mean() + 0.03, dtype=np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(mask), contours, -1, (1,), cv2.FILLED)
    rings = [tuple((float(x), float(y)) for x, y in contour[:, 0]) for contour in contours]
    np.testing.assert_array_equal(draw_outlines(rings, *SIZE_PX), filled)


def move(polygon: Polygon, dx: float, dy: float) -> Polygon:
    return tuple((x + dx, y + dy) for x, y in polygon)


def answer_line(found: Polygon, truth: Polygon = LINE, score: float = 0.9) -> PhotoAnswer:
    return build_answer("a.jpg", [build_outline(truth)], [(0, score, bounds(found))], [[found]])


def test_pixels_of_a_shifted_outline() -> None:
    pixels = evaluate_cracks([answer_line(move(EDGES, 0, 2))]).pixels
    assert pixels is not None
    assert (pixels.precision, pixels.recall, pixels.f1) == pytest.approx((0.5, 0.5, 0.5))
    assert pixels.iou == pytest.approx(200 / 600)
    assert pixels.length_recall == 1.0  # two pixels away is near enough for a length
    assert pixels.length_precision == 1.0


def test_length_counts_what_lies_within_the_tolerance() -> None:
    half: Polygon = ((20.25, 50.25), (69.75, 50.25), (69.75, 53.75), (20.25, 53.75))
    pixels = evaluate_cracks([answer_line(half)]).pixels
    assert pixels is not None
    assert pixels.recall == pytest.approx(0.5)
    assert pixels.length_recall == pytest.approx((50 + LENGTH_TOLERANCE_PX) / 100, abs=0.03)
    assert pixels.length_precision == 1.0
    far = evaluate_cracks([answer_line(move(EDGES, 0, 30))]).pixels
    assert far is not None
    assert (far.f1, far.length_recall, far.length_precision) == (0.0, 0.0, 0.0)


def test_pixels_are_added_up_over_all_photos() -> None:
    silent = build_answer("b.jpg", [build_outline(LINE)])
    wrong = build_answer("c.jpg", [], [(0, 0.9, bounds(EDGES))], [[EDGES]])
    pixels = evaluate_cracks([answer_line(EDGES), silent, wrong]).pixels
    assert pixels is not None
    assert (pixels.precision, pixels.recall) == pytest.approx((0.5, 0.5))
    assert pixels.iou == pytest.approx(1 / 3)


def test_outlines_below_the_threshold_paint_nothing() -> None:
    pixels = evaluate_cracks([answer_line(EDGES, score=0.29)]).pixels
    assert pixels is not None
    assert pixels.recall == 0.0
    assert pixels.precision is None
    assert pixels.length_precision is None


def test_truth_of_boxes_has_no_figures_by_outline() -> None:
    answer = answer_line(EDGES)
    item = answer.photo.annotations[0]
    boxes = build_answer(
        "a.jpg", [type(item)(CRACK, item.box)], [(0, 0.9, item.box.xyxy)], [[EDGES]]
    )
    evaluation = evaluate_cracks([boxes])
    assert evaluation.pixels is None
    assert evaluation.figures[0].mask_ap50 is None
    assert evaluation.figures[0].ap50 == pytest.approx(1.0)


def test_pixels_at_every_threshold_are_those_that_are_shown() -> None:
    answers = draw_answers(7, 12)
    scores = np.array([0.1, 0.3, 0.5, 0.7])
    swept = sweep_pixels(answers, crack_manifest(), (CRACK,), scores).f_score()
    for score, value in zip(scores, swept, strict=True):
        limits = {CRACK: float(score)}
        pixels = evaluate_answers(answers, crack_manifest(), limits, tiled=False).pixels
        assert pixels is not None
        assert value == pytest.approx(pixels.f1, abs=0.01)  # a merge rounds its corners
        assert pixels.best_f1 >= swept.max()


def test_threshold_by_pixels() -> None:
    wide = tuple((x, y * 1.6 - 20) for x, y in EDGES)
    answers = [
        build_answer(
            f"{n}.jpg",
            [build_outline(LINE)],
            [(0, 0.755, bounds(EDGES)), (0, 0.255, bounds(move(wide, 0, 60)))],
            [[EDGES], [move(wide, 0, 60)]],
        )
        for n in range(3)
    ]
    rules = {CRACK: ThresholdRule(by="pixels")}
    chosen = choose_thresholds(answers, [], crack_manifest(), rules)
    assert 0.25 < chosen[CRACK] <= 0.75
