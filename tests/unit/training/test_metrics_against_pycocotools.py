from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from training.evaluation.metrics import (
    ClassBoxes,
    Counts,
    compute_average_precision,
    count_at_threshold,
)


def draw_photos(seed: int, photos: int, *, coarse_scores: bool) -> list[ClassBoxes]:
    """Random truth; found boxes are jittered truth and noise, with ties where asked."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(photos):
        low = rng.uniform(0, 300, (rng.integers(0, 6), 2))
        truth = np.hstack([low, low + rng.uniform(5, 120, low.shape)])
        jittered = truth[rng.random(len(truth)) < 0.8] + rng.normal(0, 6, (1, 4))
        low = rng.uniform(0, 300, (rng.integers(0, 6), 2))
        found = np.vstack([jittered, np.hstack([low, low + rng.uniform(5, 120, low.shape)])])
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        scores = rng.random(len(found))
        drawn.append(ClassBoxes(truth, found, scores.round(1) if coarse_scores else scores))
    return drawn


def measure_with_pycocotools(photos: list[ClassBoxes]) -> tuple[float, float]:
    def rows(name: str) -> list[dict[str, object]]:
        return [
            {
                "id": 0,
                "image_id": index,
                "category_id": 1,
                "bbox": [*box[:2], *(box[2:] - box[:2])],
                "area": float(np.prod(box[2:] - box[:2])),
                "iscrowd": 0,
                "score": float(photo.scores[n]) if name == "found_xyxy" else 1.0,
            }
            for index, photo in enumerate(photos)
            for n, box in enumerate(getattr(photo, name))
        ]

    truth = rows("truth_xyxy")
    for number, row in enumerate(truth, start=1):
        row["id"] = number
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": index} for index in range(len(photos))],
            "categories": [{"id": 1, "name": "thing"}],
            "annotations": truth,
        }
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(rows("found_xyxy")), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[1]), float(run.stats[0])


@pytest.mark.parametrize("seed", range(12))
def test_average_precision_equals_pycocotools(seed: int) -> None:
    photos = draw_photos(seed, 25, coarse_scores=seed % 2 == 1)
    ours = compute_average_precision(photos)
    ap50, ap50_95 = measure_with_pycocotools(photos)
    assert ours.ap50 == pytest.approx(ap50, abs=1e-6)
    assert ours.ap50_95 == pytest.approx(ap50_95, abs=1e-6)


def test_more_than_a_hundred_boxes_of_a_photo_are_cut_as_in_pycocotools() -> None:
    (photo,) = draw_photos(5, 1, coarse_scores=False)
    rng = np.random.default_rng(1)
    low = rng.uniform(0, 300, (150, 2))
    found = np.vstack([np.hstack([low, low + 20]), photo.truth_xyxy])
    scores = np.concatenate([rng.uniform(0.5, 1, 150), np.full(len(photo.truth_xyxy), 0.1)])
    crowded = [ClassBoxes(photo.truth_xyxy, found, scores)]
    ours = compute_average_precision(crowded)
    assert ours.ap50 == pytest.approx(measure_with_pycocotools(crowded)[0], abs=1e-6)


def test_class_without_a_box_has_no_average_precision() -> None:
    noise = ClassBoxes(np.empty((0, 4)), np.array([[0.0, 0, 5, 5]]), np.array([0.9]))
    assert compute_average_precision([noise]).ap50 is None


def test_nothing_found_is_zero() -> None:
    silent = ClassBoxes(np.array([[0.0, 0, 5, 5]]), np.empty((0, 4)), np.empty(0))
    assert compute_average_precision([silent]).ap50 == 0.0


def test_counts_at_a_threshold() -> None:
    truth = np.array([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    found = np.array([[0.0, 0, 10, 9], [0, 0, 10, 10], [80, 80, 90, 90], [50, 50, 60, 60]])
    photo = ClassBoxes(truth, found, np.array([0.9, 0.8, 0.7, 0.2]))
    counts = count_at_threshold([photo], 0.5)
    assert counts == Counts(true_positives=1, false_positives=2, misses=1)
    assert counts.precision == pytest.approx(1 / 3)
    assert counts.recall == 0.5
    assert counts.f_score() == pytest.approx(0.4)
    assert counts.f_score(2.0) == pytest.approx(5 / 11)


@given(seed=st.integers(0, 500), low=st.floats(0, 1), high=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_raising_the_threshold_never_finds_more(seed: int, low: float, high: float) -> None:
    photos = draw_photos(seed, 4, coarse_scores=False)
    low, high = sorted((low, high))
    loose, strict = (count_at_threshold(photos, value) for value in (low, high))
    assert strict.true_positives <= loose.true_positives
    assert strict.true_positives + strict.misses == loose.true_positives + loose.misses


def test_figures_without_boxes_are_absent_not_zero() -> None:
    empty = Counts(0, 0, 0)
    assert (empty.precision, empty.recall, empty.f1, empty.f_score()) == (None, None, None, 0.0)
    assert Counts(0, 1, 0).f1 == 0.0
