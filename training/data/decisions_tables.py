"""Tables of a version that was made of decisions: where each photo and each label comes from.

``photos.csv`` has a row for each photo of the version, ``provenance.csv`` one for each label and
for each rejected thing (``label`` 0) with the numbers of the events in which people said so. Both
are part of what the version is named by.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from training.data.annotation import AnnotatedPhoto
from training.data.decided import DecidedLabel
from training.data.decisions_crops import Crop
from training.data.decisions_sides import (
    TEST,
    TRAIN,
    History,
    Sides,
    name_flight_key,
    name_place_key,
)
from training.data.errors import DamagedVersionError
from training.data.versions import VERSION_JSON, list_version, read_version

PHOTOS_CSV = "photos.csv"
PROVENANCE_CSV = "provenance.csv"
MADE_OF_DECISIONS = "decisions"
_APART = "|"

_PHOTO_COLUMNS = (
    *("photo", "side", "photo_sha256", "flight_id", "flight_name", "flight_kind", "captured_on"),
    *("captured_at", "camera", "gsd_m", "altitude_agl_m", "place_group", "flights", "places"),
    *("x_min", "y_min", "x_max", "y_max", "scale"),
)
_LABEL_COLUMNS = (
    *("photo", "label", "verdict", "origin", "hazard_class", "model_class", "event_ids"),
    *("correction_event_ids", "annotation_ids", "candidate_key", "place_key", "model"),
    *("weights_sha256", "score"),
)


def format_photos(crops: Sequence[Crop], sides: Sides) -> str:
    """Return the text of ``photos.csv``; ``gsd_m`` is that of the crop, not of the photo."""
    return _format(_PHOTO_COLUMNS, (_photo_row(crop, sides) for crop in crops))


def format_provenance(crops: Iterable[Crop]) -> str:
    """Return the text of ``provenance.csv``."""
    rows = [
        _label_row(crop.name, number, label)
        for crop in crops
        for number, label in [
            *enumerate(crop.labels, start=1),
            *((0, label) for label in crop.refused),
        ]
    ]
    return _format(_LABEL_COLUMNS, rows)


def read_history(folders: Iterable[Path]) -> History:
    """Return what versions made of decisions held out and trained on; other versions say nothing.

    Raises:
        DamagedVersionError: one of them is not what its name says.
    """
    return history_from_rows(
        row for folder in _made_of_decisions(folders) for row in read_photo_rows(folder)
    )


def list_held_out(folders: Iterable[Path]) -> list[AnnotatedPhoto]:
    """Return the pictures that versions made of decisions held out, each once, without labels.

    Raises:
        DamagedVersionError: one of them is not what its name says.
    """
    held = (
        photo
        for folder in _made_of_decisions(folders)
        for photo in list_version(folder)
        if photo.split != TRAIN
    )
    return list({photo.name: photo for photo in held}.values())


def _made_of_decisions(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if read_version(folder)["made"].get("kind") == MADE_OF_DECISIONS:
            yield folder


def history_from_rows(rows: Iterable[Mapping[str, str]]) -> History:
    """Return what rows of ``photos.csv``, of one or of many versions, say of the sides."""
    held: dict[str, str] = {}
    trained: set[str] = set()
    for row in rows:
        keys = [row["photo_sha256"]]
        keys += [name_flight_key(item) for item in row["flights"].split(_APART) if item]
        keys += [name_place_key(item) for item in row["places"].split(_APART) if item]
        if row["side"] == TRAIN:
            trained.update(keys)
        else:  # a flight that has both sides is known by its test, whichever version says so
            held.update({key: TEST if held.get(key) == TEST else row["side"] for key in keys})
    return History(held, frozenset(trained))


def list_stored(store: Path) -> list[Path]:
    """Return the folders of the versions in a store."""
    return [path.parent for path in sorted(store.glob(f"*/{VERSION_JSON}"))]


def read_photo_rows(folder: Path) -> list[Mapping[str, str]]:
    """Return the rows of ``photos.csv`` of a version that was made of decisions.

    Raises:
        DamagedVersionError: it cannot be read.
    """
    try:
        with (folder / PHOTOS_CSV).open(encoding="utf-8", newline="") as file:
            rows: list[Mapping[str, str]] = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{folder / PHOTOS_CSV} cannot be read ({error})."
        raise DamagedVersionError(message, remedy="Build the version anew.") from error
    return rows


def _format(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _photo_row(crop: Crop, sides: Sides) -> Mapping[str, object]:
    facts, tile = crop.photo.facts, crop.tile
    return {
        "photo": crop.name,
        "side": sides.side[facts.sha256],
        "photo_sha256": facts.sha256,
        "flight_id": facts.flight.id,
        "flight_name": facts.flight.name,
        "flight_kind": facts.flight.kind,
        "captured_on": facts.flight.captured_on or "",
        "captured_at": facts.captured_at or "",
        "camera": facts.camera or "",
        "gsd_m": "" if facts.gsd_m is None else f"{facts.gsd_m / tile.scale:.5g}",
        "altitude_agl_m": "" if facts.altitude_agl_m is None else f"{facts.altitude_agl_m:.5g}",
        "place_group": sides.group[facts.sha256],
        "flights": _APART.join(crop.photo.flights),
        "places": _APART.join(sorted(crop.photo.places)),
        "x_min": tile.x_min,
        "y_min": tile.y_min,
        "x_max": tile.x_max,
        "y_max": tile.y_max,
        "scale": f"{tile.scale:.6g}",
    }


def _label_row(photo: str, number: int, label: DecidedLabel) -> Mapping[str, object]:
    said = label.said
    return {
        "photo": photo,
        "label": number,
        "verdict": said.verdict,
        "origin": said.origin,
        "hazard_class": label.hazard_class.value,
        "model_class": said.model_class.value if said.model_class else "",
        "event_ids": _spaced(said.event_ids),
        "correction_event_ids": _spaced(said.correction_event_ids),
        "annotation_ids": _spaced(said.annotation_ids),
        "candidate_key": said.candidate_key or "",
        "place_key": said.place_key or "",
        "model": said.model or "",
        "weights_sha256": said.weights_sha256 or "",
        "score": "" if said.score is None else f"{said.score:.6g}",
    }


def _spaced(numbers: Iterable[int]) -> str:
    return " ".join(str(number) for number in numbers)
