"""``decisions.json``: what people decided and drew, as the service exports it, with its photos.

The folder is written by ``hazardlens decisions export`` and holds ``decisions.json`` and
``photos/<sha256>.jpg``. Boxes and rings are in pixels of the photo as displayed. A label says that
the thing is there (``confirmed``) or that it is not (``rejected``); of an ``undecided`` box nothing
may be concluded. See ``docs/reference.md`` for every field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.data.errors import DamagedDecisionsError, DecisionsSchemaError, UnknownClassError

FILE_NAME = "decisions.json"
SCHEMA = 1
KIND = "hazardlens-decisions"
_REMEDY = "Export the decisions anew: hazardlens decisions export."

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Point = tuple[Finite, Finite]
BoxXyxy = tuple[Finite, Finite, Finite, Finite]


class _Row(BaseModel):
    # What a later version adds is left aside; a changed meaning would be another schema.
    model_config = ConfigDict(extra="ignore", frozen=True)


class FlightFacts(_Row):
    """A flight as the service knows it; ``captured_on`` is a day in ISO 8601."""

    id: int
    name: str
    kind: str = "drone"
    captured_on: str | None = None
    site: str | None = None


class PhotoRow(_Row):
    """A photo of one flight; ``sha256`` is that of the original, ``file_sha256`` of what lies here.

    ``blurred`` counts what was made unrecognisable, by kind.
    """

    sha256: Sha256
    file: str
    file_sha256: Sha256
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    flight: FlightFacts
    captured_at: str | None = None
    camera: str | None = None
    gsd_m: Finite | None = None
    altitude_agl_m: Finite | None = None
    blurred: dict[str, int] = Field(default_factory=dict)


class LabelRow(_Row):
    """What people say of one thing in one photo, and in which events they said it."""

    photo_sha256: Sha256
    flight_id: int
    origin: Literal["decision", "drawn"]
    verdict: Literal["confirmed", "rejected"]
    hazard_class: HazardClass
    model_class: HazardClass | None = None
    bbox_xyxy: BoxXyxy
    outline: tuple[Annotated[tuple[Point, ...], Field(min_length=3)], ...] | None = None
    event_ids: tuple[int, ...] = ()
    correction_event_ids: tuple[int, ...] = ()
    annotation_ids: tuple[int, ...] = ()
    candidate_key: str | None = None
    place_key: str | None = None
    place_group: str = ""
    model: str | None = None
    weights_sha256: str | None = None
    score: Finite | None = None


class UndecidedRow(_Row):
    """A box of which nothing may be concluded, and why."""

    photo_sha256: Sha256
    flight_id: int
    hazard_class: HazardClass
    bbox_xyxy: BoxXyxy
    why: str


class SearchedRow(_Row):
    """A photo that a person searched whole for things of some classes."""

    photo_sha256: Sha256
    flight_id: int
    classes: tuple[HazardClass, ...]


class DecisionsFile(_Row):
    """The whole of ``decisions.json``."""

    exported_at: str
    site: str | None = None
    photos: tuple[PhotoRow, ...]
    labels: tuple[LabelRow, ...]
    undecided: tuple[UndecidedRow, ...] = ()
    reviewed_photos: tuple[SearchedRow, ...] = ()


def load_decisions_file(folder: Path) -> DecisionsFile:
    """Return what ``decisions.json`` of a folder says, every field checked.

    Raises:
        DamagedDecisionsError: there is none, it is no JSON, or a field is not what it must be.
        DecisionsSchemaError: it is of another form.
        UnknownClassError: it names a class that the taxonomy does not know.
    """
    document = _read_json(folder / FILE_NAME)
    _check_schema(document, folder)
    try:
        return DecisionsFile.model_validate(document)
    except ValidationError as error:
        raise _name_fault(error, folder) from error


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"There is no {FILE_NAME} in {path.parent}."
        raise DamagedDecisionsError(message, remedy=_REMEDY) from error
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read as JSON ({error})."
        raise DamagedDecisionsError(message, remedy=_REMEDY) from error
    if not isinstance(document, dict):
        message = f"{path} is no list of decisions."
        raise DamagedDecisionsError(message, remedy=_REMEDY)
    return document


def _check_schema(document: Mapping[str, Any], folder: Path) -> None:
    if document.get("kind") == KIND and document.get("schema") == SCHEMA:
        return
    said = f"{document.get('kind')!r} of schema {document.get('schema')!r}"
    message = f"{folder / FILE_NAME} is {said}; this version reads {KIND!r} of schema {SCHEMA}."
    remedy = "Export with the version that is installed here, or install the one that exported."
    raise DecisionsSchemaError(message, remedy=remedy)


def _name_fault(error: ValidationError, folder: Path) -> InvalidInputError:
    """Return the error that names the first fault: its place in the file, and what is wrong."""
    first = error.errors()[0]
    place = [str(step) for step in first["loc"]]
    where = f"{folder / FILE_NAME}: {'.'.join(place)}"
    if any(step.endswith(("_class", "classes")) for step in place):
        message = f"{where} names a class that the taxonomy does not know ({first['input']!r})."
        remedy = f"The classes are {', '.join(item.value for item in HazardClass)}."
        return UnknownClassError(message, remedy=remedy)
    return DamagedDecisionsError(f"{where}: {first['msg']}.", remedy=_REMEDY)
