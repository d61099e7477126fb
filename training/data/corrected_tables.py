"""The tables of a version made of decisions, as they are once its labels were corrected."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from training.data.corrections import Correction
from training.data.decisions_tables import PHOTOS_CSV, PROVENANCE_CSV
from training.data.errors import DamagedVersionError

Row = dict[str, str]


def correct_tables(version: Path, corrections: Sequence[Correction]) -> dict[str, str]:
    """Return ``photos.csv`` and ``provenance.csv`` of a corrected version; none where it has none.

    A dropped photo or label takes its rows with it, the numbers of the labels behind it move up,
    and a relabelled one has its new class. A label that a correction draws has no row: no
    decision made it.

    Raises:
        DamagedVersionError: a table cannot be read.
    """
    if not (version / PHOTOS_CSV).is_file():
        return {}
    dropped = {row.photo for row in corrections if row.what == "drop_photo"}
    changes = _changes_by_photo(corrections)
    columns, photos = _read_table(version / PHOTOS_CSV)
    texts = {PHOTOS_CSV: _format(columns, (row for row in photos if row["photo"] not in dropped))}
    columns, labels = _read_table(version / PROVENANCE_CSV)
    kept = (row for row in labels if row["photo"] not in dropped)
    corrected = (_correct_label(row, changes.get(row["photo"], {})) for row in kept)
    texts[PROVENANCE_CSV] = _format(columns, (row for row in corrected if row is not None))
    return texts


def _changes_by_photo(corrections: Sequence[Correction]) -> Mapping[str, dict[int, Correction]]:
    """Return what drops or renames a label, by photo and number of the label."""
    found: defaultdict[str, dict[int, Correction]] = defaultdict(dict)
    for row in corrections:
        if row.what in {"drop_label", "relabel"}:
            found[row.photo][row.label] = row
    return found


def _correct_label(row: Row, changes: Mapping[int, Correction]) -> Row | None:
    """Return a row of a label as corrected; None where the label is dropped.

    A row of number 0 speaks of the photo as background and stays as it is.
    """
    number = int(row["label"])
    change = changes.get(number)
    if change is not None and change.what == "drop_label":
        return None
    before = sum(one.what == "drop_label" and at < number for at, one in changes.items())
    named = {"hazard_class": change.to.value} if change is not None and change.to else {}
    return {**row, "label": str(number - before), **named}


def _read_table(path: Path) -> tuple[Sequence[str], list[Row]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            return table.fieldnames or (), list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path} cannot be read ({error})."
        raise DamagedVersionError(message, remedy="Build the version anew.") from error


def _format(columns: Sequence[str], rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
