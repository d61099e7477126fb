from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.flights import uploads_disk
from serving.flights.errors import DiskFullError, UploadLockedError
from serving.flights.uploads_disk import StagedWriter, UploadFolder, read_back
from serving.flights.uploads_kinds import FileKind, is_litter, kind_from_path

CONTENT = bytes(range(256)) * 4


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 300), st.booleans(), st.integers(0, 400)), max_size=12))
def test_whatever_a_crash_leaves_the_acknowledged_bytes_are_the_first(
    steps: list[tuple[int, bool, int]],
) -> None:
    """Each step writes a piece; where it breaks off before it is acknowledged, rubbish stays."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "file"
        acknowledged = 0
        for length, is_acknowledged, rubbish in steps:
            with StagedWriter(path, acknowledged) as writer:
                piece = CONTENT[acknowledged : acknowledged + length]
                writer.write(piece)
                if is_acknowledged:
                    writer.sync()
                    acknowledged += len(piece)
                else:
                    writer.write(bytes(rubbish))
            assert path.read_bytes()[:acknowledged] == CONTENT[:acknowledged]
        with StagedWriter(path, acknowledged) as writer:
            writer.write(CONTENT[acknowledged:])
            writer.sync()
        assert read_back(path).sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_only_one_writes_at_a_time(tmp_path: Path) -> None:
    with StagedWriter(tmp_path / "a", 0), pytest.raises(UploadLockedError):
        StagedWriter(tmp_path / "a", 0)
    StagedWriter(tmp_path / "a", 0).close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_has_a_name(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with StagedWriter(tmp_path / "a", 0) as writer:
        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(DiskFullError):
            writer.sync()
        monkeypatch.setattr(os, "write", refuse)
        with pytest.raises(DiskFullError):
            writer.write(b"x")


def test_room_is_asked_for_before_a_file_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = UploadFolder(tmp_path)
    folder.check_room(1)
    monkeypatch.setattr(uploads_disk, "SPARE_BYTES", 10**18)
    with pytest.raises(DiskFullError):
        folder.check_room(1)


def test_what_the_database_needs_is_never_written_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StagedWriter(tmp_path / "a", 0) as writer:
        writer.write(b"there is room")
        monkeypatch.setattr(uploads_disk, "SPARE_BYTES", 10**18)
        with pytest.raises(DiskFullError):
            writer.write(b"others filled the disk meanwhile")
    assert (tmp_path / "a").read_bytes() == b"there is room"


@pytest.mark.parametrize("name", ["../secret.key", "a/b", "", "a" * 65, "A", "a.b"])
def test_names_never_lead_out_of_the_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a name"):
        UploadFolder(tmp_path).path_of(name)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("DCIM/DJI_0001.JPG", FileKind.PHOTO),
        ("a.tiff", FileKind.PHOTO),
        ("a.MP4", FileKind.VIDEO),
        ("a.srt", FileKind.SRT),
        ("a_Timestamp.MRK", FileKind.MRK),
        ("a.gpx", FileKind.GPX),
        ("卡.ZIP", FileKind.ARCHIVE),
        ("a.LRF", FileKind.OTHER),
        ("jpg", FileKind.OTHER),
    ],
)
def test_kinds_are_told_by_the_name(path: str, kind: FileKind) -> None:
    assert kind_from_path(path) is kind


@pytest.mark.parametrize("path", ["__MACOSX/a.jpg", "DCIM/._a.jpg", ".Trash/a.jpg", "x/Thumbs.db"])
def test_what_programs_leave_is_litter(path: str) -> None:
    assert is_litter(path)
    assert not is_litter("DCIM/a.jpg")
