"""A register is known by its content; what would fill the memory is not opened."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from serving.flights import register_files
from serving.flights.register_errors import RegisterFormatError
from serving.flights.register_files import identify_register, open_register_file

SHEET = "xl/workbook.xml"


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def pack(path: Path, **entries: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        ("建筑编号,许可层数\n".encode("gbk"), ".csv"),
        ("建筑编号,许可层数\n".encode("utf-8-sig"), ".csv"),
        ("建筑编号\t许可层数\n".encode("utf-16"), ".csv"),
        (b'\xef\xbb\xbf {"type": "FeatureCollection"}', ".geojson"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), ".xls"),
    ],
)
def test_kind_is_known_by_content(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / "upload.part", content)
    assert identify_register(path) == suffix
    with open_register_file(path, "../房屋 底册.exe") as opened:
        assert opened.name == f"房屋_底册{suffix}"
        assert opened.read_bytes() == content
    assert not opened.exists()


def test_workbook_is_opened_but_none_that_unpacks_to_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path / "upload", **{SHEET: "x" * 9000})
    assert identify_register(path) == ".xlsx"
    monkeypatch.setattr(register_files, "MAX_UNPACKED_BYTES", 8000)
    with pytest.raises(RegisterFormatError):
        identify_register(path)


@pytest.mark.parametrize(
    "content", [b"", b"  \n", b"\xff\xd8\xff\xe0" + bytes(40), b"PK\x03\x04..."]
)
def test_what_is_no_table_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(RegisterFormatError) as caught:
        identify_register(write(tmp_path / "upload", content))
    assert caught.value.remedy


def test_other_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegisterFormatError):
        identify_register(pack(tmp_path / "upload", photo="x"))
