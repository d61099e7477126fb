from __future__ import annotations

from serving.review.best_view import rank_view

PHOTO_PX = (400, 300)
WHOLE, CUT = (10.0, 10.0, 60.0, 50.0), (10.0, 0.5, 60.0, 50.0)


def test_a_thing_is_shown_whole_rather_than_cut_off_with_a_better_score() -> None:
    views = {
        "cut": rank_view(CUT, PHOTO_PX, 0.96, is_own_class=True),
        "whole": rank_view(WHOLE, PHOTO_PX, 0.6, is_own_class=True),
        "surer": rank_view(WHOLE, PHOTO_PX, 0.7, is_own_class=True),
        "of another class": rank_view(WHOLE, PHOTO_PX, 0.99, is_own_class=False),
    }
    assert sorted(views, key=views.__getitem__) == ["surer", "whole", "cut", "of another class"]


def test_every_edge_cuts() -> None:
    for box in ((0, 10, 60, 50), (10, 0, 60, 50), (350, 10, 400, 50), (10, 250, 60, 300)):
        assert rank_view(box, PHOTO_PX, 0.5, is_own_class=True)[1]
    assert not rank_view((2, 2, 398, 298), PHOTO_PX, 0.5, is_own_class=True)[1]
