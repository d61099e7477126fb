"""The manifest of a promoted model: what it is, what it may say, and the hash of its weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from detection.detectors.manifest_file import compute_version, read_manifest_file
from detection.detectors.signature import SignatureState, check_signature
from detection.domain.errors import ModelError
from detection.domain.hazard import HazardClass

MODELS_DIR = Path(__file__).resolve().parents[2] / "configs" / "models"
VERSIONS_DIR = "versions"
"""Below it, ``<name>/<version>.yaml`` and ``.md``: every version that is not in force."""


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """One promoted model.

    ``task`` is ``detect`` (boxes) or ``segment`` (boxes with outlines). ``classes`` is in the
    order of the model's class index. ``thresholds`` holds the score from which a detection of
    the class is shown, ``score_floor`` the lowest score that a detector returns at all.
    ``finest_gsd_m`` is the finest ground sampling distance that the model learned, metres a pixel,
    where its class has one: finer photos are made smaller for it. ``coarsest_gsd_m`` is the
    coarsest at which it still finds anything of its classes, where all of them lie on the ground.
    ``starts_at_gsd_m`` is where its ground begins beside a model of the same classes that learned
    finer ground. ``mask_cut`` is the logit above which a cell belongs to an outline.
    ``weights_path`` is absolute. ``precision`` is the arithmetic in which the weights are run: that
    of their file, until a runtime is chosen. ``int8_weights_path`` is the same model in whole
    numbers, where it was shipped; ``torch_weights_path`` the checkpoint that the weights were
    exported from, where it was kept. ``version`` is the short hash of what decides the answers,
    ``replaced`` the version that was in force before this one.
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
    finest_gsd_m: float | None = None
    coarsest_gsd_m: float | None = None
    starts_at_gsd_m: float | None = None
    mask_cut: float = 0.0
    data_hash: str = ""
    trained_at: str = ""
    card_path: Path | None = None
    status: str = "active"
    version: str = ""
    replaced: str = ""
    signature: SignatureState = SignatureState.UNCHECKED
    precision: str = "fp32"
    int8_weights_path: Path | None = None
    int8_weights_sha256: str = ""
    torch_weights_path: Path | None = None
    torch_weights_sha256: str = ""
    promotion: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)


def load_manifest(path: Path) -> ModelManifest:
    """Read one manifest; its weights are not opened, its signature is looked at.

    Raises:
        ModelError: the file is missing, is not YAML or breaks a rule; the message names both.
    """
    document, stored = read_manifest_file(path)
    home = find_models_dir(path)
    card_path = path.with_suffix(".md") if path.parent != home else home / f"{stored.name}.md"
    return ModelManifest(
        name=stored.name,
        task=stored.task,
        classes=stored.classes,
        thresholds=MappingProxyType(dict(stored.thresholds)),
        score_floor=stored.score_floor,
        tile_px=stored.tile_px,
        weights_path=home / stored.weights,
        weights_sha256=stored.weights_sha256,
        format=stored.format,
        finest_gsd_m=stored.finest_gsd_m,
        coarsest_gsd_m=stored.coarsest_gsd_m,
        starts_at_gsd_m=stored.starts_at_gsd_m,
        mask_cut=stored.mask_cut or 0.0,
        data_hash=str(stored.training.get("data_hash", "")),
        trained_at=str(stored.training.get("trained_at", "")),
        card_path=card_path if card_path.is_file() else None,
        status=stored.status,
        version=compute_version(document),
        replaced=stored.replaced or "",
        signature=check_signature(document, home),
        int8_weights_path=home / stored.int8_weights if stored.int8_weights else None,
        int8_weights_sha256=stored.int8_weights_sha256 or "",
        torch_weights_path=home / stored.torch_weights if stored.torch_weights else None,
        torch_weights_sha256=stored.torch_weights_sha256 or "",
        promotion=MappingProxyType(stored.promotion),
        training=MappingProxyType(stored.training),
        evaluation=MappingProxyType(stored.evaluation),
    )


def find_models_dir(path: Path) -> Path:
    """Return the folder that holds the weights of a manifest, in force or among the versions."""
    folder = path.resolve().parent
    return folder.parents[1] if folder.parent.name == VERSIONS_DIR else folder


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


def list_versions(models_dir: Path = MODELS_DIR, name: str = "*") -> list[ModelManifest]:
    """Return every kept version that is not in force, of one name or of all, by name.

    Raises:
        ModelError: a manifest is damaged.
    """
    in_force = {(model.name, model.version) for model in list_manifests(models_dir)}
    paths = sorted((models_dir / VERSIONS_DIR).glob(f"{name}/*.yaml"))
    kept = [load_manifest(path) for path in paths]
    return [model for model in kept if (model.name, model.version) not in in_force]


def select_manifests(names: tuple[str, ...], models_dir: Path = MODELS_DIR) -> list[ModelManifest]:
    """Return the named models, or every active one where no name is given.

    ``name`` is the model in force, ``name@version`` a kept version by the start of its version
    or of the hash of its weights, ``name@shadow`` and ``name@candidate`` the ones of that status.

    Raises:
        ModelError: a name is unknown (the known ones are listed), or there is no model at all.
    """
    manifests = {manifest.name: manifest for manifest in list_manifests(models_dir)}
    if names:
        return [_select_one(name, manifests, models_dir) for name in dict.fromkeys(names)]
    chosen = [model for model in manifests.values() if model.status == "active"]
    if not chosen:
        message = f"There is no active model in {models_dir}."
        raise ModelError(message, remedy="Restore configs/models or promote a trained model.")
    return chosen


def _select_one(
    text: str, in_force: Mapping[str, ModelManifest], models_dir: Path
) -> ModelManifest:
    name, _, wanted = text.partition("@")
    versions = list_versions(models_dir, name) if name else []
    if not wanted and name in in_force:
        return in_force[name]
    fitting = [model for model in versions if wanted and _is_called(model, wanted)]
    if wanted and name in in_force and _is_called(in_force[name], wanted):
        fitting.append(in_force[name])
    if len(fitting) == 1:
        return fitting[0]
    known = [*in_force, *(f"{model.name}@{model.version}" for model in versions)]
    message = f"There is no model named {text}."
    if fitting:
        message = f"{len(fitting)} models are called {text}."
    raise ModelError(message, remedy=f"Known models: {', '.join(sorted(known)) or 'none'}.")


def _is_called(model: ModelManifest, text: str) -> bool:
    return text == model.status or any(
        digest.startswith(text)
        for digest in (model.version, model.weights_sha256, model.int8_weights_sha256)
    )


def verify_weights(manifest: ModelManifest) -> None:
    """Check that the weights are there and are those of the manifest.

    Raises:
        ModelError: a file is missing or its sha256 differs; the message names the file.
    """
    verify_file(manifest.weights_path, manifest.weights_sha256, manifest.name)
    if manifest.int8_weights_path is not None:
        verify_file(manifest.int8_weights_path, manifest.int8_weights_sha256, manifest.name)


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
