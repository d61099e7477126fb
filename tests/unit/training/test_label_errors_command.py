"""From a data version to a list of suspects and, with what people said, to a corrected version."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.errors import ConfigurationError, InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from tests.suspect_lists import LABEL, make_photo
from training.cli.data import data
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.suspects import Prediction
from training.data.suspects_file import write_predictions
from training.data.versions import build_version, load_version
from training.runs.folds import split_into_folds

OK, MISSING = HazardClass.MANHOLE_OK, HazardClass.MANHOLE_MISSING


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """Ten labelled photos, the label of one of which is of the wrong class."""
    photos = [make_photo(tmp_path / "photos", f"p{number}.png") for number in range(10)]
    photos[3] = replace(photos[3], annotations=(Annotation(MISSING, LABEL),))
    said = {photo.name: [Prediction(OK, 0.9, LABEL)] for photo in photos}
    write_predictions(tmp_path / "said.json", said)
    return build_version(photos, tmp_path / "store", name="drawn", note={}).folder


def run(*arguments: str, tmp_path: Path) -> str:
    store = ["--store", str(tmp_path / "store")]
    result = CliRunner().invoke(data, [*arguments, *store], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_wrong_class_is_listed_and_put_right_in_a_new_version(
    version: Path, tmp_path: Path
) -> None:
    said = ["--predictions", str(tmp_path / "said.json"), "--out", str(tmp_path / "out")]
    output = run("label-errors", version.name, *said, tmp_path=tmp_path)
    assert "suspects.json" in output
    (first, *_) = json.loads((tmp_path / "out" / "suspects.json").read_text())["suspects"]
    assert (first["kind"], first["photo"]) == ("wrong_class", "p3.png")
    assert (first["label"]["hazard_class"], first["model"]["hazard_class"]) == (
        "manhole_missing",
        "manhole_ok",
    )
    rows = tmp_path / "corrections.csv"
    rows.write_text("photo,what,label,to,why\np3.png,relabel,1,manhole_ok,seen\n", encoding="utf-8")
    output = run("correct", version.name, "--corrections", str(rows), tmp_path=tmp_path)
    corrected = load_version(Path(output.splitlines()[-1].partition(": ")[2]))
    assert {item.hazard_class for photo in corrected for item in photo.annotations} == {OK}
    before = [item.hazard_class for photo in load_version(version) for item in photo.annotations]
    assert Counter(before) == {OK: 9, MISSING: 1}, "the version itself never changes"


@pytest.mark.parametrize(
    "given_options",
    [(), ("--folds", "3"), ("--config", __file__, "--model", "manhole")],
)
def test_who_is_asked_has_to_be_said(
    version: Path, tmp_path: Path, given_options: tuple[str, ...]
) -> None:
    arguments = ("label-errors", version.name, "--out", str(tmp_path / "out"), *given_options)
    with pytest.raises(ConfigurationError, match="have not learnt"):
        run(*arguments, tmp_path=tmp_path)


def test_predictions_of_other_photos_are_refused(version: Path, tmp_path: Path) -> None:
    write_predictions(tmp_path / "other.json", {"x.png": []})
    other = ("--predictions", str(tmp_path / "other.json"), "--out", str(tmp_path / "out"))
    with pytest.raises(InvalidInputError, match="Nothing was said"):
        run("label-errors", version.name, *other, tmp_path=tmp_path)
    assert not (tmp_path / "out").exists()


def _photo(number: int, group: int) -> AnnotatedPhoto:
    key = (OK, MISSING)[group % 2]
    label = Annotation(key, BBox(0, 0, 5, 5))
    name = f"{number}.jpg"
    return AnnotatedPhoto(name, Path(name), 9, 9, "train", f"g{group}", "drawn", (label,))


@given(st.lists(st.integers(0, 11), min_size=12, max_size=60), st.integers(2, 5))
def test_folds_share_no_group_and_leave_nothing_out(groups: list[int], folds: int) -> None:
    photos = [_photo(number, group) for number, group in enumerate([*range(6), *groups])]
    dealt = split_into_folds(photos, folds)
    assert sorted(photo.name for fold in dealt for photo in fold) == sorted(
        photo.name for photo in photos
    )
    owners: dict[str, set[int]] = {}
    for number, fold in enumerate(dealt):
        for photo in fold:
            owners.setdefault(photo.group, set()).add(number)
    assert all(len(found) == 1 for found in owners.values())
    assert all(dealt)
    again = split_into_folds(photos[::-1], folds)
    assert [{p.name for p in fold} for fold in again] == [{p.name for p in fold} for fold in dealt]


def test_classes_are_spread_over_the_folds() -> None:
    dealt = split_into_folds([_photo(number, number) for number in range(40)], 4)
    for fold in dealt:
        assert Counter(photo.annotations[0].hazard_class for photo in fold) == {OK: 5, MISSING: 5}


def test_fewer_groups_than_folds_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 groups"):
        split_into_folds([_photo(number, number % 2) for number in range(9)], 3)
