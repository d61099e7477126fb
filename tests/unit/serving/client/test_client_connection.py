"""The client against a server that misbehaves by script."""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from detection.domain.errors import InvalidInputError
from serving.client import connection as connection_module
from serving.client import tus as tus_module
from serving.client.connection import Account, Connection
from serving.client.errors import (
    FileUnsendableError,
    ServerRefusedError,
    ServerUnreachableError,
    SignInRefusedError,
)
from serving.client.tus import MIN_PIECE_BYTES, TusUpload

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Script:
    """A tus server in memory; ``troubles`` are answered first, one a request that is not sign-in.

    A trouble "cut" closes the connection without a word, after the body was read.
    """

    stored: bytearray = field(default_factory=bytearray)
    length: int = 0
    troubles: list[Answer | str] = field(default_factory=list)
    tokens: int = 0
    valid: str = ""
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    forgets: bool = False

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        if path.endswith("/auth/token"):
            return self._sign_in(body)
        self.requests.append((method, path, len(body)))
        if self.troubles:
            trouble = self.troubles.pop(0)
            return None if isinstance(trouble, str) else trouble
        if headers.get("authorization") != f"Bearer {self.valid}":
            return problem(401, "not_signed_in")
        if method == "POST" and path.endswith("/uploads"):
            self.length = int(headers["upload-length"])
            return 201, {"Location": "http://inside:1/api/v1/uploads/u1", "Upload-Offset": "0"}, b""
        if method == "HEAD":
            return 200, {"Upload-Offset": str(len(self.stored))}, b""
        return self._patch(headers, body)

    def _sign_in(self, body: bytes) -> Answer:
        if b"password=right" not in body:
            return problem(401, "wrong_password")
        self.tokens += 1
        self.valid = f"token{self.tokens}"
        return 200, {}, json.dumps({"access_token": self.valid}).encode()

    def _patch(self, headers: dict[str, str], body: bytes) -> Answer:
        if int(headers["upload-offset"]) != len(self.stored):
            return problem(409, "wrong_offset")
        digest = b64decode(headers["upload-checksum"].removeprefix("sha256 "))
        assert digest == hashlib.sha256(body).digest()
        self.stored += body
        return 204, {"Upload-Offset": str(len(self.stored))}, b""


