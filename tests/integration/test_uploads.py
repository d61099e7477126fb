"""Transfers over tus 1.0.0: what a client sends, what is acknowledged, what is on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.db.tables import UploadRow
from serving.deps import Services
from serving.flights import uploads_disk
from serving.flights.errors import DiskFullError
from serving.flights.uploads_disk import StagedWriter, UploadFolder
from serving.jobs.context import WorkerContext
from serving.jobs.sweeping import sweep_once
from tests.job_runner import run_jobs
from tests.tus_client import (
    PIECE,
    VERSION,
    ask_offset,
    create_upload,
    encode,
    send_piece,
    send_whole,
    shorten,
    sum_header,
)

Draw = Callable[[int], bytes]

# What is changed of a good request (None leaves the header out), and the answer.
BAD_HEADS: tuple[tuple[dict[str, str | None], int, str], ...] = (
    ({"Tus-Resumable": "0.2.2"}, 412, "tus_version"),
    ({"Tus-Resumable": None}, 412, "tus_version"),
    ({"Upload-Length": "-1"}, 400, "tus_header"),
    ({"Upload-Length": None}, 400, "tus_header"),
    ({"Upload-Length": "9" * 40}, 400, "tus_header"),
    ({"Upload-Length": "\uff11\uff12"}, 400, "tus_header"),
    ({"Upload-Length": str(10**15)}, 413, "file_too_large"),
    ({"Upload-Metadata": None}, 400, "tus_header"),
    ({"Upload-Metadata": "filename !!!"}, 400, "tus_header"),
    ({"Upload-Metadata": "filename /w=="}, 400, "tus_header"),
    ({"Upload-Metadata": "filename YQ==,filename YQ=="}, 400, "tus_header"),
    ({"Upload-Metadata": f"filename {encode('a.jpg')},sha256 YQ=="}, 400, "tus_header"),
    ({"Upload-Metadata": f"filename {encode('a' * 8000)}"}, 400, "tus_header"),
    ({"Upload-Metadata": f"filename {encode('notes.txt')}"}, 415, "unsupported_file"),
)
BAD_PIECES: tuple[tuple[dict[str, str | None], int], ...] = (
    ({"Content-Type": "image/jpeg"}, 415),
    ({"Upload-Offset": "-1"}, 400),
    ({"Upload-Offset": None}, 400),
    ({"Upload-Offset": "0x10"}, 400),
    ({"Upload-Checksum": "md5 YQ=="}, 400),
    ({"Upload-Checksum": "sha256 YQ=="}, 400),
    ({"Upload-Checksum": "sha256 %%%"}, 400),
    ({"Upload-Checksum": "sha256"}, 400),
    ({"Tus-Resumable": "2.0.0"}, 412),
)


@pytest.fixture
def flight_id(operator: TestClient) -> int:
    return int(operator.post("/flights", json={"name": "a", "kind": "drone"}).json()["id"])


@pytest.fixture
def folder(services: Services) -> UploadFolder:
    return UploadFolder(services.settings.resolved_data_dir)


def begin(client: TestClient, flight_id: int, data: bytes, name: str = "DCIM/a.jpg") -> str:
    answer = create_upload(client, flight_id, name, len(data))
    assert answer.status_code == 201, answer.text
    assert answer.headers["upload-offset"] == "0"
    assert answer.headers["tus-resumable"] == "1.0.0"
    return str(answer.headers["location"])


def list_files(client: TestClient, flight_id: int) -> list[dict[str, object]]:
    return list(client.get(f"/flights/{flight_id}/files").json()["items"])


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def test_photo_in_pieces_is_checked_and_taken_in(  # noqa: PLR0917 - fixtures
    operator: TestClient,
    flight_id: int,
    draw_jpeg: Draw,
    worker_context: WorkerContext,
    services: Services,
    folder: UploadFolder,
) -> None:
    data = draw_jpeg(1)
    url = begin(operator, flight_id, data)
    for start in range(0, len(data), 3000):
        piece = data[start : start + 3000]
        answer = send_piece(operator, url, start, piece, checksum=sum_header(piece, "sha1"))
        assert answer.status_code == 204, answer.text
        assert int(answer.headers["upload-offset"]) == start + len(piece)
    assert list_files(operator, flight_id)[0]["state"] == "checking"
    run_jobs(worker_context)
    (file,) = list_files(operator, flight_id)
    assert (file["path"], file["state"], file["code"]) == ("DCIM/a.jpg", "accepted", None)
    sha256 = hashlib.sha256(data).hexdigest()
    assert file["sha256"] == sha256
    assert services.store.path_of(sha256).read_bytes() == data
    assert folder.size_of(name_of(url)) == 0, "the bytes lie in one place only"
    assert ask_offset(operator, url) == len(data), "a lost answer to the last piece can be asked"
    photo = operator.get(f"/photos/{file['photo_id']}").json()
    assert (photo["name"], photo["captured_at"]) == ("DCIM/a.jpg", "2026-03-01T10:20:30")


def test_server_says_what_it_can_do(operator: TestClient) -> None:
    answer = operator.options("/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "checksum",
        "expiration",
        "termination",
    }
    assert answer.headers["tus-checksum-algorithm"] == "sha256,sha1"


def test_damaged_piece_is_refused_and_nothing_of_it_counts(
    operator: TestClient, flight_id: int, draw_jpeg: Draw
) -> None:
    data = draw_jpeg(1)
    url = begin(operator, flight_id, data)
    assert send_piece(operator, url, 0, data[:2000]).status_code == 204
    wrong = data[2000:4000].replace(b"\x00", b"\x01", 1)
    answer = send_piece(operator, url, 2000, wrong, checksum=sum_header(data[2000:4000]))
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum_mismatch")
    assert ask_offset(operator, url) == 2000
    rest = send_piece(operator, url, 2000, data[2000:], checksum=sum_header(data[2000:]))
    assert rest.status_code == 204


def test_piece_at_another_place_is_refused(
    operator: TestClient, flight_id: int, draw_jpeg: Draw
) -> None:
    url = begin(operator, flight_id, draw_jpeg(1))
    send_piece(operator, url, 0, bytes(2000))
    for offset in (0, 1, 1999, 2001, 10**15):
        answer = send_piece(operator, url, offset, b"x")
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_offset"), offset
        assert "2000" in answer.json()["detail"]


def test_more_than_was_announced_is_refused(
    operator: TestClient, flight_id: int, folder: UploadFolder
) -> None:
    url = begin(operator, flight_id, bytes(5000))
    send_piece(operator, url, 0, bytes(4000))
    answer = send_piece(operator, url, 4000, bytes(2000))
    assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_long")
    assert ask_offset(operator, url) == 4000
    assert folder.size_of(name_of(url)) <= 5000


def test_bytes_behind_the_acknowledged_ones_are_cut_off(
    operator: TestClient,
    flight_id: int,
    draw_jpeg: Draw,
    folder: UploadFolder,
    worker_context: WorkerContext,
) -> None:
    """As a crash between writing and acknowledging leaves them."""
    data = draw_jpeg(1)
    url = begin(operator, flight_id, data)
    send_piece(operator, url, 0, data[:3000])
    with folder.path_of(name_of(url)).open("ab") as stream:
        stream.write(b"rubbish" * 500)
    assert ask_offset(operator, url) == 3000
    send_piece(operator, url, 3000, data[3000:])
    run_jobs(worker_context)
    (file,) = list_files(operator, flight_id)
    assert (file["state"], file["sha256"]) == ("accepted", hashlib.sha256(data).hexdigest())


def test_bytes_that_the_disk_lost_are_not_claimed(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, folder: UploadFolder
) -> None:
    data = draw_jpeg(1)
    url = begin(operator, flight_id, data)
    send_piece(operator, url, 0, data[:3000])
    path = folder.path_of(name_of(url))
    path.write_bytes(path.read_bytes()[:1000])
    assert ask_offset(operator, url) == 1000
    assert send_piece(operator, url, 1000, data[1000:]).status_code == 204


def test_creating_again_finds_the_upload_that_was_begun(
    operator: TestClient, flight_id: int
) -> None:
    url = begin(operator, flight_id, bytes(5000))
    send_piece(operator, url, 0, bytes(1500))
    again = create_upload(operator, flight_id, "DCIM/a.jpg", 5000, body=bytes(5000))
    assert (again.status_code, again.headers["location"]) == (201, url)
    assert again.headers["upload-offset"] == "1500"
    other = create_upload(operator, flight_id, "DCIM/a.jpg", 5001)
    assert other.headers["location"] != url


def test_file_that_is_in_is_not_sent_again(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    data = draw_jpeg(1)
    send_whole(operator, flight_id, "a.jpg", data)
    for _ in range(2):
        answer = create_upload(operator, flight_id, "a.jpg", len(data))
        assert (answer.status_code, answer.json()["code"]) == (409, "file_already_here")
        run_jobs(worker_context)
    assert len(list_files(operator, flight_id)) == 1


def test_terminated_upload_is_gone_and_its_file_expected(
    operator: TestClient, flight_id: int, folder: UploadFolder
) -> None:
    url = begin(operator, flight_id, bytes(5000))
    send_piece(operator, url, 0, bytes(1500))
    assert operator.delete(shorten(url), headers=VERSION).status_code == 204
    assert operator.head(shorten(url), headers=VERSION).status_code == 404
    answer = send_piece(operator, url, 1500, b"x")
    assert (answer.status_code, answer.json()["code"]) == (404, "upload_not_found")
    assert folder.size_of(name_of(url)) == 0
    assert [row["state"] for row in list_files(operator, flight_id)] == ["expected"]


def test_expired_upload_is_swept_and_its_file_named_as_missing(
    operator: TestClient,
    flight_id: int,
    sessions: sessionmaker[Session],
    worker_context: WorkerContext,
) -> None:
    url = begin(operator, flight_id, bytes(5000))
    send_piece(operator, url, 0, bytes(1500))
    kept = begin(operator, flight_id, bytes(5000), "b.jpg")
    send_piece(operator, kept, 0, bytes(100))
    with sessions.begin() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(UploadRow).values(expires_at=past))
    for each in (url, kept):
        assert operator.head(shorten(each), headers=VERSION).status_code == 404
    found = create_upload(operator, flight_id, "b.jpg", 5000)
    assert found.headers["location"] == kept, "what was not swept yet lives on"
    sweep_once(worker_context)
    receipt = operator.get(f"/flights/{flight_id}/receipt.json").json()
    states = {each["path"]: each["state"] for each in receipt["missing"]}
    assert states == {"DCIM/a.jpg": "expected", "b.jpg": "transferring"}
    assert ask_offset(operator, kept) == 100
    again = create_upload(operator, flight_id, "DCIM/a.jpg", 5000)
    assert (again.status_code, again.headers["upload-offset"]) == (201, "0")


def test_full_disk_is_named_and_loses_nothing(
    operator: TestClient, flight_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = begin(operator, flight_id, bytes(5000))
    send_piece(operator, url, 0, bytes(1500))

    def refuse(*_: object) -> None:
        raise DiskFullError

    with monkeypatch.context() as patch:
        patch.setattr(StagedWriter, "write", refuse)
        answer = send_piece(operator, url, 1500, bytes(3500))
        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    with monkeypatch.context() as patch:
        patch.setattr(uploads_disk, "SPARE_BYTES", 10**18)
        answer = create_upload(operator, flight_id, "b.jpg", 5000)
        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert ask_offset(operator, url) == 1500
    assert send_piece(operator, url, 1500, bytes(3500)).status_code == 204


def test_body_is_not_read_before_role_and_state_are_known(
    operator: TestClient,
    flight_id: int,
    sign_in: Callable[[str, Role], TestClient],
    anonymous: TestClient,
    draw_jpeg: Draw,
) -> None:
    read = []

    def pieces() -> Iterator[bytes]:
        read.append(1)
        yield b"x"

    url = begin(operator, flight_id, bytes(5000))
    headers = VERSION | PIECE | {"Upload-Offset": "0"}
    engineer = sign_in("engineer", Role.ENGINEER)
    assert engineer.patch(shorten(url), headers=headers, content=b"x").status_code == 403
    assert anonymous.patch(shorten(url), headers=headers, content=b"x").status_code == 401
    assert anonymous.head(shorten(url), headers=VERSION).status_code == 401
    assert engineer.head(shorten(url), headers=VERSION).status_code == 403
    photo = operator.post(f"/flights/{flight_id}/photos", files={"file": ("b.jpg", draw_jpeg(1))})
    assert photo.status_code == 201
    operator.post(f"/flights/{flight_id}/submit", json={"leave_out_open": True})
    answer = operator.patch(shorten(url), headers=headers, content=pieces())
    assert answer.status_code in {404, 409}


def test_bad_heads_are_named(operator: TestClient, flight_id: int) -> None:
    good = VERSION | {"Upload-Length": "5000", "Upload-Metadata": f"filename {encode('a.jpg')}"}
    for changes, status, code in BAD_HEADS:
        headers = {name: value for name, value in (good | changes).items() if value is not None}
        encoded = {name: value.encode() for name, value in headers.items()}
        answer = operator.post(f"/flights/{flight_id}/uploads", headers=encoded)
        assert (answer.status_code, answer.json()["code"]) == (status, code), changes
        assert answer.headers["tus-resumable"] == "1.0.0"
    assert list_files(operator, flight_id) == []


def test_bad_pieces_are_named_and_change_nothing(operator: TestClient, flight_id: int) -> None:
    url = begin(operator, flight_id, bytes(5000))
    good = VERSION | PIECE | {"Upload-Offset": "0"}
    for changes, status in BAD_PIECES:
        headers = {name: value for name, value in (good | changes).items() if value is not None}
        answer = operator.patch(shorten(url), headers=headers, content=b"x" * 100)
        assert answer.status_code == status, (changes, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert ask_offset(operator, url) == 0


def test_no_address_leads_out_of_the_folder(operator: TestClient) -> None:
    for name in ("0" * 32, "..%2F..%2Fsecret.key", "x", "A" * 32, "é" * 32):
        answer = operator.head(f"/uploads/{name}", headers=VERSION)
        assert answer.status_code in {404, 422}, name


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=60), length=st.text(max_size=12), checksum=st.text(max_size=30))
def test_no_header_breaks_the_server(
    text: str, length: str, checksum: str, operator: TestClient, flight_id: int
) -> None:
    headers = {
        "Tus-Resumable": b"1.0.0",
        "Upload-Length": length.encode("latin-1", "replace").strip() or b"-",
        "Upload-Metadata": f"filename {encode(text)},x".encode(),
        "Upload-Checksum": checksum.encode("latin-1", "replace").strip() or b"-",
    }
    cleaned = {k: bytes(c for c in v if c > 31 and c != 127) for k, v in headers.items()}
    answer = operator.post(f"/flights/{flight_id}/uploads", headers=cleaned)
    assert answer.status_code in {201, 400, 413, 415}, answer.text
