"""The manifest file of a model as it is written: its rules, and what makes it one version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detection.domain.errors import ModelError
from detection.domain.hazard import HazardClass

VERSION_CHARS = 12
VERSION_FIELDS = (
    "name",
    "task",
    "classes",
    "thresholds",
    "score_floor",
    "tile_px",
    "weights_sha256",
    "int8_weights_sha256",
)
"""What decides the answers of a model; two manifests that agree in it are one version."""
LATER_VERSION_FIELDS = ("finest_gsd_m", "coarsest_gsd_m", "starts_at_gsd_m", "mask_cut")
"""The same, of fields that older manifests lack: absent they leave a version as it was."""

Status = Literal["candidate", "shadow", "active", "retired"]
Score = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class ManifestFile(BaseModel):
    """The file as written: unknown keys are kept for people, known ones are checked."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]*$")]
    task: Literal["detect", "segment"]
    status: Status = "active"
    replaced: str | None = None
    classes: Annotated[tuple[HazardClass, ...], Field(min_length=1)]
    thresholds: dict[HazardClass, Score]
    score_floor: Score
    tile_px: Annotated[int, Field(ge=32, le=4096)]
    finest_gsd_m: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    coarsest_gsd_m: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    starts_at_gsd_m: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    mask_cut: Annotated[float, Field(ge=-5.0, le=5.0)] | None = None
    weights: FileName
    weights_sha256: Sha256
    format: Literal["onnx", "torch"]
    int8_weights: FileName | None = None
    int8_weights_sha256: Sha256 | None = None
    torch_weights: FileName | None = None
    torch_weights_sha256: Sha256 | None = None
    promotion: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    evaluation: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agree(self) -> ManifestFile:
        """Check what one field alone cannot say."""
        if len(set(self.classes)) != len(self.classes) or set(self.thresholds) != set(self.classes):
            message = "thresholds must name each class of classes exactly once"
            raise ValueError(message)
        if min(self.thresholds.values()) < self.score_floor:
            message = "score_floor is above a threshold"
            raise ValueError(message)
        if (self.finest_gsd_m or 0.0) > (self.coarsest_gsd_m or 1.0):
            message = "finest_gsd_m is above coarsest_gsd_m"
            raise ValueError(message)
        if (self.starts_at_gsd_m or 0.0) >= (self.coarsest_gsd_m or 2.0):
            message = "starts_at_gsd_m is not below coarsest_gsd_m"
            raise ValueError(message)
        if (self.torch_weights is None) != (self.torch_weights_sha256 is None):
            message = "torch_weights and torch_weights_sha256 go together"
            raise ValueError(message)
        if (self.int8_weights is None) != (self.int8_weights_sha256 is None):
            message = "int8_weights and int8_weights_sha256 go together"
            raise ValueError(message)
        return self


def read_manifest_file(path: Path) -> tuple[dict[str, Any], ManifestFile]:
    """Return a manifest as it is written, and checked.

    Raises:
        ModelError: the file is missing, is not YAML or breaks a rule; the message names both.
    """
    document = read_document(path)
    try:
        return document, ManifestFile.model_validate(document)
    except ValidationError as error:
        raise _cannot_use(path, error) from error


def read_document(path: Path) -> dict[str, Any]:
    """Return a manifest as it is written.

    Raises:
        ModelError: the file is missing or holds no YAML mapping.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise _cannot_use(path, error) from error
    if not isinstance(document, dict):
        raise _cannot_use(path, TypeError("it holds no names and values"))
    return document


def compute_version(document: Mapping[str, Any]) -> str:
    """Return the short hash of what decides the answers of the model that a manifest describes."""
    decides = {key: document.get(key) for key in VERSION_FIELDS}
    decides |= {key: document[key] for key in LATER_VERSION_FIELDS if document.get(key) is not None}
    text = json.dumps(decides, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_CHARS]


def _cannot_use(path: Path, error: Exception) -> ModelError:
    message = f"The model manifest {path} cannot be used: {_first_line(error)}."
    return ModelError(message, remedy="Correct the file or restore it from the release.")


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the manifest"
        return f"{place}: {first['msg']}"
    return str(error).splitlines()[0].rstrip(".")