def problem(status: int, code: str) -> Answer:
    return status, {}, json.dumps({"code": code, "detail": code, "remedy": "do it"}).encode()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for module in (connection_module, tus_module):
        monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.001)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            answer = script.answer(self.command, self.path, headers, body)
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            status, extra, content = answer
            self.send_response(status)
            for key, value in extra.items():
                self.send_header(key, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_HEAD = handle_any  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def link(server: str) -> Connection:
    return Connection(server, Account("li", "right"), patience_s=5.0)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(range(256)) * (3 * MIN_PIECE_BYTES // 256) + b"end")
    return path


def send(link: Connection, path: Path, *, location: str | None = None) -> list[int]:
    offsets: list[int] = []
    upload = TusUpload(
        link,
        "/api/v1/flights/1/uploads",
        {"filename": path.name},
        location=location,
        piece_bytes=MIN_PIECE_BYTES,
    )
    upload.send(path, path.stat().st_size, offsets.append)
    return offsets


def test_a_file_goes_over_in_pieces(link: Connection, script: Script, big: Path) -> None:
    offsets = send(link, big)
    assert bytes(script.stored) == big.read_bytes()
    assert script.length == big.stat().st_size
    assert offsets == [0, MIN_PIECE_BYTES, 2 * MIN_PIECE_BYTES, 3 * MIN_PIECE_BYTES, script.length]


def test_a_begun_upload_goes_on_where_it_was(link: Connection, script: Script, big: Path) -> None:
    script.stored += big.read_bytes()[:1000]
    assert send(link, big, location="/api/v1/uploads/u1")[0] == 1000
    assert bytes(script.stored) == big.read_bytes()


@pytest.mark.parametrize(
    "trouble",
    ["cut", problem(503, "database_unavailable"), problem(409, "wrong_offset"),
     problem(460, "checksum_mismatch"), problem(423, "upload_locked"), problem(507, "disk_full")],
)  # fmt: skip
def test_a_piece_that_fails_is_sent_again(
    link: Connection,
    script: Script,
    big: Path,
    trouble: Answer | str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script.stored += big.read_bytes()[:1000]
    original = script.answer

    def fail_second_piece(
        method: str, path: str, headers: dict[str, str], body: bytes
    ) -> Answer | None:
        if method == "PATCH" and len(script.stored) > 1000 and not script.forgets:
            script.forgets = True
            script.troubles.append(trouble)
        return original(method, path, headers, body)

    monkeypatch.setattr(script, "answer", fail_second_piece)
    send(link, big, location="/api/v1/uploads/u1")
    assert bytes(script.stored) == big.read_bytes()
    assert [method for method, _, _ in script.requests].count("HEAD") == 2  # first, and then


def test_an_upload_that_the_server_forgot_begins_anew(
    link: Connection, script: Script, big: Path
) -> None:
    script.troubles = [problem(404, "upload_not_found")]
    assert send(link, big, location="/api/v1/uploads/old")[0] == 0
    assert bytes(script.stored) == big.read_bytes()


def test_a_file_that_is_here_already_is_not_sent(
    link: Connection, script: Script, big: Path
) -> None:
    script.troubles = [problem(409, "file_already_here")]
    assert send(link, big) == [big.stat().st_size]
    assert script.stored == b""


def test_a_refusal_is_no_reason_to_try_again(link: Connection, script: Script, big: Path) -> None:
    script.troubles = [problem(413, "file_too_large")]
    with pytest.raises(ServerRefusedError) as caught:
        send(link, big)
    assert (caught.value.problem, caught.value.remedy) == ("file_too_large", "do it")
    assert len(script.requests) == 1


def test_a_file_that_became_shorter_is_told_of(link: Connection, script: Script, big: Path) -> None:
    upload = TusUpload(link, "/api/v1/flights/1/uploads", {}, piece_bytes=MIN_PIECE_BYTES)
    with pytest.raises(FileUnsendableError, match="shorter"):
        upload.send(big, big.stat().st_size + 1, lambda _offset: None)
    assert len(script.stored) < script.length


def test_a_session_that_ended_is_opened_again(link: Connection, script: Script, big: Path) -> None:
    send(link, big)
    script.valid = "another"
    script.stored.clear()
    send(link, big)
    assert bytes(script.stored) == big.read_bytes()
    assert script.tokens == 2


def test_a_wrong_password_is_told_once(server: str, script: Script) -> None:
    with pytest.raises(SignInRefusedError):
        Connection(server, Account("li", "wrong")).call("GET", "/flights/1")
    assert script.requests == []


def test_patience_ends(server: str, script: Script) -> None:
    told: list[str] = []
    link = Connection(server, Account("li", "right"), patience_s=1.0, on_wait=told.append)
    script.troubles = ["cut"] * 1000
    with pytest.raises(ServerUnreachableError, match="the same command goes on"):
        link.call("GET", "/flights/1")
    assert "the server cannot be reached" in told


def test_the_password_is_in_no_text() -> None:
    assert "right" not in repr(Account("li", "right"))


def test_a_redirect_is_not_followed_with_the_password(link: Connection, script: Script) -> None:
    script.troubles = [(307, {"Location": "http://elsewhere/"}, b"")]
    with pytest.raises(ServerRefusedError, match="elsewhere"):
        link.call("GET", "/flights/1")


@pytest.mark.parametrize("address", ["", "ftp://a", "http://"])
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(InvalidInputError):
        Connection(address, Account("li", "right"))


def test_the_token_goes_to_no_other_host(link: Connection) -> None:
    assert link.resolve("http://elsewhere/api/v1/uploads/1?x=2") == "/api/v1/uploads/1?x=2"
