"""Which labels are suspected, why, and whether planted errors come first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.corrections import Correction
from training.data.label_errors import find_suspects
from training.data.label_numbers import leave_out_known, number_as_in_files
from training.data.score_trust import fit_rising, learn_trust
from training.data.suspects import Prediction, Suspect, SuspectKind, name_suspect
from training.data.touching import touch

OK, MISSING = HazardClass.MANHOLE_OK, HazardClass.MANHOLE_MISSING
CRACK = HazardClass.FACADE_CRACK
SIDE_PX = 400
PLACE = BBox(100, 100, 200, 200)


def photo(name: str, *annotations: Annotation) -> AnnotatedPhoto:
    return AnnotatedPhoto(
        name, Path(name), SIDE_PX, SIDE_PX, "train", name, "drawn", tuple(annotations)
    )


def agreeing(count: int) -> tuple[list[AnnotatedPhoto], dict[str, list[Prediction]]]:
    """Photos of both classes in turn whose labels a good model agrees with."""
    photos, said = [], {}
    for number in range(count):
        key = (OK, MISSING)[number % 2]
        name = f"p{number:03d}.jpg"
        photos.append(photo(name, Annotation(key, PLACE)))
        said[name] = [
            Prediction(key, 0.7 + 0.2 * (number % 7) / 7, PLACE.shift(number % 5, 0)),
            Prediction(OK, 0.06, BBox(300, 300, 330, 330)),
        ]
    return photos, said


def first(photos: list[AnnotatedPhoto], said: dict[str, list[Prediction]]) -> Suspect:
    return find_suspects(photos, said)[0]


def test_labels_that_the_model_agrees_with_are_hardly_suspected() -> None:
    photos, said = agreeing(60)
    assert all(suspect.suspicion < 0.2 for suspect in find_suspects(photos, said))


def test_a_thing_without_a_label_comes_first() -> None:
    photos, said = agreeing(60)
    photos[7] = replace(photos[7], annotations=())
    suspect = first(photos, said)
    assert (suspect.kind, suspect.photo.name) == (SuspectKind.MISSING_LABEL, "p007.jpg")
    assert suspect.label is None
    assert suspect.model == said["p007.jpg"][0]
    assert suspect.suspicion > 0.6


def test_a_label_of_the_other_class_comes_first_and_is_named_once() -> None:
    photos, said = agreeing(60)
    photos[8] = photo("p008.jpg", Annotation(MISSING, PLACE))
    found = [one for one in find_suspects(photos, said) if one.photo.name == "p008.jpg"]
    assert [one.kind for one in found if one.suspicion > 0.2] == [SuspectKind.WRONG_CLASS]
    assert first(photos, said) == found[0]
    assert found[0].model is not None
    assert found[0].model.hazard_class is OK


def test_a_label_on_nothing_comes_first() -> None:
    photos, said = agreeing(60)
    label = Annotation(OK, BBox(20, 250, 120, 350))
    photos[10] = photo("p010.jpg", photos[10].annotations[0], label)
    suspect = first(photos, said)
    assert (suspect.kind, suspect.model) == (SuspectKind.NO_OBJECT, None)
    assert suspect.label is not None
    assert (suspect.label.number, suspect.label.annotation) == (2, label)


def test_a_box_beside_its_thing_comes_first() -> None:
    photos, said = agreeing(60)
    photos[12] = photo("p012.jpg", Annotation(OK, PLACE.shift(65, 0)))
    suspect = first(photos, said)
    assert (suspect.kind, suspect.photo.name) == (SuspectKind.BAD_BOX, "p012.jpg")


def test_a_class_of_few_labels_trusts_little() -> None:
    """Two boxes that agree are no evidence: the rule of succession keeps them below 0.8."""
    few = [photo(f"f{k}", Annotation(CRACK, PLACE)) for k in range(2)]
    said = {one.name: [Prediction(CRACK, 0.99, PLACE)] for one in few}
    trust = learn_trust(few, said)
    assert trust.of(said["f0"][0]) == pytest.approx(3 / 4)


def test_photos_that_nobody_asked_about_are_left_out() -> None:
    photos, said = agreeing(20)
    photos.append(photo("new.jpg", Annotation(OK, BBox(0, 0, 50, 50))))
    assert all(one.photo.name != "new.jpg" for one in find_suspects(photos, said))


def test_a_crack_that_is_found_in_pieces_is_neither_missing_nor_misplaced() -> None:
    label = Annotation(CRACK, BBox(0, 190, 400, 210))
    pieces = [Prediction(CRACK, 0.9, BBox(x, 188, x + 130, 212)) for x in (0, 135, 270)]
    photos = [photo(f"c{k}", label) for k in range(20)]
    said = {one.name: pieces for one in photos}
    assert all(suspect.suspicion < 0.1 for suspect in find_suspects(photos, said))
    assert touch(photos[0].annotations, pieces).fit[0] > 0.75


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_shares_rise_and_stay_within_reason(rows: list[tuple[float, bool]]) -> None:
    rising = fit_rising(rows)
    found = [rising.at(score) for score in np.linspace(0, 1, 21)]
    assert found == sorted(found)
    assert min(found) > 0
    assert max(found) < 1


@pytest.mark.parametrize("seed", range(4))
def test_planted_errors_come_before_what_is_right(seed: int) -> None:
    """Three errors of every kind among two hundred labels that a good model agrees with."""
    photos, said = agreeing(200)
    planted = np.random.default_rng(seed).choice(200, size=12, replace=False)
    for turn, number in enumerate(planted):
        given_label = photos[number].annotations[0]
        other = MISSING if given_label.hazard_class is OK else OK
        changed: list[tuple[Annotation, ...]] = [
            (),
            (replace(given_label, hazard_class=other),),
            (replace(given_label, box=PLACE.shift(0, 66)),),
            (given_label, Annotation(other, BBox(20, 250, 120, 350))),
        ]
        photos[number] = replace(photos[number], annotations=changed[turn % 4])
    found = find_suspects(photos, said)[:12]
    assert {one.photo.name for one in found} == {f"p{number:03d}.jpg" for number in planted}
    assert Counter(one.kind for one in found) == dict.fromkeys(SuspectKind, 3)


def test_the_name_of_a_suspect_does_not_hang_on_the_next_training() -> None:
    photos, said = agreeing(20)
    photos[8] = photo("p008.jpg", Annotation(MISSING, PLACE))
    suspect = first(photos, said)
    assert suspect.model is not None
    again = replace(suspect, suspicion=0.5, model=replace(suspect.model, score=0.4))
    assert name_suspect(suspect, "a" * 64) == name_suspect(again, "a" * 64)
    assert name_suspect(suspect, "a" * 64) != name_suspect(suspect, "b" * 64)


def test_labels_are_counted_as_their_file_has_them() -> None:
    """The first label of the file was dropped by an earlier correction."""
    dropped, kept = Annotation(OK, BBox(0, 0, 9, 9)), Annotation(OK, BBox(20, 250, 120, 350))
    photos, said = agreeing(20)
    photos[8] = photo("p008.jpg", photos[8].annotations[0], kept)
    stored = [*photos[:8], photo("p008.jpg", dropped, *photos[8].annotations), *photos[9:]]
    (suspect, *_) = number_as_in_files(find_suspects(photos, said), stored)
    assert suspect.label is not None
    assert suspect.label.number == 3
    known = [Correction("p008.jpg", "doubtful", 3, None, "seen before")]
    assert suspect not in leave_out_known([suspect], known)
    assert leave_out_known([suspect], [replace(known[0], label=2)]) == [suspect]
