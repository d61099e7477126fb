"""What the headers of tus 1.0.0 say, read and written; pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detection.domain.errors import HazardLensError

if TYPE_CHECKING:
    from hashlib import _Hash

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,checksum,expiration,termination"
ALGORITHMS: Final = ("sha256", "sha1")
METADATA: Final = "Upload-Metadata"
CHECKSUM: Final = "Upload-Checksum"
CONTENT_TYPE: Final = "application/offset+octet-stream"
TRANSFER_PATH = re.compile(r"/api/v1/(flights/[^/]+/uploads|uploads(/[^/]+)?)")
MAX_METADATA_CHARS: Final = 8192
SHA256_HEX = re.compile(r"[0-9a-f]{64}")


class TusHeaderError(HazardLensError):
    """A header of an upload is missing or says what it cannot."""

    code = "tus_header"

    def __init__(self, header: str, reason: str) -> None:
        """Name the header."""
        super().__init__(f"{header}: {reason}.", remedy="See tus.io, protocol 1.0.0.")


class TusVersionError(HazardLensError):
    """The client speaks another version of the protocol, or does not say which."""

    code = "tus_version"


class TusContentTypeError(HazardLensError):
    """The body is not declared as a piece of an upload."""

    code = "tus_content_type"


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a piece has to hash to."""

    algorithm: str
    digest: bytes

    def start(self) -> _Hash:
        """Return a new hash of the algorithm."""
        return hashlib.new(self.algorithm, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class UploadHead:
    """What a client says of a file when it begins: its length, name and, maybe, SHA-256."""

    length_bytes: int
    file_name: str
    sha256: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


class TusHeaders:
    """ASGI middleware that names the version of the protocol on every answer to a transfer."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not TRANSFER_PATH.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Tus-Resumable"] = VERSION
                headers.setdefault("Tus-Version", VERSION)
            await send(message)

        await self._app(scope, receive, send_named)


def check_version(version: str | None) -> None:
    """Make sure that a client speaks our version.

    Raises:
        TusVersionError: it does not.
    """
    if version != VERSION:
        message = f"Tus-Resumable is {version or 'missing'}; this server speaks {VERSION}."
        raise TusVersionError(message, remedy=f"Send Tus-Resumable: {VERSION}.")


def check_content_type(content_type: str | None) -> None:
    """Make sure that the body is a piece of an upload.

    Raises:
        TusContentTypeError: it is declared as something else.
    """
    if (content_type or "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        message = f"The body of an upload has the type {CONTENT_TYPE}."
        raise TusContentTypeError(message, remedy=f"Send Content-Type: {CONTENT_TYPE}.")


def read_number(header: str, text: str | None) -> int:
    """Return a number of bytes.

    Raises:
        TusHeaderError: the header is missing or no number of bytes.
    """
    if text is None:
        raise TusHeaderError(header, "is missing")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(2**63 - 1)) - 1):
        raise TusHeaderError(header, "is no number of bytes")
    return int(text)


def read_upload_head(length: str | None, metadata: str | None) -> UploadHead:
    """Return what a client says of a file.

    Raises:
        TusHeaderError: the length or the name is missing, or something cannot be read.
    """
    length_bytes = read_number("Upload-Length", length)
    values = read_metadata(metadata or "")
    name = values.get("filename") or values.get("name")
    if not name:
        raise TusHeaderError(METADATA, "names no filename")
    sha256 = values.get("sha256", "").lower()
    if sha256 and not SHA256_HEX.fullmatch(sha256):
        raise TusHeaderError(METADATA, "sha256 is not 64 hexadecimal digits")
    return UploadHead(length_bytes, name, sha256, values)


def read_metadata(text: str) -> dict[str, str]:
    """Return the pairs of ``Upload-Metadata``: ``key base64, key base64, key``.

    Raises:
        TusHeaderError: a value is no base64 of UTF-8, or a key is repeated or empty.
    """
    if len(text) > MAX_METADATA_CHARS:
        raise TusHeaderError(METADATA, "is too long")
    pairs: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, _, value = part.partition(" ")
        if key in pairs:
            raise TusHeaderError(METADATA, "repeats a key")
        try:
            pairs[key] = _decode(value.strip()).decode("utf-8")
        except (ValueError, binascii.Error) as error:
            raise TusHeaderError(METADATA, "holds a value that is no base64") from error
    return pairs


def read_checksum(text: str | None) -> Checksum | None:
    """Return what a piece has to hash to; None where the client does not say.

    Raises:
        TusHeaderError: the algorithm is unknown, or the digest is not one of it.
    """
    if text is None:
        return None
    algorithm, _, value = text.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise TusHeaderError(CHECKSUM, f"is not one of {', '.join(ALGORITHMS)}")
    try:
        digest = _decode(value.strip())
    except (ValueError, binascii.Error) as error:
        raise TusHeaderError(CHECKSUM, "holds no base64") from error
    checksum = Checksum(algorithm, digest)
    if len(digest) != checksum.start().digest_size:
        raise TusHeaderError(CHECKSUM, "is not as long as its algorithm says")
    return checksum


def _decode(value: str) -> bytes:
    return base64.b64decode(value.encode("ascii"), validate=True)
