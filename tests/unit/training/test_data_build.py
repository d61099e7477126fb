from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from detection.domain.errors import InvalidInputError
from tests.labelled_sets import BOX, save_photo, write_yolo_set
from training.data.annotation import AnnotatedPhoto
from training.data.build import BuildRules, prepare_photos
from training.data.errors import LeakError, MissingLabelsError, MissingSplitError
from training.data.grouping import name_group
from training.data.importers.imported import ClassNames, ImportedPhoto
from training.data.importers.yolo import import_yolo
from training.data.split import check_split

RULES = BuildRules(name="drawn")


def import_names(folder: Path, names: Sequence[str]) -> list[ImportedPhoto]:
    return import_yolo(write_yolo_set(folder, dict.fromkeys(names, BOX)), ClassNames({}))


def sides(photos: Sequence[AnnotatedPhoto]) -> dict[str, str]:
    return {photo.name: photo.split for photo in photos}


def test_given_split_is_kept(tmp_path: Path) -> None:
    photos = prepare_photos(import_names(tmp_path, ["train/a", "val/b", "test/c"]), RULES)
    expected = {"train--a": "train", "val--b": "val", "test--c": "test"}
    assert sides(photos) == {f"images--{name}.png": side for name, side in expected.items()}


def test_split_is_drawn_where_none_is_given_and_old_photos_stay(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(14)]
    before = sides(prepare_photos(import_names(tmp_path / "old", names[:10]), RULES))
    after = sides(prepare_photos(import_names(tmp_path / "new", names), RULES))
    assert set(before.values()) == {"train", "val"}
    assert before.items() <= after.items()


def test_drawn_split_keeps_the_groups_of_a_rule(tmp_path: Path) -> None:
    names = [f"flight{flight}/p{number}" for flight in range(6) for number in range(3)]
    rules = replace(RULES, group_by="folder", val_fraction=0.4)
    photos = prepare_photos(import_names(tmp_path, names), rules)
    check_split(photos)
    assert len({photo.group for photo in photos}) == 6


def test_copies_of_one_picture_are_one_group(tmp_path: Path) -> None:
    imported = import_names(tmp_path, [f"p{number}" for number in range(8)])
    save_photo(imported[5].path, 0)  # the picture of p0
    photos = prepare_photos(imported, replace(RULES, val_fraction=0.5))
    assert photos[5].group == photos[0].group
    assert photos[5].split == photos[0].split


def test_given_split_with_one_picture_on_both_sides_is_refused(tmp_path: Path) -> None:
    imported = import_names(tmp_path, ["train/a", "train/b", "val/c"])
    save_photo(imported[2].path, 1)  # the picture of b
    with pytest.raises(LeakError, match=r"val--c\.png .*train--b\.png .* are the same"):
        prepare_photos(imported, RULES)
    assert prepare_photos(imported, replace(RULES, split="train"))


def test_given_split_that_parts_a_group_is_refused(tmp_path: Path) -> None:
    imported = import_names(tmp_path, ["train/x_1", "val/x_2"])
    with pytest.raises(LeakError, match=r"of one group \(x\)"):
        prepare_photos(imported, replace(RULES, group_by=r"regex:(x)_\d"))


@pytest.mark.parametrize(
    ("names", "rules", "said"),
    [
        (["train/a", "train/b"], RULES, "no val side"),
        (["train/a", "b"], RULES, "have no side"),
        (["a", "b"], replace(RULES, val_fraction=0.0), "no val side"),
        (["a", "b"], replace(RULES, split="given"), "have no side"),
    ],
)
def test_split_without_a_side_is_missing(
    tmp_path: Path, names: list[str], rules: BuildRules, said: str
) -> None:
    with pytest.raises(MissingSplitError, match=said):
        prepare_photos(import_names(tmp_path, names), rules)


def test_unlabelled_photos_are_refused_until_somebody_says_what_they_mean(tmp_path: Path) -> None:
    folder = write_yolo_set(tmp_path, {"train/a": BOX, "train/b": None, "val/c": BOX})
    imported = import_yolo(folder, ClassNames({}))
    with pytest.raises(MissingLabelsError, match="train/b"):
        prepare_photos(imported, RULES)
    assert len(prepare_photos(imported, replace(RULES, unlabelled="negative"))) == 3
    assert len(prepare_photos(imported, replace(RULES, unlabelled="skip"))) == 2


def test_facts_give_group_split_and_licence(tmp_path: Path) -> None:
    imported = import_names(tmp_path / "set", ["a", "b"])
    facts = tmp_path / "facts.csv"
    facts.write_text(
        "image,split,group,site,licence\na.png,train,g1,s1,CC0-1.0\nb.png,val,g2,s2,GPL-3.0\n"
    )
    rules = replace(RULES, facts=facts, source="survey", licence="MIT")
    first, second = prepare_photos(imported, rules)
    assert (first.split, first.group, first.origin.site) == ("train", "g1", "s1")
    assert (first.origin.permissive, second.origin.permissive) == (True, False)
    assert first.origin.source == "survey"


@pytest.mark.parametrize(
    ("rule", "name", "group"),
    [
        ("photo", "x/a.png", "a"),
        ("photo", "road_jpg.rf.0a1b2c.jpg", "road"),
        ("folder", "x/y/a.png", "x/y"),
        (r"regex:DJI_(\d{4})", "DJI_0042_3.png", "0042"),
        (r"regex:^DJI", "other.png", "other"),
        ("column:site", "a.png", "s9"),
    ],
)
def test_rule_names_the_group(rule: str, name: str, group: str) -> None:
    assert name_group(rule, name, {"site": "s9"}) == group


@pytest.mark.parametrize("rule", ["column:none", "regex:(", "regex:", "place", "folder:x"])
def test_rule_that_does_not_fit_is_refused(rule: str) -> None:
    with pytest.raises(InvalidInputError, match=r"does not give the group|is not a regular"):
        name_group(rule, "a.png", {})
