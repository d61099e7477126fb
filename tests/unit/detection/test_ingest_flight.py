from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from detection.domain.errors import EmptyFlightError, InvalidInputError
from detection.domain.photo import FlightKind
from detection.domain.reasons import REASONS
from detection.ingest.flight import read_flight
from detection.ingest.folder import list_photo_files
from tests.factories import draw_flight, draw_photo


def test_a_folder_with_every_trouble_keeps_its_good_photos(tmp_path: Path) -> None:
    draw_flight(tmp_path / "DCIM" / "100MEDIA", photos=2)
    (tmp_path / "a_text.jpg").write_text("text")
    (tmp_path / "b_empty.jpg").touch()
    shutil.copy(tmp_path / "DCIM" / "100MEDIA" / "DJI_0000.JPG", tmp_path / "z_again.jpg")
    (tmp_path / "notes.txt").write_text("passed over")
    flight = read_flight(tmp_path, FlightKind.DRONE, "试飞")
    assert flight.name == "试飞"
    assert flight.other_files == 1
    assert [p.photo_id for p in flight.photos] == [
        "DCIM/100MEDIA/DJI_0000.JPG",
        "DCIM/100MEDIA/DJI_0001.JPG",
    ]
    assert [(f.photo_id, f.code) for f in flight.failures] == [
        ("a_text.jpg", "not_an_image"),
        ("b_empty.jpg", "empty_file"),
        ("z_again.jpg", "duplicate_photo"),
    ]
    assert "DCIM/100MEDIA/DJI_0000.JPG" in flight.failures[2].message
    assert all(f.code in REASONS for f in flight.failures)


def test_other_files_are_counted_and_hidden_ones_are_not(tmp_path: Path) -> None:
    draw_photo(tmp_path / "a.JPEG")
    for name in ("a.dng", "log.txt", "._a.JPEG", ".DS_Store"):
        (tmp_path / name).write_bytes(b"x")
    draw_photo(tmp_path / ".thumbnails" / "a.jpg")
    listing = list_photo_files(tmp_path)
    assert [photo_id for photo_id, _ in listing.photo_files] == ["a.JPEG"]
    assert listing.other_files == 2


def test_folders_left_out_are_not_looked_into_not_even_through_a_link(tmp_path: Path) -> None:
    draw_photo(tmp_path / "flight" / "a.jpg")
    draw_photo(tmp_path / "results" / "crops" / "x.jpg", seed=1)
    (tmp_path / "flight" / "link").symlink_to(tmp_path / "results" / "crops")
    crops = {(tmp_path / "results" / "crops").resolve()}
    flight = read_flight(tmp_path, FlightKind.DRONE, "f", left_out=crops)
    assert [photo.photo_id for photo in flight.photos] == ["flight/a.jpg"]
    assert flight.failures == ()


def test_where_no_photo_can_be_used_each_is_named_with_its_own_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").write_text("text")
    for index in range(5):
        (tmp_path / f"c{index}.jpg").touch()
    with pytest.raises(EmptyFlightError) as caught:
        read_flight(tmp_path, FlightKind.DRONE, "f")
    said = str(caught.value)
    assert f"a.jpg: {REASONS['empty_file'].message_en} {REASONS['empty_file'].remedy_en}" in said
    assert REASONS["not_an_image"].remedy_en in said
    assert "c2.jpg" in said
    assert "c3.jpg" not in said
    assert "and 2 more" in said


def test_a_folder_named_like_a_photo_is_searched(tmp_path: Path) -> None:
    draw_photo(tmp_path / "set.jpg" / "a.jpg")
    assert [i for i, _ in list_photo_files(tmp_path).photo_files] == ["set.jpg/a.jpg"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    draw_photo(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [i for i, _ in list_photo_files(tmp_path).photo_files] == ["in/a.jpg"]


def test_a_linked_folder_is_followed(tmp_path: Path) -> None:
    draw_photo(tmp_path / "card" / "a.jpg")
    (tmp_path / "flight").mkdir()
    (tmp_path / "flight" / "card").symlink_to(tmp_path / "card", target_is_directory=True)
    assert [i for i, _ in list_photo_files(tmp_path / "flight").photo_files] == ["card/a.jpg"]


def test_a_name_that_is_no_utf8_gets_an_id_that_can_be_stored(tmp_path: Path) -> None:
    path = draw_photo(tmp_path / "a.jpg")
    os.rename(os.fsencode(path), os.fsencode(tmp_path) + b"/\xd5\xd5\xc6\xac.jpg")  # noqa: PTH104 - a path of bytes
    flight = read_flight(tmp_path, FlightKind.DRONE, "gbk")
    assert flight.photos[0].photo_id == r"\xd5\xd5\u01ac.jpg".replace(r"\u01ac", "\u01ac")
    flight.photos[0].photo_id.encode("utf-8")


def test_a_folder_that_may_not_be_listed_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_photo(tmp_path / "a.jpg")
    draw_photo(tmp_path / "locked" / "b.jpg")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    flight = read_flight(tmp_path, FlightKind.DRONE, "x")
    assert [(f.photo_id, f.code) for f in flight.failures] == [("locked", "unreadable_file")]


def test_no_folder_is_an_invalid_input(tmp_path: Path) -> None:
    for place in (tmp_path / "gone", draw_photo(tmp_path / "a.jpg")):
        with pytest.raises(InvalidInputError, match="is not a folder") as caught:
            read_flight(place, FlightKind.DRONE, "x")
        assert caught.value.remedy


def test_a_folder_without_photos_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(EmptyFlightError, match="1 other file") as caught:
        read_flight(tmp_path, FlightKind.DRONE, "x")
    assert caught.value.exit_code == 3


def test_a_folder_of_broken_photos_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("text")
    with pytest.raises(EmptyFlightError, match=r"a\.jpg: The content is not a photo"):
        read_flight(tmp_path, FlightKind.DRONE, "x")
