"""An estimate is shown whatever of it the command could say."""

from __future__ import annotations

from serving.web.rendering import Words
from serving.web.training_estimate import view_estimate


def test_sides_without_photos_are_named() -> None:
    told = {
        "epochs": 4,
        "photos": {"train": 19, "test": 2},
        "labels": {"manhole_missing": 25},
        "seconds": {"all": 155, "train": 21},
        "enough": False,
        "missing": ["val"],
        "replay_missing": ["dataset:manhole"],
    }
    found = view_estimate(Words("en"), told)
    assert found.photos == (("to learn from", 19), ("to choose by", 0), ("held out", 2))
    assert (found.whole, found.learning) == ("3 min", "21 s")
    assert (found.is_enough, found.missing) == (False, ("to choose by",))


def test_little_is_enough_to_be_shown() -> None:
    found = view_estimate(Words("zh_CN"), {"enough": True})
    assert (found.is_enough, found.labels, found.learning) == (True, (), "")
