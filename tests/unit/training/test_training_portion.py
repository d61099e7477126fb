from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.composed_settings import PastedSource
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.balance import balance_classes, count_showings
from training.data.composed import make
from training.data.portion import keep_fraction
from training.fitting_settings import Balance

OK, BROKEN, MISSING = (
    HazardClass.MANHOLE_OK,
    HazardClass.MANHOLE_BROKEN,
    HazardClass.MANHOLE_MISSING,
)
BOX = BBox(0, 0, 10, 10)


def make_photo(
    number: int, *classes: HazardClass, split: str = "train", group: str = "", dataset: str = "set"
) -> AnnotatedPhoto:
    name = f"{dataset}-{split}-{number}.jpg"
    annotations = tuple(Annotation(item, BOX) for item in classes)
    return AnnotatedPhoto(
        name, Path(name), 64, 64, split, group or name, dataset, annotations=annotations
    )


def make_groups(count: int, size: int = 2) -> list[AnnotatedPhoto]:
    train = [make_photo(n, OK, group=f"g{n // size}") for n in range(count * size)]
    return train + [make_photo(n, OK, split="val") for n in range(5)]


def names(photos: list[AnnotatedPhoto], split: str = "train") -> set[str]:
    return {photo.name for photo in photos if photo.split == split}


@given(
    st.integers(1, 40),
    st.floats(0.01, 1.0, allow_nan=False),
    st.floats(0.01, 1.0, allow_nan=False),
)
def test_smaller_fraction_is_a_part_of_a_larger_one(count: int, one: float, other: float) -> None:
    photos = make_groups(count)
    small, large = (keep_fraction(photos, share) for share in sorted((one, other)))
    assert names(small) <= names(large)
    assert names(small, "val") == names(photos, "val")


@pytest.mark.parametrize(("fraction", "groups"), [(0.25, 10), (0.5, 20), (0.75, 30), (1.0, 40)])
def test_fraction_counts_whole_groups(fraction: float, groups: int) -> None:
    kept = [photo for photo in keep_fraction(make_groups(40), fraction) if photo.split == "train"]
    sizes = Counter(photo.group for photo in kept)
    assert len(sizes) == groups
    assert set(sizes.values()) == {2}


def test_every_data_set_is_cut_alike_and_added_groups_move_nothing() -> None:
    few = [make_photo(n, OK, dataset="few") for n in range(4)]
    many = [make_photo(n, OK, dataset="many") for n in range(40)]
    kept = keep_fraction([*few, *many], 0.5)
    assert Counter(photo.dataset for photo in kept) == {"few": 2, "many": 20}
    alone = keep_fraction(few, 0.5)
    assert names(alone) == {name for name in names(kept) if name.startswith("few")}


def test_repeat_factors_are_those_of_lvis() -> None:
    photos = [make_photo(n, OK) for n in range(64)]
    photos += [make_photo(100 + n, BROKEN, BROKEN) for n in range(16)]
    photos += [make_photo(200 + n, MISSING, OK) for n in range(1)]
    photos += [make_photo(300 + n) for n in range(19)]
    # shares of 100 training photos: ok 0.65, broken 0.16, missing 0.01
    assert balance_classes(photos, Balance(frequency=0.64)) == {
        BROKEN: pytest.approx(2.0),  # sqrt(0.64 / 0.16)
        MISSING: 4.0,  # sqrt(64) = 8, capped
        OK: 1.0,
    }
    by_most_frequent = balance_classes(photos, Balance(power=1.0, max_repeat=100))
    assert by_most_frequent == {BROKEN: 4.0625, MISSING: 65.0, OK: 1.0}


def test_val_photos_have_no_say_in_the_balance() -> None:
    photos = [make_photo(n, OK) for n in range(4)] + [make_photo(9, BROKEN)]
    val = [make_photo(n, BROKEN, split="val") for n in range(50)]
    assert balance_classes(photos, Balance()) == balance_classes([*photos, *val], Balance())
    assert balance_classes(val, Balance()) == {}


def test_photo_is_shown_as_often_as_its_rarest_class_wants() -> None:
    factors = {OK: 1.0, BROKEN: 3.0, MISSING: 2.0}
    assert count_showings(make_photo(1, OK), factors) == 1
    assert count_showings(make_photo(1, OK, MISSING, BROKEN), factors) == 3
    assert count_showings(make_photo(1), factors) == 1


def test_broken_factor_is_right_on_the_average_and_the_same_every_time() -> None:
    photos = [make_photo(n, OK) for n in range(2000)]
    shown = [count_showings(photo, {OK: 2.3}) for photo in photos]
    assert set(shown) == {2, 3}
    assert sum(shown) / len(shown) == pytest.approx(2.3, abs=0.04)
    assert shown == [count_showings(photo, {OK: 2.3}) for photo in photos]


def test_covers_that_are_pasted_are_those_of_the_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a quarter of the data would hold covers of the other three."""
    photos = make_groups(8, size=1)
    cuts = [SimpleNamespace(photo_name=photo.name) for photo in photos if photo.split == "train"]
    pasted: list[str] = []

    def write(compose: partial[object], *_: object, **__: object) -> list[AnnotatedPhoto]:
        pasted.extend(cut.photo_name for cut in compose.keywords["cuts"])
        return []

    monkeypatch.setattr(make, "cut_covers", lambda *_: cuts)
    monkeypatch.setattr(make, "list_makers", lambda *_, **__: [])
    monkeypatch.setattr(make, "write_scenes", write)
    source = PastedSource.model_validate({"pasted": "drawn", "scenes": 1, "first_seed": 1000})
    make.make_photos(source, lambda _: photos, [], tmp_path, fraction=0.25)
    assert set(pasted) == names(keep_fraction(photos, 0.25))
    assert len(pasted) == 2
