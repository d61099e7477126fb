"""The manifest of a promoted model: what it is, what it may say, and the hash of its weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detection.domain.errors import ModelError
from detection.domain.hazard import HazardClass

MODELS_DIR = Path(__file__).resolve().parents[2] / "configs" / "models"

Score = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """One promoted model.

    ``classes`` is in the order of the model's class index. ``thresholds`` holds the score from
    which a detection of the class is shown, ``score_floor`` the lowest score that a detector
    returns at all. ``weights_path`` is absolute. ``torch_weights_path`` is the checkpoint that
    the weights were exported from, where it was kept.
    """

    name: str
    task: str
    classes: tuple[HazardClass, ...]
    thresholds: Mapping[HazardClass, float]
    score_floor: float
    tile_px: int
    weights_path: Path
    weights_sha256: str
    format: str
    data_hash: str = ""
    trained_at: str = ""
    card_path: Path | None = None
    status: str = "active"
    torch_weights_path: Path | None = None
    torch_weights_sha256: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)


class _ManifestFile(BaseModel):
    """The file as written: unknown keys are kept for people, known ones are checked."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]*$")]
    task: Literal["detect"]
    status: Literal["active", "retired"] = "active"
    classes: Annotated[tuple[HazardClass, ...], Field(min_length=1)]
    thresholds: dict[HazardClass, Score]
    score_floor: Score
    tile_px: Annotated[int, Field(ge=32, le=4096)]
    weights: FileName
    weights_sha256: Sha256
    format: Literal["onnx", "torch"]
    torch_weights: FileName | None = None
    torch_weights_sha256: Sha256 | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    evaluation: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agree(self) -> _ManifestFile:
        """Check what one field alone cannot say."""
        if len(set(self.classes)) != len(self.classes) or set(self.thresholds) != set(self.classes):
            message = "thresholds must name each class of classes exactly once"
            raise ValueError(message)
        if min(self.thresholds.values()) < self.score_floor:
            message = "score_floor is above a threshold"
            raise ValueError(message)
        if (self.torch_weights is None) != (self.torch_weights_sha256 is None):
            message = "torch_weights and torch_weights_sha256 go together"
            raise ValueError(message)
        return self


def load_manifest(path: Path) -> ModelManifest:
    """Read one manifest; its weights are not opened.

    Raises:
        ModelError: the file is missing, is not YAML or breaks a rule; the message names both.
    """
    try:
        stored = _ManifestFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        message = f"The model manifest {path} cannot be used: {_first_line(error)}."
        raise ModelError(message, remedy="Correct the file or restore it from the release.") from (
            error
        )
    folder = path.resolve().parent
    card_path = folder / f"{stored.name}.md"
    torch_weights_path = folder / stored.torch_weights if stored.torch_weights else None
    return ModelManifest(
        name=stored.name,
        task=stored.task,
        classes=stored.classes,
        thresholds=MappingProxyType(dict(stored.thresholds)),
        score_floor=stored.score_floor,
        tile_px=stored.tile_px,
        weights_path=folder / stored.weights,
        weights_sha256=stored.weights_sha256,
        format=stored.format,
        data_hash=str(stored.training.get("data_hash", "")),
        trained_at=str(stored.training.get("trained_at", "")),
        card_path=card_path if card_path.is_file() else None,
        status=stored.status,
        torch_weights_path=torch_weights_path,
        torch_weights_sha256=stored.torch_weights_sha256 or "",
        training=MappingProxyType(stored.training),
        evaluation=MappingProxyType(stored.evaluation),
    )


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the manifest"
        return f"{place}: {first['msg']}"
    return str(error).splitlines()[0].rstrip(".")


def list_manifests(models_dir: Path = MODELS_DIR) -> list[ModelManifest]:
    """Return every manifest of the folder by name; an absent folder holds none.

    Raises:
        ModelError: a manifest is damaged, or two have one name.
    """
    manifests = [load_manifest(path) for path in sorted(models_dir.glob("*.yaml"))]
    names = [manifest.name for manifest in manifests]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"Two manifests in {models_dir} have the name {', '.join(twice)}."
        raise ModelError(message, remedy="Rename or remove one of them.")
    return manifests


def select_manifests(names: tuple[str, ...], models_dir: Path = MODELS_DIR) -> list[ModelManifest]:
    """Return the named models, or every active one where no name is given.

    Raises:
        ModelError: a name is unknown (the known ones are listed), or there is no model at all.
    """
    manifests = {manifest.name: manifest for manifest in list_manifests(models_dir)}
    known = ", ".join(sorted(manifests)) or "none"
    unknown = [name for name in names if name not in manifests]
    if unknown:
        message = f"There is no model named {', '.join(unknown)}."
        raise ModelError(message, remedy=f"Known models: {known}.")
    chosen = [manifests[name] for name in dict.fromkeys(names)] if names else []
    chosen = chosen or [model for model in manifests.values() if model.status == "active"]
    if not chosen:
        message = f"There is no active model in {models_dir}."
        raise ModelError(message, remedy="Restore configs/models or promote a trained model.")
    return chosen


def verify_weights(manifest: ModelManifest) -> None:
    """Check that the weights are there and are those of the manifest.

    Raises:
        ModelError: the file is missing or its sha256 differs; the message names the file.
    """
    verify_file(manifest.weights_path, manifest.weights_sha256, manifest.name)


def verify_file(path: Path, sha256: str, model_name: str) -> None:
    """Check one weights file of the named model against its sha256.

    Raises:
        ModelError: the file is missing or its sha256 differs; the message names the file.
    """
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        message = f"The weights {path} of model {model_name} cannot be read: {error.strerror}."
        raise ModelError(message, remedy="Restore the file from the release.") from error
    if found != sha256:
        message = (
            f"The weights {path} of model {model_name} have sha256 {found[:12]}…, "
            f"the manifest says {sha256[:12]}…."
        )
        raise ModelError(message, remedy="Restore the file or promote the model again.")
