"""Whether a manifest was signed by a key that the models folder trusts (Ed25519).

What a signature proves: whoever held the private key released exactly this manifest, and through
the hashes in it exactly these weights. It proves nothing of a model's quality, and nothing against
somebody who can also write to ``trusted_keys``.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from detection.domain.errors import ModelError

KEYS_DIR = "trusted_keys"
KEY_ID_CHARS = 16

UNSIGNED_FIELDS = frozenset({"status", "replaced", "signature"})
"""Which version is in force is decided where the models are used, so a roll-back needs no key."""


class SignatureState(StrEnum):
    """What is known of the signature of a manifest."""

    VALID = "valid"
    """Signed by a trusted key, and unchanged since."""
    UNSIGNED = "unsigned"
    """Not signed, in a folder that trusts at least one key."""
    UNCHECKED = "unchecked"
    """The folder trusts no key: nothing can be said."""
    UNTRUSTED = "untrusted"
    """Signed by a key that the folder does not trust."""
    WRONG = "wrong"
    """The manifest is not the one that was signed."""

    @property
    def is_refused(self) -> bool:
        """Whether a model in this state is never loaded."""
        return self in {SignatureState.UNTRUSTED, SignatureState.WRONG}


def canonical_bytes(document: Mapping[str, Any]) -> bytes:
    """Return what is signed of a manifest: the same bytes however its YAML is laid out."""
    signed = {key: value for key, value in document.items() if key not in UNSIGNED_FIELDS}
    text = json.dumps(
        signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    )
    return text.encode()


def key_id(key: Ed25519PublicKey) -> str:
    """Return the short name of a public key: the start of its SHA-256."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:KEY_ID_CHARS]


def check_signature(document: Mapping[str, Any], models_dir: Path) -> SignatureState:
    """Return what the signature of a manifest is worth in this folder of models.

    Raises:
        ModelError: a file among the trusted keys is no Ed25519 public key.
    """
    keys = load_trusted_keys(models_dir)
    if not keys:
        return SignatureState.UNCHECKED
    signature = document.get("signature")
    if signature is None:
        return SignatureState.UNSIGNED
    try:
        name, value = str(signature["key"]), base64.b64decode(signature["value"], validate=True)
    except (TypeError, KeyError, ValueError):
        return SignatureState.WRONG
    key = keys.get(name)
    if key is None:
        return SignatureState.UNTRUSTED
    try:
        key.verify(value, canonical_bytes(document))
    except InvalidSignature:
        return SignatureState.WRONG
    return SignatureState.VALID


def load_trusted_keys(models_dir: Path) -> dict[str, Ed25519PublicKey]:
    """Return the keys in ``trusted_keys/*.pub`` by their short names.

    Raises:
        ModelError: a file is no Ed25519 public key in PEM form.
    """
    keys = {}
    for path in sorted((models_dir / KEYS_DIR).glob("*.pub")):
        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            message = f"The trusted key {path} cannot be read: {error}."
            raise ModelError(message, remedy="Restore or remove the file.") from error
        if not isinstance(key, Ed25519PublicKey):
            message = f"The trusted key {path} is not an Ed25519 key."
            raise ModelError(message, remedy="Remove the file.")
        keys[key_id(key)] = key
    return keys
