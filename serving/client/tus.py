"""One file over tus 1.0.0: made, asked for its offset, sent in pieces with their checksums.

Our own on ``requests``, although there is tuspy: none of its requests has a time limit (a link
that dies without a word holds it for ever), each piece opens a connection of its own, and the
size of its pieces cannot follow the link.
"""

from __future__ import annotations

import hashlib
import io
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import requests

from serving.client.connection import FIRST_PAUSE_S, LONGEST_PAUSE_S, Connection, LinkError
from serving.client.errors import FileUnsendableError, ServerRefusedError

TUS = {"Tus-Resumable": "1.0.0"}
MIN_PIECE_BYTES = 256 * 1024
GONE = "upload_not_found"
ALREADY_HERE = "file_already_here"
PASSING = frozenset({GONE, "wrong_offset", "checksum_mismatch", "upload_locked"})
"""Answers after which the offset is asked for and the piece sent again."""


class TusUpload:
    """One upload on its way: where it is and how large the pieces are that the link carries."""

    def __init__(
        self,
        connection: Connection,
        creation_path: str,
        metadata: Mapping[str, str],
        *,
        location: str | None = None,
        piece_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        """Describe an upload; ``location`` is that of one that was begun before."""
        self._connection = connection
        self._creation_path = creation_path
        self._metadata = ",".join(_encode(key, value) for key, value in metadata.items())
        self._path = connection.resolve(location) if location else None
        self._largest = max(piece_bytes, MIN_PIECE_BYTES)
        self._piece_bytes = self._largest

    def send(self, path: Path, size: int, on_offset: Callable[[int], None]) -> None:
        """Send what the server does not have yet; ``on_offset`` is told how far it has it.

        Raises:
            FileUnsendableError: the file cannot be read or does not have its size any more.
            ServerRefusedError: the server said no.
            ServerUnreachableError: it did not answer for too long.
        """
        try:
            with path.open("rb") as stream:
                self._send_stream(stream, size, on_offset)
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror or error}."
            raise FileUnsendableError(
                message, remedy="Check the card, then run it again."
            ) from error

    def _send_stream(self, stream: BinaryIO, size: int, on_offset: Callable[[int], None]) -> None:
        offset = self._find_offset(size)
        on_offset(offset)
        moved, pause_s = time.monotonic(), FIRST_PAUSE_S
        while offset < size:
            piece = _read_piece(stream, offset, min(self._piece_bytes, size - offset))
            try:
                offset = self._send_piece(offset, piece)
                moved, pause_s = time.monotonic(), FIRST_PAUSE_S
                self._piece_bytes = min(2 * self._piece_bytes, self._largest)
            except LinkError as error:
                self._piece_bytes = max(self._piece_bytes // 2, MIN_PIECE_BYTES)
                self._connection.wait_or_give_up(error, moved, pause_s)
                pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)
                offset = self._find_offset(size)
            on_offset(offset)

    def _find_offset(self, size: int) -> int:
        """Return how far the server has the file; one that it has forgotten is begun anew."""
        if self._path is not None:
            path = self._path
            try:
                return _read_offset(self._ask("HEAD", path, TUS))
            except ServerRefusedError as error:
                # The answer to HEAD has no body that could say which of the codes it is.
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
        headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": self._metadata}
        try:
            answer = self._ask("POST", self._creation_path, headers)
        except ServerRefusedError as error:
            if error.problem == ALREADY_HERE:
                return size
            raise
        self._path = self._connection.resolve(answer.headers["Location"])
        return _read_offset(answer)

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> requests.Response:
        return self._connection.patiently(
            lambda: self._connection.send(method, path, headers=headers)
        )

    def _send_piece(self, offset: int, piece: bytes) -> int:
        digest = b64encode(hashlib.sha256(piece).digest()).decode("ascii")
        headers = TUS | {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Upload-Checksum": f"sha256 {digest}",
        }
        try:
            # As a stream it goes out in small blocks, each with the time limit for itself.
            answer = self._connection.send(
                "PATCH", str(self._path), headers=headers, data=io.BytesIO(piece)
            )
        except ServerRefusedError as error:
            if error.problem in PASSING:
                raise LinkError(error.message) from error
            raise
        return _read_offset(answer)


def _read_piece(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    piece = stream.read(length)
    if len(piece) < length:
        message = f"{stream.name} became shorter while it was sent."
        raise FileUnsendableError(
            message, remedy="Wait until nothing writes it, then run it again."
        )
    return piece


def _read_offset(answer: requests.Response) -> int:
    try:
        return int(answer.headers["Upload-Offset"])
    except (KeyError, ValueError) as error:
        message = "The server's answer says no offset; something between changes answers."
        raise ServerRefusedError(answer.status_code, "unknown_server", message) from error


def _encode(key: str, value: str) -> str:
    return f"{key} {b64encode(value.encode()).decode('ascii')}"
