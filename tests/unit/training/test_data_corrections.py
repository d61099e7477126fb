from __future__ import annotations

from pathlib import Path

import pytest

from detection.domain.errors import ConfigurationError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.corrected_tables import correct_tables
from training.data.corrections import (
    Correction,
    apply_corrections,
    parse_shape,
    read_corrections,
)

OK, BROKEN = HazardClass.MANHOLE_OK, HazardClass.MANHOLE_BROKEN


def photo(name: str, split: str = "train") -> AnnotatedPhoto:
    boxes = tuple(Annotation(OK, BBox(0, 0, 5 + k, 5)) for k in range(2))
    return AnnotatedPhoto(name, Path(name), 10, 10, split, name, "drawn", boxes)


def read(tmp_path: Path, *rows: str) -> tuple[Correction, ...]:
    path = tmp_path / "corrections.csv"
    path.write_text("\n".join(["photo,what,label,to,why", *rows]) + "\n", encoding="utf-8")
    return read_corrections(path)


def test_acts_are_applied_by_the_number_in_the_file(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        "a,drop_photo,,,blurred",
        "b,drop_label,1,,twice",
        "b,relabel,2,manhole_broken,piece missing",
        "c,doubtful,1,,hardly seen",
    )
    found = apply_corrections([photo("a"), photo("b"), photo("c", "val")], rows)
    assert [item.name for item in found] == ["b", "c"]
    assert [(a.hazard_class, a.box.x_max) for a in found[0].annotations] == [(BROKEN, 6)]
    assert found[1] == photo("c", "val")


def test_set_without_corrections_stays_as_it_is(tmp_path: Path) -> None:
    assert read_corrections(tmp_path / "none.csv") == ()
    assert apply_corrections([photo("a")], ()) == [photo("a")]


@pytest.mark.parametrize(
    "row", ["a,drop,,,why", "a,drop_photo,,,", "a,relabel,1,lid,why", "a,drop_label,x,,why"]
)
def test_row_that_means_nothing_is_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises(ConfigurationError, match=r"corrections\.csv"):
        read(tmp_path, row)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("gone,drop_photo,,,why", "gone"),
        ("b,drop_label,3,,why", "no label 3"),
        ("v,drop_photo,,,why", "photo of val"),
        ("v,relabel,1,manhole_ok,why", "photo of val"),
    ],
)
def test_row_that_does_not_fit_the_set_is_refused(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        apply_corrections([photo("b"), photo("v", "val")], read(tmp_path, row))


def test_a_label_is_drawn_anew_or_added_in_the_photo(tmp_path: Path) -> None:
    path = tmp_path / "corrections.csv"
    path.write_text(
        "photo,what,label,to,why,shape\n"
        "a,rebox,2,,beside its lid,1 1 4 5\n"
        "a,add_label,,manhole_broken,not labelled,6 6 9 9\n",
        encoding="utf-8",
    )
    (corrected,) = apply_corrections([photo("a")], read_corrections(path))
    found = [(item.hazard_class, item.box) for item in corrected.annotations]
    assert found == [(OK, BBox(0, 0, 5, 5)), (OK, BBox(1, 1, 4, 5)), (BROKEN, BBox(6, 6, 9, 9))]


def test_an_outline_is_drawn_from_its_points() -> None:
    shape = parse_shape("1 1 4 1 4 5.5")
    assert shape.box == BBox(1, 1, 4, 5.5)
    assert shape.polygon == ((1, 1), (4, 1), (4, 5.5))


@pytest.mark.parametrize("shape", ["", "1 2 3", "1 1 1 5", "1 1 4 1 4", "a b c d"])
def test_a_shape_that_is_none_is_refused(shape: str) -> None:
    with pytest.raises(ValueError, match=r"box|area|float"):
        parse_shape(shape)


def test_a_label_outside_its_photo_is_refused() -> None:
    row = Correction("a", "add_label", 0, OK, "why", parse_shape("5 5 11 9"))
    with pytest.raises(ConfigurationError, match="inside the photo"):
        apply_corrections([photo("a")], [row])


def test_tables_of_decisions_follow_the_corrections(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        "a,drop_photo,,,blurred",
        "b,drop_label,1,,twice",
        "b,relabel,2,manhole_broken,piece missing",
        "c,doubtful,1,,hardly seen",
    )
    version = tmp_path / "version"
    version.mkdir()
    assert correct_tables(version, rows) == {}
    (version / "photos.csv").write_text("photo,side\na,train\nb,train\nc,test\n")
    (version / "provenance.csv").write_text(
        "photo,label,hazard_class,event_ids\n"
        "a,1,manhole_ok,1\nb,1,manhole_ok,2\nb,2,manhole_ok,3 4\nb,3,manhole_ok,5\n"
        "b,0,manhole_ok,6\nc,1,manhole_ok,7\n"
    )
    tables = correct_tables(version, rows)
    assert tables["photos.csv"] == "photo,side\nb,train\nc,test\n"
    assert tables["provenance.csv"] == (
        "photo,label,hazard_class,event_ids\n"
        "b,1,manhole_broken,3 4\nb,2,manhole_ok,5\nb,0,manhole_ok,6\nc,1,manhole_ok,7\n"
    )
