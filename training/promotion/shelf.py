"""The folder of promoted models: versions are put there, one per name is in force.

``<name>.yaml`` is the manifest in force and ``<name>.md`` its card; every other version lies below
``versions/<name>/``. Weights carry the start of their hash in their name and are never written
over. So the one step that changes what is in force is the replacing of ``<name>.yaml``: a crash
before it leaves the old version, a crash after it the new one. Needs no torch and no key.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml

from detection.detectors.history import HISTORY_FILE
from detection.detectors.manifest import (
    VERSIONS_DIR,
    ModelManifest,
    list_manifests,
    list_versions,
    load_manifest,
    select_manifests,
    verify_file,
    verify_weights,
)
from detection.detectors.manifest_file import compute_version, read_document
from detection.detectors.registry import check_trust
from detection.domain.errors import ModelError
from training.atomic import write_file

HASH_CHARS = 12

Status = Literal["candidate", "shadow", "active", "retired"]


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes the shelf, by which command, and why."""

    action: Literal["promote", "rollback"]
    reason: str = ""
    by: str = ""


def store_weights(models_dir: Path, name: str, source: Path, suffix: str = "") -> str:
    """Copy weights into the folder under a name with their hash; return the file's name."""
    digest = _hash_file(source)
    path = models_dir / f"{name}-{digest[:HASH_CHARS]}{suffix}.onnx"
    if not path.is_file() or _hash_file(path) != digest:
        write_file(path, source.read_bytes())
    verify_file(path, digest, name)
    return path.name


def store_version(models_dir: Path, document: Mapping[str, Any], card: str) -> ModelManifest:
    """Write manifest and card of a version whose weights are stored, and check them.

    Raises:
        ModelError: the manifest breaks a rule, or the weights are not there.
    """
    path = _version_path(models_dir, str(document["name"]), compute_version(document))
    write_file(path.with_suffix(".md"), card.encode())
    write_file(path, _dump(document))
    manifest = load_manifest(path)
    verify_weights(manifest)
    return manifest


def set_status(models_dir: Path, manifest: ModelManifest, status: Status, change: Change) -> None:
    """Give a version that is not in force another status; ``activate`` puts one in force."""
    with _only_one(models_dir):
        path = _version_path(models_dir, manifest.name, manifest.version)
        write_file(path, _dump(read_document(path) | {"status": status}))
        _log(models_dir, manifest.name, manifest.version, status, change)


def activate(models_dir: Path, name: str, version: str, change: Change) -> ModelManifest:
    """Put a stored version in force; the one before is kept and can be brought back.

    Raises:
        ModelError: its weights or signature are not right; nothing is changed then.
    """
    source = _version_path(models_dir, name, version)
    target = load_manifest(source)
    check_trust(target, require_signed=False)
    verify_weights(target)
    in_force = models_dir / f"{name}.yaml"
    with _only_one(models_dir):
        document = read_document(source) | {"status": "active"}
        if in_force.is_file():
            before = _archive(models_dir, in_force)
            if change.action == "promote" and before != version:
                document["replaced"] = before
        write_file(in_force, _dump(document))  # from here on it is the new one
        card = source.with_suffix(".md")
        write_file(models_dir / f"{name}.md", card.read_bytes() if card.is_file() else b"")
        _log(models_dir, name, version, "active", change)
    return load_manifest(in_force)


def roll_back(models_dir: Path, name: str, to: str | None, change: Change) -> ModelManifest:
    """Bring back the version before the one in force, or the one that ``to`` names.

    Raises:
        ModelError: there is no such version, or its weights are not right; nothing is changed.
    """
    wanted = to or _replaced_by(models_dir, name)
    target = select_manifests((f"{name}@{wanted}",), models_dir)[0]
    if target.status == "active":
        message = f"{name}@{target.version} is in force already."
        raise ModelError(message, remedy="Nothing to do.")
    return activate(models_dir, name, target.version, change)


def find_active(models_dir: Path, name: str) -> ModelManifest | None:
    """Return the version of a name that is in force; None where there is none."""
    found = [model for model in list_manifests(models_dir) if model.name == name]
    return found[0] if found and found[0].status == "active" else None


def _replaced_by(models_dir: Path, name: str) -> str:
    active = select_manifests((name,), models_dir)[0]
    if active.replaced:
        return active.replaced
    known = [model.version for model in list_versions(models_dir, name)]
    message = f"No version of {name} is known to have been in force before."
    remedy = f"Name one with --to: {', '.join(known)}." if known else "There is no other version."
    raise ModelError(message, remedy=remedy)


def _archive(models_dir: Path, in_force: Path) -> str:
    """Keep a copy of the manifest in force among the versions, as retired; return its version."""
    document = read_document(in_force)
    name, version = str(document["name"]), compute_version(document)
    path = _version_path(models_dir, name, version)
    card = in_force.with_suffix(".md")
    if card.is_file() and not path.with_suffix(".md").is_file():
        write_file(path.with_suffix(".md"), card.read_bytes())
    write_file(path, _dump(document | {"status": "retired"}))
    return version


def _hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _version_path(models_dir: Path, name: str, version: str) -> Path:
    return models_dir / VERSIONS_DIR / name / f"{version}.yaml"


def _dump(document: Mapping[str, Any]) -> bytes:
    text = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
    return text.encode()


def _log(models_dir: Path, name: str, version: str, status: Status, change: Change) -> None:
    row = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "by": change.by or _user_name(),
        "action": change.action,
        "name": name,
        "version": version,
        "status": status,
        "reason": change.reason,
    }
    with (models_dir / HISTORY_FILE).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user
        return str(os.getuid())


@contextlib.contextmanager
def _only_one(models_dir: Path) -> Iterator[None]:
    """Let one process at a time change what is in force."""
    models_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(models_dir, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
