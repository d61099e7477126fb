"""``sources.csv`` beside labelled photos: where each comes from, and which show one place."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from detection.domain.errors import InvalidInputError
from training.data.annotation import Origin

SOURCES_NAME = "sources.csv"
IMAGE_COLUMNS = ("image", "photo", "file", "filename")
SOURCE_COLUMNS = ("source", "source_repo")


@dataclass(frozen=True, slots=True)
class SourceTable:
    """Rows by path of the photo in the table, and by its bare name where that is unique."""

    by_path: Mapping[str, Mapping[str, str]]
    by_name: Mapping[str, Mapping[str, str]]

    @property
    def has_groups(self) -> bool:
        """Whether the table says which photos belong together."""
        return any(row.get("group") for row in self.by_path.values())

    def group_of(self, name: str) -> str:
        """Return the group of a photo; a photo that the table does not know is its own group."""
        return self._row(name).get("group") or name

    def origin_of(self, name: str) -> Origin:
        """Return what the table says of a photo."""
        row = self._row(name)
        source = next((row[column] for column in SOURCE_COLUMNS if row.get(column)), "")
        return Origin(
            source=source,
            licence=row.get("licence") or "",
            site=row.get("site") or "",
            flight=row.get("flight") or "",
            view=row.get("view") or "",
            surface=row.get("surface") or "",
        )

    def _row(self, name: str) -> Mapping[str, str]:
        path = PurePosixPath(name)
        row = self.by_path.get(name) or self.by_path.get(f"images/{name}")
        return row or self.by_name.get(path.name, {})


def read_source_table(path: Path) -> SourceTable:
    """Read a table with a header; its column ``image`` names the photo.

    Raises:
        InvalidInputError: it cannot be read or does not name the photos.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            column = next((one for one in IMAGE_COLUMNS if one in (reader.fieldnames or ())), None)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"The table of sources {path} cannot be read ({error})."
        raise InvalidInputError(message, remedy="Give a CSV file with a header line.") from error
    if column is None:
        message = f"The table of sources {path} has no column image."
        raise InvalidInputError(message, remedy="Name each photo in a column image.")
    by_path = {row[column]: row for row in rows if row[column]}
    names = [PurePosixPath(name).name for name in by_path]
    by_name = {
        PurePosixPath(name).name: row
        for name, row in by_path.items()
        if names.count(PurePosixPath(name).name) == 1
    }
    return SourceTable(by_path, by_name)
