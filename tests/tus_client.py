"""A small tus client for tests, over any HTTP client.

Import as ``from tests.tus_client import create_upload, send_piece``.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

import httpx

VERSION = {"Tus-Resumable": "1.0.0"}
PIECE = {"Content-Type": "application/offset+octet-stream"}
CREATED, STORED = 201, 204


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def sum_header(data: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


def create_upload(
    client: httpx.Client,
    flight_id: int,
    name: str,
    size: int,
    *,
    sha256: str = "",
    body: bytes = b"",
) -> httpx.Response:
    metadata = f"filename {encode(name)}"
    if sha256:
        metadata += f",sha256 {encode(sha256)}"
    headers = VERSION | {"Upload-Length": str(size), "Upload-Metadata": metadata}
    if body:
        headers |= PIECE
    return client.post(f"/flights/{flight_id}/uploads", headers=headers, content=body)


def send_piece(
    client: httpx.Client, url: str, offset: int, data: bytes, *, checksum: str = ""
) -> httpx.Response:
    headers = VERSION | PIECE | {"Upload-Offset": str(offset)}
    if checksum:
        headers["Upload-Checksum"] = checksum
    return client.patch(shorten(url), headers=headers, content=data)


def ask_offset(client: httpx.Client, url: str) -> int:
    answer = client.head(shorten(url), headers=VERSION).raise_for_status()
    return int(answer.headers["Upload-Offset"])


def shorten(url: str) -> str:
    """Return the address of an upload below the client's base."""
    return url.removeprefix("/api/v1")


def send_whole(client: httpx.Client, flight_id: int, name: str, data: bytes) -> str:
    """Send a file in one piece; returns the address of its upload."""
    answer = create_upload(client, flight_id, name, len(data), body=data)
    assert answer.status_code == CREATED, answer.text
    assert int(answer.headers["Upload-Offset"]) == len(data)
    return str(answer.headers["Location"])


@dataclass
class FileSender:
    """Sends one file in pieces and goes on after anything that breaks; counts what it sent."""

    path: Path
    piece_bytes: int
    sent_bytes: int = 0

    def step(self, client: httpx.Client, url: str) -> bool:
        """Ask how far the server is and send the next piece; True when nothing is left."""
        size = self.path.stat().st_size
        offset = ask_offset(client, url)
        if offset < size:
            with self.path.open("rb") as stream:
                stream.seek(offset)
                data = stream.read(self.piece_bytes)
            self.sent_bytes += len(data)
            answer = send_piece(client, url, offset, data, checksum=sum_header(data))
            assert answer.status_code == STORED, answer.text
            offset += len(data)
        return offset == size
