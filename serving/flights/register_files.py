"""What kind of file was brought as a building register, and a path under which to read it.

Readers choose by the ending of a name; the name of an upload says nothing, so the content does.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from serving.flights.layer_files import HEAD_BYTES, MAX_STEM_CHARS, UNSAFE
from serving.flights.register_errors import RegisterFormatError

REMEDY: Final = "Give a CSV, XLSX or GeoJSON file, one row for each building."
WORKBOOK: Final = "xl/workbook.xml"
MAX_UNPACKED_BYTES: Final = 500_000_000
_OLE2_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK: Final = b"\xef\xbb\xbf"


@contextmanager
def open_register_file(path: Path, file_name: str) -> Iterator[Path]:
    """Yield a path with the ending that the content of ``path`` deserves; gone after the block.

    Raises:
        RegisterFormatError: the content is no table that is known here.
    """
    suffix = identify_register(path)
    stem = UNSAFE.sub("_", PurePosixPath(file_name).stem)[:MAX_STEM_CHARS] or "register"
    folder = Path(tempfile.mkdtemp(prefix="hazardlens-register-"))
    try:
        link = folder / f"{stem}{suffix}"
        link.symlink_to(path.resolve())
        yield link
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def identify_register(path: Path) -> str:
    """Return the ending that the content deserves: .csv, .xlsx, .xls or .geojson.

    Raises:
        RegisterFormatError: it is none of them, or a workbook that unpacks to too much.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if head.startswith(_OLE2_MAGIC):
        return ".xls"
    if head.startswith(b"PK\x03\x04"):
        _require_workbook(path)
        return ".xlsx"
    if head.removeprefix(_UTF8_MARK).lstrip().startswith(b"{"):
        return ".geojson"
    if not head.strip() or (b"\x00" in head and not head.startswith(_UTF16_MARKS)):
        message = "The content is neither CSV nor XLSX or GeoJSON."
        raise RegisterFormatError(message, remedy=REMEDY)
    return ".csv"


def _require_workbook(path: Path) -> None:
    """Refuse a zip file that is no workbook, and one made to fill the memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
            is_workbook = WORKBOOK in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        message = f"The workbook is damaged: {error}."
        raise RegisterFormatError(message, remedy=REMEDY) from error
    if not is_workbook or unpacked > MAX_UNPACKED_BYTES:
        message = "The zip file is no workbook of a size that can be read."
        raise RegisterFormatError(message, remedy=REMEDY)
