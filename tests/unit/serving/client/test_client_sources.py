from __future__ import annotations

import os
from pathlib import Path

import pytest

from detection.domain.errors import EmptyFlightError, InvalidInputError
from serving.client.errors import UploadRunningError
from serving.client.journal import Journal, find_state_folder, open_journal
from serving.client.sources import SourceFile, list_source


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_gives_what_a_flight_uses_and_counts_the_rest(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "a/1.mp4", "a/1.SRT", "log.mrk", "way.gpx", "more.zip", "raw.DNG"):
        write(tmp_path / name)
    write(tmp_path / ".hidden" / "3.jpg")
    write(tmp_path / ".4.jpg")
    found = list_source(tmp_path)
    names = [file.name for file in found.files]
    assert names == ["a/1.SRT", "a/1.mp4", "b/2.JPG", "log.mrk", "more.zip", "way.gpx"]
    assert found.others == ((".dng", 1),)
    assert found.size == len(names)


def test_a_video_brings_its_track_along(tmp_path: Path) -> None:
    for name in ("1.MP4", "1.SRT", "2.SRT", "1.jpg"):
        write(tmp_path / name)
    found = list_source(tmp_path / "1.MP4")
    assert [file.name for file in found.files] == ["1.MP4", "1.SRT"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.jpg")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert [file.name for file in list_source(tmp_path).files] == ["a/1.jpg"]


def test_names_that_are_no_text_can_be_sent(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xd5\xd5.jpg")).write_bytes(b"x")
    assert [file.name for file in list_source(tmp_path).files] == ["\\xd5\\xd5.jpg"]


def test_nothing_to_send_is_told_with_what_was_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "raw.DNG")
    with pytest.raises(EmptyFlightError, match=r"1 \.dng"):
        list_source(tmp_path)
    with pytest.raises(InvalidInputError):
        list_source(tmp_path / "raw.DNG")
    with pytest.raises(InvalidInputError):
        list_source(tmp_path / "not there")


FILE = SourceFile("a.jpg", Path("a.jpg"), 5, 1_000)


def read_again(folder: Path) -> tuple[int | None, bool, str | None, int | None]:
    with open_journal(folder, "http://a", "admin", Path("/card")) as journal:
        found = journal.find_hash(FILE)
        return journal.flight_id, journal.is_submitted, found, journal.find_earlier_flight("h")


def test_a_journal_remembers(tmp_path: Path) -> None:
    with open_journal(tmp_path, "http://a", "admin", Path("/card")) as journal:
        assert journal.flight_id is None
        journal.begin_flight(7)
        journal.keep_hashes([(FILE, "h")])
    assert read_again(tmp_path) == (7, False, "h", None)
    with open_journal(tmp_path, "http://a", "admin", Path("/card")) as journal:
        journal.end_flight(["h"])
    assert read_again(tmp_path) == (7, True, "h", 7)


@pytest.mark.parametrize(
    "changed", [SourceFile("a.jpg", Path(), 6, 1_000), SourceFile("a.jpg", Path(), 5, 2_000)]
)
def test_a_changed_file_is_hashed_again(tmp_path: Path, changed: SourceFile) -> None:
    with open_journal(tmp_path, "http://a", "admin", Path("/card")) as journal:
        journal.keep_hashes([(FILE, "h")])
        assert journal.find_hash(changed) is None


def test_each_server_person_and_source_has_a_journal(tmp_path: Path) -> None:
    with open_journal(tmp_path, "http://a", "admin", Path("/card")) as journal:
        journal.begin_flight(7)
        for key in (("http://b", "admin", Path("/card")), ("http://a", "li", Path("/card"))):
            with open_journal(tmp_path, *key) as other:
                assert other.flight_id is None


def hold(folder: Path) -> Journal:
    with open_journal(folder, "http://a", "admin", Path("/card")) as journal:
        return journal


def test_a_folder_is_sent_by_one_command_at_a_time(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path, "http://a", "admin", Path("/card")),
        pytest.raises(UploadRunningError),
    ):
        hold(tmp_path)
    hold(tmp_path)


def test_a_damaged_journal_says_what_to_do(tmp_path: Path) -> None:
    hold(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"no database" * 100)
    with pytest.raises(InvalidInputError, match="Delete it"):
        hold(tmp_path)


def test_the_state_lies_where_the_user_keeps_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert find_state_folder() == tmp_path / "hazardlens" / "uploads"
