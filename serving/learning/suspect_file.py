"""``suspects.json`` as the training side writes it, checked before a row is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detection.domain.hazard import HazardClass
from serving.learning.suspect_errors import SuspectsFileError

FILE_NAME = "suspects.json"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Box = tuple[float, float, float, float]
Outline = list[tuple[float, float]]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class ShapeRead(_Read):
    """A box of a class, with its outline where one was drawn."""

    hazard_class: HazardClass
    bbox_xyxy: Box
    outline: Outline | None = None


class LabelRead(ShapeRead):
    """The label in question; ``number`` counts from 1 in its photo."""

    number: int = Field(ge=1)


class ModelRead(ShapeRead):
    """What the models that had not learnt it say."""

    score: float = Field(ge=0, le=1)


class SuspectRead(_Read):
    """One suspect of the list."""

    id: str = Field(pattern=r"^[0-9a-f]{24}$")
    kind: Literal["missing_label", "no_object", "wrong_class", "bad_box"]
    suspicion: float = Field(ge=0, le=1)
    photo: str = Field(min_length=1, max_length=400)
    photo_sha256: Sha256
    width_px: int = Field(ge=1)
    height_px: int = Field(ge=1)
    split: str = Field(max_length=8)
    source: str = Field(default="", max_length=200)
    has_outlines: bool = False
    label: LabelRead | None
    model: ModelRead | None
    others: list[ShapeRead] = []
    event_ids: list[int] = []
    annotation_ids: list[int] = []
    candidate_key: str | None = None
    crop: str = Field(pattern=r"^crops/[0-9a-f]{24}\.jpg$")
    window_xyxy: tuple[int, int, int, int]


class SuspectList(_Read):
    """The whole list."""

    schema_: Literal[1] = Field(alias="schema")
    name: str = Field(min_length=1, max_length=120)
    data_sha256: Sha256
    suspects: list[SuspectRead]


def read_suspect_list(folder: Path) -> SuspectList:
    """Return the list of a folder, every crop of which is there.

    Raises:
        SuspectsFileError: the list is missing, damaged or of another schema, or a crop is missing.
    """
    path = folder / FILE_NAME
    try:
        found = SuspectList.model_validate_json(path.read_bytes())
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise SuspectsFileError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{path}: {where}: {first['msg']}."
        raise SuspectsFileError(message) from error
    for suspect in found.suspects:
        fault = _find_fault(suspect, folder)
        if fault:
            message = f"{path}: {suspect.id}: {fault}."
            raise SuspectsFileError(message)
    return found


def _find_fault(suspect: SuspectRead, folder: Path) -> str:
    if (suspect.label is None) != (suspect.kind == "missing_label"):
        return f"{suspect.kind} and its label do not fit"
    if (suspect.model is None) != (suspect.kind == "no_object"):
        return f"{suspect.kind} and its box do not fit"
    return "" if (folder / suspect.crop).is_file() else f"{suspect.crop} is missing"
