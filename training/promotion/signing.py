"""The private key that signs manifests. It lives with a person, never in the repository."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from detection.detectors.signature import KEYS_DIR, canonical_bytes, key_id
from detection.domain.errors import ConfigurationError
from training.atomic import write_file

KEY_VARIABLE = "HAZARDLENS_SIGNING_KEY"


def find_key_path() -> Path:
    """Return where the private key is, or will be made: the variable, else the user's folder."""
    given = os.environ.get(KEY_VARIABLE)
    if given:
        return Path(given).expanduser()
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "hazardlens" / "signing_key.pem"


def load_signing_key() -> Ed25519PrivateKey:
    """Return the private key; the first call on a machine makes one, readable by its owner only.

    Raises:
        ConfigurationError: the file named by the variable is missing, or is no Ed25519 key.
    """
    path = find_key_path()
    if not path.exists():
        if os.environ.get(KEY_VARIABLE):
            message = f"The signing key {path} does not exist."
            raise ConfigurationError(message, remedy=f"Correct or remove {KEY_VARIABLE}.")
        _make_key(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        message = f"The signing key {path} cannot be read: {error}."
        raise ConfigurationError(message, remedy="Give an unencrypted PEM file.") from error
    if not isinstance(key, Ed25519PrivateKey):
        message = f"The signing key {path} is not an Ed25519 key."
        raise ConfigurationError(message, remedy="Make one: openssl genpkey -algorithm ed25519.")
    return key


def sign_document(document: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Return a manifest with its signature."""
    value = base64.b64encode(key.sign(canonical_bytes(document))).decode("ascii")
    return {**document, "signature": {"key": key_id(key.public_key()), "value": value}}


def publish_key(key: Ed25519PrivateKey, models_dir: Path) -> bool:
    """Put the public half among the trusted keys; False where it is there already."""
    public = key.public_key()
    path = models_dir / KEYS_DIR / f"{key_id(public)}.pub"
    if path.exists():
        return False
    write_file(path, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return True


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    write_file(path, pem, mode=0o600)
