from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.errors import LeakError
from training.data.split import assign_split, check_copies, check_split, count_split

GROUPS = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=60)


def photo(name: str, split: str, group: str, *keys: HazardClass) -> AnnotatedPhoto:
    boxes = tuple(Annotation(key, BBox(0, 0, 5, 5)) for key in keys)
    return AnnotatedPhoto(name, Path(name), 10, 10, split, group, "drawn", boxes)


@given(groups=GROUPS, seed=st.integers(0, 99), fraction=st.floats(0, 0.9))
def test_drawn_split_never_parts_a_group(groups: list[str], seed: int, fraction: float) -> None:
    sides = assign_split(groups, val_fraction=fraction, seed=seed)
    photos = [photo(str(n), sides[group], group) for n, group in enumerate(groups)]
    check_split(photos)
    assert sum(row["photos"] for row in count_split(photos).values()) == len(groups)


@given(groups=GROUPS, more=GROUPS, seed=st.integers(0, 99))
def test_new_groups_never_move_old_ones(groups: list[str], more: list[str], seed: int) -> None:
    before = assign_split(groups, val_fraction=0.3, seed=seed)
    after = assign_split([*groups, *more], val_fraction=0.3, seed=seed)
    assert all(after[group] == side for group, side in before.items())


def test_share_of_val_is_about_what_was_asked() -> None:
    sides = assign_split((str(n) for n in range(2000)), val_fraction=0.2, seed=3)
    assert 320 < list(sides.values()).count("val") < 480


def test_parted_group_is_refused_by_name() -> None:
    photos = [photo("a", "train", "site-4"), photo("b", "val", "site-4")]
    with pytest.raises(InvalidInputError, match="drawn/site-4"):
        check_split(photos)


def test_same_group_name_in_two_data_sets_is_no_parting() -> None:
    other = AnnotatedPhoto("b", Path("b"), 10, 10, "val", "1", "other")
    check_split([photo("a", "train", "1"), other])


def test_whole_data_set_cannot_be_held_out() -> None:
    with pytest.raises(InvalidInputError, match="val_fraction"):
        assign_split(["a"], val_fraction=1.0, seed=0)


def test_counts_of_a_split() -> None:
    ok, missing = HazardClass.MANHOLE_OK, HazardClass.MANHOLE_MISSING
    photos = [photo("a", "train", "1", ok, ok, missing), photo("b", "train", "2")]
    assert count_split(photos) == {
        "train": {"photos": 2, "negatives": 1, "manhole_ok": 2, "manhole_missing": 1}
    }


def test_file_on_both_sides_is_refused_whatever_it_is_called(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"two"), ("c", b"longer"), ("d", b"one")):
        (tmp_path / name).write_bytes(content)

    def of(name: str, split: str) -> AnnotatedPhoto:
        return AnnotatedPhoto(name, tmp_path / name, 10, 10, split, name, f"set-{name}")

    check_copies([of("a", "train"), of("d", "train"), of("b", "val"), of("c", "val")])
    with pytest.raises(LeakError, match=r"set-a/a is trained on.*set-d/d of val"):
        check_copies([of("a", "train"), of("b", "val"), of("d", "val")])
