from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.dedupe.score import fuse_scores
from detection.domain.finding import Detection, GeoDetection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass

FLOOR = 0.45


def see(
    photo: int, score: float, hazard_class: HazardClass = HazardClass.MANHOLE_MISSING
) -> GeoDetection:
    box = BBox(0, 0, 60, 60)
    return GeoDetection(Detection(f"{photo}", hazard_class, score, box, "m", "0" * 64), None)


@given(st.floats(0.02, 0.98))
def test_one_view_keeps_its_score(score: float) -> None:
    assert fuse_scores([see(0, score)], None) == pytest.approx(score)


def test_more_views_that_agree_are_surer() -> None:
    scores = [fuse_scores([see(i, 0.7) for i in range(n)], n) for n in (1, 3, 9)]
    assert scores == sorted(scores)
    assert scores[-1] > 0.9


def test_photos_that_show_nothing_speak_against_it() -> None:
    assert fuse_scores([see(0, 0.7)], 9) < 0.3
    assert fuse_scores([see(i, 0.7) for i in range(8)], 9) > 0.8


def test_views_as_intact_lower_the_score_by_their_own() -> None:
    hazard = [see(0, 0.7), see(1, 0.7)]
    sure, unsure = (
        fuse_scores([*hazard, see(2, score, HazardClass.MANHOLE_OK)], 3) for score in (0.9, 0.55)
    )
    assert sure < unsure < fuse_scores(hazard, 2)


def test_a_photo_speaks_once() -> None:
    assert fuse_scores([see(0, 0.8), see(0, 0.6)], 1) == pytest.approx(0.8)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 40))
def test_a_score_is_a_probability(scores: list[float], unseen: int) -> None:
    views = [see(i, score) for i, score in enumerate(scores)]
    assert 0 < fuse_scores(views, len(views) + unseen) < 1


def draw_candidate(rng: np.random.Generator, *, is_real: bool) -> tuple[list[GeoDetection], int]:
    """Draw the views of one thing as the text of the module says."""
    while True:
        covering = int(rng.integers(1, 21))
        if is_real:
            hits, ease = rng.binomial(covering, rng.beta(9, 1)), rng.normal(1.1, 0.8)
        else:
            returns = rng.random() < 0.5
            hits = rng.binomial(covering, rng.beta(2, 4)) if returns else 1
            ease = rng.normal(0.1, 0.6)
        scores = 1 / (1 + np.exp(-rng.normal(ease, 0.6, hits)))
        kept = scores[scores > FLOOR].tolist()
        if kept:
            return [see(i, score) for i, score in enumerate(kept)], covering


def test_the_score_says_how_often_it_is_right() -> None:
    rng = np.random.default_rng(11)
    said, was = [], []
    for is_real in (True, False):
        for _ in range(3000):
            said.append(fuse_scores(*draw_candidate(rng, is_real=is_real)))
            was.append(is_real)
    bins = np.minimum((np.array(said) * 10).astype(int), 9)
    gaps = [
        abs(np.array(said)[bins == k].mean() - np.array(was)[bins == k].mean()) * np.mean(bins == k)
        for k in range(10)
    ]
    assert math.fsum(gaps) < 0.04
    assert np.mean(np.square(np.array(said) - was)) < 0.1
