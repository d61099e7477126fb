"""Files by content: whole or not there, and never under a name from outside."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.flights.upload import MAX_NAME_CHARS, clean_file_name
from serving.storage.objects import FileTooLargeError, ObjectStore

DATA = b"photo bytes" * 1000


def keep(store: ObjectStore, data: bytes) -> Path:
    with store.stage(io.BytesIO(data), max_bytes=10**6, suffix=".jpg") as staged:
        assert staged.sha256 == hashlib.sha256(data).hexdigest()
        assert staged.size_bytes == len(data)
        return store.keep(staged)


def test_kept_file_has_its_bytes_under_its_hash(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    path = keep(store, DATA)
    assert path.read_bytes() == DATA
    assert path == store.path_of(hashlib.sha256(DATA).hexdigest())
    assert list((tmp_path / "incoming").iterdir()) == []


def test_same_content_is_kept_once(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    first = keep(store, DATA)
    modified = first.stat().st_mtime_ns
    assert keep(store, DATA) == first
    assert first.stat().st_mtime_ns == modified


def test_too_many_bytes_leave_nothing_behind(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    with (
        pytest.raises(FileTooLargeError),
        store.stage(io.BytesIO(DATA), max_bytes=len(DATA) - 1, suffix=".jpg"),
    ):
        pass
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_sweep_removes_what_interrupted_uploads_left(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    (tmp_path / "incoming" / "half.upload").write_bytes(b"half")
    kept = keep(store, DATA)
    assert store.sweep_incoming() == 1
    assert kept.exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a" * 63, "G" * 64, "A" * 64])
def test_only_digests_name_files(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="digest"):
        ObjectStore(tmp_path).path_of(name)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("DJI_0001.JPG", "DJI_0001.JPG"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\DCIM\\100MEDIA\\DJI_1.JPG", "DCIM/100MEDIA/DJI_1.JPG"),
        ("C:\\photos\\a.jpg", "photos/a.jpg"),
        ("照片/一.jpg", "照片/一.jpg"),
        ("a\x00b\n.jpg", "ab.jpg"),
        ("../..", "photo"),
        ("", "photo"),
    ],
)
def test_file_names_are_made_harmless(given_name: str, shown: str) -> None:
    assert clean_file_name(given_name) == shown


@given(st.text(max_size=600))
def test_any_file_name_becomes_relative_short_and_printable(name: str) -> None:
    shown = clean_file_name(name)
    assert 0 < len(shown) <= MAX_NAME_CHARS
    assert not shown.startswith("/")
    assert ".." not in shown.split("/")
    assert "\x00" not in shown
    assert clean_file_name(shown) == shown
