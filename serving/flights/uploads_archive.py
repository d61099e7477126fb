"""What lies in a ZIP archive, with clean names, and one entry after the other out of it.

Nothing that an archive says of itself is believed: names never become paths, and an entry is cut
off where it is larger than it claims.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detection.domain.errors import HazardLensError
from detection.domain.photo import IngestFailure
from serving.flights.upload import MAX_NAME_CHARS, clean_file_name
from serving.flights.uploads_announce import UNSUPPORTED_REMEDY, judge_name_and_size
from serving.flights.uploads_disk import READ_BYTES, StagedWriter
from serving.flights.uploads_files import AnnouncedFile
from serving.flights.uploads_kinds import FileKind, is_litter, kind_from_path
from serving.settings import ServingSettings

MAX_ENTRIES: Final = 50_000
MAX_DIRECTORY_BYTES: Final = 500 * MAX_ENTRIES
"""The list of entries is read into memory whole before anybody can count it."""

MAX_RATIO: Final = 100
"""Photos and videos hardly shrink; what unpacks to a hundred times its size is neither."""

ALWAYS_ALLOWED_BYTES: Final = 1_000_000_000
ENCRYPTED: Final = 0x1
ARCHIVE_REMEDY = "Pack the photos again, or send the folder itself."
TOO_LARGE_REMEDY = "Pack fewer files, or send the folder itself."
ENTRY_REMEDY = "Send this file by itself, from the card."


class ArchiveError(HazardLensError):
    """A ZIP archive that cannot be opened at all."""

    code = "damaged_archive"


class ArchiveTooLargeError(ArchiveError):
    """An archive that unpacks to more than is allowed."""

    code = "archive_too_large"


class EntryError(HazardLensError):
    """One entry that cannot be taken out."""

    code = "damaged_entry"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in an archive; ``failure`` says why it cannot be used, where that is known."""

    info: zipfile.ZipInfo
    file: AnnouncedFile
    failure: IngestFailure | None


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield the archive.

    Raises:
        ArchiveError: it is none, or it breaks off.
        ArchiveTooLargeError: its list of entries alone is too long.
    """
    try:
        _check_directory(path)
        archive = _open(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        message = "The file is no ZIP archive, or it breaks off."
        raise ArchiveError(message, remedy=ARCHIVE_REMEDY) from error
    with archive:
        yield archive


def list_entries(
    archive: zipfile.ZipFile, archive_path: str, settings: ServingSettings
) -> list[Entry]:
    """Return the files of an archive, named ``archive.zip/folder/photo.jpg``.

    What programs leave in archives (``__MACOSX``, hidden files) is passed over.

    Raises:
        ArchiveTooLargeError: it holds too much.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    total = sum(info.file_size for info in infos)
    packed = max(1, sum(info.compress_size for info in infos))
    is_bomb = total > ALWAYS_ALLOWED_BYTES and total > MAX_RATIO * packed
    if len(infos) > MAX_ENTRIES or total > settings.max_transfer_bytes or is_bomb:
        message = f"The archive unpacks to {len(infos)} files of {total // 1_000_000} MB."
        raise ArchiveTooLargeError(message, remedy=TOO_LARGE_REMEDY)
    entries = []
    for info in infos:
        inner = clean_file_name(info.filename)
        if not is_litter(inner):
            entries.append(_entry(info, archive_path, inner, settings))
    return entries


def extract_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Write one entry to ``target``, synced.

    Raises:
        EntryError: it is damaged, or larger than it claims.
        DiskFullError: there is no room.
    """
    try:
        with archive.open(info) as source, StagedWriter(target, 0) as writer:
            # The reader stops at the size that the entry claims, and checks its CRC there.
            while block := source.read(READ_BYTES):
                writer.write(block)
            writer.sync()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        message = "The entry of the archive is damaged."
        raise EntryError(message, remedy=ENTRY_REMEDY) from error


def _check_directory(path: Path) -> None:
    with path.open("rb") as stream:
        # The module's own reader of the end of an archive, old and new form; None where it is none.
        end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    if end is not None and end[zipfile._ECD_SIZE] > MAX_DIRECTORY_BYTES:  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        message = "The archive lists too many files."
        raise ArchiveTooLargeError(message, remedy=TOO_LARGE_REMEDY)


def _open(path: Path) -> zipfile.ZipFile:
    """Open an archive; names without a mark are GB18030, as Chinese Windows writes them."""
    try:
        return zipfile.ZipFile(path, metadata_encoding="gb18030")
    except UnicodeDecodeError:
        return zipfile.ZipFile(path)


def _entry(
    info: zipfile.ZipInfo, archive_path: str, inner: str, settings: ServingSettings
) -> Entry:
    path = f"{archive_path}/{inner}"[-MAX_NAME_CHARS:].lstrip("/")
    failure = judge_name_and_size(path, info.file_size, settings)
    if info.flag_bits & ENCRYPTED:
        message = "The entry is locked with a password."
        failure = IngestFailure(path, "encrypted_entry", message, "Pack it without a password.")
    elif kind_from_path(path) is FileKind.ARCHIVE:
        message = "The entry is an archive itself."
        failure = IngestFailure(path, "unsupported_file", message, UNSUPPORTED_REMEDY)
    # The CRC-32 tells entries of one name apart; the SHA-256 is measured when it is out.
    return Entry(info, AnnouncedFile(path, info.file_size, f"{info.CRC:08x}"), failure)
