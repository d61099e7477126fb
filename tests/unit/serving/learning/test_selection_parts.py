"""What a choice of photos is made of: novelty, and what shadow models and people disagree about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.hazard import HazardClass
from serving.learning.novelty import ENOUGH, KnownConditions
from serving.learning.shadow_boxes import ShadowBoxes
from serving.learning.slices import Dimension

CRACK = HazardClass.FACADE_CRACK


@pytest.mark.parametrize(("labelled", "expected"), [(0, 1.0), (5, 0.75), (20, 0.0), (90, 0.0)])
def test_novelty_falls_with_the_labels_of_a_camera(labelled: int, expected: float) -> None:
    known = KnownConditions([({Dimension.CAMERA: "A"}, labelled)])
    found = known.measure({Dimension.CAMERA: "A"})
    assert (found.value, found.labelled) == (expected, labelled)


def test_the_newest_condition_counts_and_what_is_unknown_does_not() -> None:
    both = {Dimension.CAMERA: "A", Dimension.SEASON: "summer"}
    known = KnownConditions([(both, ENOUGH)])
    found = known.measure({Dimension.CAMERA: "A", Dimension.SEASON: "winter"})
    assert (found.value, found.dimension) == (1.0, Dimension.SEASON)
    assert known.measure({Dimension.CAMERA: "", Dimension.SEASON: "summer"}).value == 0.0
    assert known.measure({}).dimension is None


def test_models_disagree_by_the_largest_difference_of_the_same_model() -> None:
    shadows = ShadowBoxes({1: {"crack": {CRACK: 0.9}}, 2: {"crack": {}}})
    own = [("crack@aaa", "facade_crack", 0.4), ("crack@aaa", "facade_crack", 0.7)]
    assert shadows.disagreement(1, own) == pytest.approx(0.2)
    assert shadows.disagreement(2, own) == 0.7
    assert shadows.disagreement(3, own) == 0.0
    assert shadows.disagreement(2, [("manhole@bbb", "manhole_broken", 0.9)]) == 0.0
    assert shadows.best_of(1) == {CRACK: 0.9}


@given(st.dictionaries(st.sampled_from(list(HazardClass)), st.floats(0, 1)))
def test_disagreement_is_a_share(scores: dict[HazardClass, float]) -> None:
    shadows = ShadowBoxes({1: {"crack": scores}})
    assert 0.0 <= shadows.disagreement(1, [("crack@aaa", "facade_crack", 0.5)]) <= 1.0
