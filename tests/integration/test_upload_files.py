"""Files of a flight from announcement to receipt: known ones, refused ones, archives, media."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from serving.db.tables import FlightMediaRow, PhotoRow
from serving.deps import Services
from serving.flights import uploads_archive
from serving.flights.errors import DiskFullError
from serving.flights.uploads_disk import UploadFolder
from serving.jobs import file_checks, intake, media, tasks, unpacking
from serving.jobs.context import WorkerContext
from serving.jobs.queue import UPLOADS_QUEUE
from tests.drawn_videos import draw_frames, draw_video
from tests.job_runner import run_jobs
from tests.tus_client import create_upload, send_whole

Draw = Callable[[int], bytes]
Listing = dict[str, dict[str, object]]

SRT = b"1\n00:00:00,000 --> 00:00:01,000\nx\n"


def new_flight(client: TestClient, name: str = "a") -> int:
    return int(client.post("/flights", json={"name": name, "kind": "drone"}).json()["id"])


@pytest.fixture
def flight_id(operator: TestClient) -> int:
    return new_flight(operator)


def announce(
    client: TestClient, flight_id: int, *files: dict[str, object]
) -> list[dict[str, object]]:
    answer = client.post(f"/flights/{flight_id}/files/announce", json={"files": list(files)})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def describe(path: str, data: bytes, *, hashed: bool = True) -> dict[str, object]:
    said: dict[str, object] = {"path": path, "size": len(data)}
    return said | {"sha256": hashlib.sha256(data).hexdigest()} if hashed else said


def list_files(client: TestClient, flight_id: int) -> Listing:
    items = client.get(f"/flights/{flight_id}/files", params={"limit": 200}).json()["items"]
    return {item["path"]: item for item in items}


def states(client: TestClient, flight_id: int) -> dict[str, tuple[object, object]]:
    files = list_files(client, flight_id)
    return {path: (item["state"], item["code"]) for path, item in files.items()}


def receipt(client: TestClient, flight_id: int) -> dict[str, object]:
    return dict(client.get(f"/flights/{flight_id}/receipt.json").json())


def build_zip(*entries: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return stream.getvalue()


def test_announcing_is_idempotent_and_says_where_to_go_on(
    operator: TestClient, flight_id: int, draw_jpeg: Draw
) -> None:
    data = draw_jpeg(1)
    asked = [describe("DCIM\\..\\a.jpg", data), describe("b.jpg", data, hashed=False)]
    first = announce(operator, flight_id, *asked)
    assert [(item["path"], item["state"]) for item in first] == [
        ("DCIM/a.jpg", "expected"),
        ("b.jpg", "expected"),
    ]
    begun = create_upload(operator, flight_id, "b.jpg", len(data), body=data[:100])
    again = announce(operator, flight_id, *asked)
    assert [item["id"] for item in again] == [item["id"] for item in first]
    assert (again[1]["state"], again[1]["offset"]) == ("transferring", 100)
    assert again[1]["upload_url"] == begun.headers["location"]
    counts = operator.get(f"/flights/{flight_id}/files/counts").json()
    assert (counts["total"], counts["expected"], counts["transferring"]) == (2, 1, 1)
    assert (counts["bytes_total"], counts["bytes_received"]) == (2 * len(data), 100)


def test_one_name_with_another_content_is_another_file(
    operator: TestClient, flight_id: int, draw_jpeg: Draw
) -> None:
    one, other = draw_jpeg(1), draw_jpeg(2)
    size = min(len(one), len(other))
    ids = [
        announce(operator, flight_id, describe("a.jpg", content))[0]["id"]
        for content in (one[:size], other[:size], one[: size - 1])
    ]
    assert len(set(ids)) == 3
    unsure = announce(operator, flight_id, describe("a.jpg", one[: size - 1], hashed=False))
    assert unsure[0]["id"] == ids[2]


def test_what_cannot_be_used_is_refused_before_a_byte_is_sent(
    operator: TestClient, flight_id: int
) -> None:
    asked = [
        {"path": "empty.jpg", "size": 0},
        {"path": "DJI_0001.LRF", "size": 5},
        {"path": "huge.jpg", "size": 6_000_000},
        {"path": "long.mp4", "size": 6_000_000},
    ]
    answers = announce(operator, flight_id, *asked)
    assert [(item["state"], item["code"]) for item in answers] == [
        ("rejected", "empty_file"),
        ("rejected", "unsupported_file"),
        ("rejected", "file_too_large"),
        ("expected", None),
    ]
    assert all(item["remedy"] for item in answers[:3])
    failures = operator.get(f"/flights/{flight_id}").json()["failures"]
    assert {row["file_name"] for row in failures} == {"empty.jpg", "DJI_0001.LRF", "huge.jpg"}


def test_known_content_is_taken_in_without_being_sent(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    data = draw_jpeg(1)
    send_whole(operator, flight_id, "a.jpg", data)
    run_jobs(worker_context)
    other = new_flight(operator, "other")
    (item,) = announce(operator, other, describe("DCIM/b.jpg", data))
    assert (item["state"], item["known_in"]) == ("checking", [flight_id])
    run_jobs(worker_context)
    (item,) = announce(operator, other, describe("DCIM/b.jpg", data))
    assert (item["state"], item["known_in"]) == ("accepted", [flight_id])
    photo = operator.get(f"/photos/{item['photo_id']}").json()
    assert (photo["name"], photo["flight_id"]) == ("DCIM/b.jpg", other)
    (twin,) = announce(operator, flight_id, describe("copy.jpg", data))
    assert twin["state"] == "checking"
    run_jobs(worker_context)
    assert states(operator, flight_id)["copy.jpg"] == ("rejected", "duplicate_photo")
    assert receipt(operator, other)["card_may_be_wiped"] is True


def test_damaged_copy_in_the_store_is_not_believed_and_is_mended(
    operator: TestClient,
    flight_id: int,
    draw_jpeg: Draw,
    worker_context: WorkerContext,
    services: Services,
) -> None:
    data = draw_jpeg(1)
    send_whole(operator, flight_id, "a.jpg", data)
    run_jobs(worker_context)
    stored = services.store.path_of(hashlib.sha256(data).hexdigest())
    stored.write_bytes(data[:-1] + b"x")
    other = new_flight(operator, "other")
    announce(operator, other, describe("a.jpg", data))
    run_jobs(worker_context)
    assert states(operator, other) == {"a.jpg": ("expected", None)}
    send_whole(operator, other, "a.jpg", data)
    run_jobs(worker_context)
    assert states(operator, other) == {"a.jpg": ("accepted", None)}
    assert stored.read_bytes() == data


def test_one_bad_file_never_holds_the_rest_and_can_be_sent_again(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    good, cut = draw_jpeg(1), draw_jpeg(2)
    send_whole(operator, flight_id, "cut.jpg", cut[: len(cut) // 2])
    send_whole(operator, flight_id, "text.jpg", b"no photo at all" * 50)
    send_whole(operator, flight_id, "good.jpg", good)
    run_jobs(worker_context)
    assert states(operator, flight_id) == {
        "cut.jpg": ("rejected", "truncated_image"),
        "text.jpg": ("rejected", "not_an_image"),
        "good.jpg": ("accepted", None),
    }
    send_whole(operator, flight_id, "cut.jpg", cut)
    run_jobs(worker_context)
    items = operator.get(f"/flights/{flight_id}/files", params={"state": "accepted"}).json()[
        "items"
    ]
    assert {item["path"] for item in items} == {"good.jpg", "cut.jpg"}


def test_bytes_that_are_not_the_announced_ones_are_refused(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    data, other = draw_jpeg(1), draw_jpeg(2)
    size = min(len(data), len(other))
    announce(operator, flight_id, describe("a.jpg", data[:size]))
    send_whole(operator, flight_id, "a.jpg", other[:size])
    run_jobs(worker_context)
    assert states(operator, flight_id)["a.jpg"] == ("rejected", "upload_damaged")
    told = operator.get(f"/flights/{flight_id}/receipt.json").json()
    assert [each["path"] for each in told["missing"]] == ["a.jpg"]


def test_receipt_says_what_is_missing_until_all_is_in(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    assert receipt(operator, flight_id)["why_not"] == "nothing_announced"
    data = [draw_jpeg(number) for number in range(3)]
    announce(operator, flight_id, *(describe(f"{n}.jpg", each) for n, each in enumerate(data)))
    send_whole(operator, flight_id, "0.jpg", data[0])
    send_whole(operator, flight_id, "1.jpg", data[1])
    run_jobs(worker_context)
    early = receipt(operator, flight_id)
    assert (early["card_may_be_wiped"], early["why_not"]) == (False, "files_missing")
    assert early["missing"] == [{"path": "2.jpg", "size_bytes": len(data[2]), "state": "expected"}]
    send_whole(operator, flight_id, "2.jpg", data[2])
    run_jobs(worker_context)
    whole = receipt(operator, flight_id)
    assert (whole["card_may_be_wiped"], whole["why_not"], whole["missing"]) == (True, None, [])
    sums = {hashlib.sha256(each).hexdigest(): f"{n}.jpg" for n, each in enumerate(data)}
    files = whole["files"]
    assert isinstance(files, list)
    assert {file["sha256"]: file["path"] for file in files} == sums
    assert all(file["verified_at"] for file in files)
    lines = sorted((path, f"{sha}  {path}\n") for sha, path in sums.items())
    text = "".join(line for _, line in lines)
    assert whole["list_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    table = operator.get(f"/flights/{flight_id}/receipt.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["sha256"] for row in rows] == [file["sha256"] for file in files]


def test_receipt_holds_no_formula(operator: TestClient, flight_id: int) -> None:
    announce(operator, flight_id, {"path": "=cmd|' '!A1.jpg", "size": 5})
    table = operator.get(f"/flights/{flight_id}/receipt.csv").content.decode("utf-8-sig")
    assert next(csv.DictReader(io.StringIO(table)))["path"].startswith("'=")


def test_flight_with_open_files_is_not_submitted_unless_they_are_left_out(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    send_whole(operator, flight_id, "a.jpg", draw_jpeg(1))
    create_upload(operator, flight_id, "b.jpg", 5000, body=bytes(100))
    refused = operator.post(f"/flights/{flight_id}/submit")
    assert (refused.status_code, refused.json()["code"]) == (409, "uploads_open")
    assert "2" in refused.json()["detail"]
    run_jobs(worker_context)
    submitted = operator.post(f"/flights/{flight_id}/submit", json={"leave_out_open": True})
    assert submitted.status_code == 202, submitted.text
    assert states(operator, flight_id) == {
        "a.jpg": ("accepted", None),
        "b.jpg": ("rejected", "left_out"),
    }
    done = receipt(operator, flight_id)
    assert (done["card_may_be_wiped"], done["why_not"]) == (False, "files_missing")
    assert [file["path"] for file in done["missing"]] == ["b.jpg"]  # type: ignore[attr-defined]
    answer = create_upload(operator, flight_id, "c.jpg", 5000)
    assert (answer.status_code, answer.json()["code"]) == (409, "flight_not_open")


def test_photos_of_the_older_way_are_on_the_receipt_too(
    operator: TestClient, flight_id: int, draw_jpeg: Draw
) -> None:
    data = draw_jpeg(1)
    announce(operator, flight_id, describe("a.jpg", data))
    operator.post(f"/flights/{flight_id}/photos", files={"file": ("a.jpg", data)})
    operator.post(f"/flights/{flight_id}/photos", files={"file": ("a.jpg", data)})
    operator.post(f"/flights/{flight_id}/photos", files={"file": ("b.jpg", b"x" * 99)})
    assert states(operator, flight_id) == {
        "a.jpg": ("accepted", None),
        "b.jpg": ("rejected", "not_an_image"),
    }
    assert receipt(operator, flight_id)["card_may_be_wiped"] is True


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archive_is_unpacked_entry_by_entry(  # noqa: PLR0917 - fixtures
    operator: TestClient,
    flight_id: int,
    draw_jpeg: Draw,
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
    services: Services,
) -> None:
    monkeypatch.setattr(unpacking, "ENTRIES_AT_ONCE", 2)
    packed = build_zip(
        ("DCIM/a.jpg", draw_jpeg(1)),
        ("/etc/passwd.jpg", draw_jpeg(2)),
        ("../../up.jpg", draw_jpeg(3)),
        ("C:\\win.jpg", draw_jpeg(4)),
        ("DCIM/a.jpg", draw_jpeg(5)),
        ("again.jpg", draw_jpeg(1)),
        ("cut.jpg", draw_jpeg(6)[:500]),
        ("notes.txt", b"text"),
        ("inner.zip", build_zip(("x.jpg", b"x"))),
        ("__MACOSX/DCIM/._a.jpg", b"litter"),
        ("DCIM/", b""),
    )
    send_whole(operator, flight_id, "card.zip", packed)
    run_jobs(worker_context)
    items = operator.get(f"/flights/{flight_id}/files", params={"limit": 200}).json()["items"]
    found = sorted((item["path"], item["state"], item["code"]) for item in items)
    assert found == [
        ("card.zip", "accepted", None),
        ("card.zip/DCIM/a.jpg", "accepted", None),
        ("card.zip/DCIM/a.jpg", "accepted", None),
        ("card.zip/again.jpg", "rejected", "duplicate_photo"),
        ("card.zip/cut.jpg", "rejected", "truncated_image"),
        ("card.zip/etc/passwd.jpg", "accepted", None),
        ("card.zip/inner.zip", "rejected", "unsupported_file"),
        ("card.zip/notes.txt", "rejected", "unsupported_file"),
        ("card.zip/up.jpg", "accepted", None),
        ("card.zip/win.jpg", "accepted", None),
    ]
    archive = next(item for item in items if item["kind"] == "archive")
    assert {item["archive_id"] for item in items} == {None, archive["id"]}
    progress = operator.get(f"/flights/{flight_id}/files/counts").json()
    assert (progress["bytes_total"], progress["card_may_be_wiped"]) == (len(packed), True)
    assert list((services.settings.resolved_data_dir / "uploads").iterdir()) == []


def spoil(packed: bytes, flag: int = 0) -> bytes:
    """Mark every entry as encrypted, in both headers."""
    data = bytearray(packed)
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(magic)
        while start >= 0:
            struct.pack_into("<H", data, start + place, flag)
            start = data.find(magic, start + 4)
    return bytes(data)


def test_hostile_archives_are_refused_by_name(
    operator: TestClient,
    flight_id: int,
    draw_jpeg: Draw,
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = build_zip(("a.jpg", draw_jpeg(1)))
    broken_crc = good.replace(draw_jpeg(1)[1000:1010], bytes(10))
    monkeypatch.setattr(uploads_archive, "ALWAYS_ALLOWED_BYTES", 1_000_000)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", bytes(4_000_000))
    for name, data in {
        "locked.zip": spoil(good, 1),
        "text.zip": b"PK not really",
        "half.zip": good[: len(good) // 2],
        "crc.zip": broken_crc,
        "bomb.zip": stream.getvalue(),
        "empty.zip": build_zip(),
    }.items():
        send_whole(operator, flight_id, name, data)
    run_jobs(worker_context)
    assert states(operator, flight_id) == {
        "locked.zip": ("accepted", None),
        "locked.zip/a.jpg": ("rejected", "encrypted_entry"),
        "text.zip": ("rejected", "damaged_archive"),
        "half.zip": ("rejected", "damaged_archive"),
        "crc.zip": ("accepted", None),
        "crc.zip/a.jpg": ("rejected", "damaged_entry"),
        "bomb.zip": ("rejected", "archive_too_large"),
        "empty.zip": ("accepted", None),
    }


def test_archive_with_a_list_that_fills_the_memory_is_not_opened(
    operator: TestClient,
    flight_id: int,
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads_archive, "MAX_DIRECTORY_BYTES", 100)
    monkeypatch.setattr(uploads_archive, "_open", lambda _path: pytest.fail("was opened"))
    send_whole(operator, flight_id, "a.zip", build_zip(("1.jpg", b"x"), ("2.jpg", b"y")))
    run_jobs(worker_context)
    assert states(operator, flight_id) == {"a.zip": ("rejected", "archive_too_large")}


def test_chinese_names_of_windows_archives_are_read(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    packed = build_zip(("XXXXXX.jpg", draw_jpeg(1)))
    written = packed.replace(b"XXXXXX", "照片一".encode("gb18030"))
    send_whole(operator, flight_id, "卡.zip", written)
    run_jobs(worker_context)
    assert states(operator, flight_id)["卡.zip/照片一.jpg"] == ("accepted", None)


def test_media_are_stored_and_handed_on(  # noqa: PLR0917 - fixtures
    operator: TestClient,
    flight_id: int,
    worker_context: WorkerContext,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handed: list[int] = []
    monkeypatch.setattr(
        media, "ingest_media", lambda _context, _flight, media_id: handed.append(media_id)
    )
    video = draw_video(tmp_path / "DJI_0001.MP4", draw_frames(12)).read_bytes()
    send_whole(operator, flight_id, "DJI_0001.MP4", video)
    send_whole(operator, flight_id, "DJI_0001.SRT", SRT)
    send_whole(operator, flight_id, "fake.mp4", b"#EXTM3U\nhttp://evil.example/x\n" * 20)
    send_whole(operator, flight_id, "bad.srt", bytes(100))
    run_jobs(worker_context)
    assert states(operator, flight_id) == {
        "DJI_0001.MP4": ("accepted", None),
        "DJI_0001.SRT": ("accepted", None),
        "fake.mp4": ("rejected", "unreadable_video"),
        "bad.srt": ("rejected", "unreadable_track"),
    }
    files = list_files(operator, flight_id)
    assert sorted(handed) == sorted(
        [files["DJI_0001.MP4"]["media_id"], files["DJI_0001.SRT"]["media_id"]]  # type: ignore[type-var]
    )
    assert services.store.path_of(hashlib.sha256(video).hexdigest()).read_bytes() == video


STEPS = (
    (file_checks, "_note_hash"),
    (file_checks, "_keep"),
    (file_checks, "_add_photo"),
    (file_checks, "accept_file"),
    (UploadFolder, "remove"),
)


def break_off_once(work: Callable[..., object], *, is_after: bool) -> Callable[..., object]:
    """Return ``work`` that ends as if killed the first time, before or after it did its part."""
    broken: list[int] = []

    def run(*arguments: object, **named: object) -> object:
        result = work(*arguments, **named) if is_after or broken else None
        if not broken:
            broken.append(1)
            message = "as if killed"
            raise RuntimeError(message)
        return result

    return run


def test_check_that_breaks_off_anywhere_is_done_again(
    operator: TestClient,
    draw_jpeg: Draw,
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before or after each step: nothing lost, nothing twice."""
    data = draw_jpeg(1)
    for (target, name), is_after in itertools.product(STEPS, (False, True)):
        flight_id = new_flight(operator, name)
        with monkeypatch.context() as patch:
            work = getattr(target, name)
            patch.setattr(target, name, break_off_once(work, is_after=is_after))
            send_whole(operator, flight_id, "a.jpg", data)
            (file,) = list_files(operator, flight_id).values()
            with pytest.raises(RuntimeError):
                file_checks.check_file(worker_context, int(str(file["id"])))
        run_jobs(worker_context)
        assert states(operator, flight_id) == {"a.jpg": ("accepted", None)}, name
        assert operator.get(f"/flights/{flight_id}").json()["progress"]["photos_total"] == 1


def test_file_at_which_the_worker_dies_is_refused_and_the_rest_goes_on(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    names = ["deadly.jpg", "fine.jpg"]
    for number, name in enumerate(names):
        send_whole(operator, flight_id, name, draw_jpeg(number))
    ids = [int(str(list_files(operator, flight_id)[name]["id"])) for name in names]
    file_checks.give_up_first(worker_context, ids)
    run_jobs(worker_context)
    assert states(operator, flight_id) == {
        "deadly.jpg": ("rejected", "processing_crashed"),
        "fine.jpg": ("accepted", None),
    }
    told = receipt(operator, flight_id)
    assert (told["card_may_be_wiped"], told["why_not"]) == (False, "files_missing")


@pytest.mark.parametrize("name", ["slow.jpg", "slow.srt"])
def test_file_refused_while_its_check_goes_on_leaves_nothing_behind(  # noqa: PLR0917 - fixtures
    name: str,
    operator: TestClient,
    flight_id: int,
    draw_jpeg: Draw,
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send_whole(operator, flight_id, name, draw_jpeg(1) if name.endswith("jpg") else SRT)
    file_id = int(str(list_files(operator, flight_id)[name]["id"]))
    keep = file_checks._keep

    def give_up_meanwhile(context: WorkerContext, work: file_checks._Work) -> None:
        keep(context, work)
        file_checks.give_up_first(context, [file_id])

    monkeypatch.setattr(file_checks, "_keep", give_up_meanwhile)
    run_jobs(worker_context, [UPLOADS_QUEUE])
    assert states(operator, flight_id)[name] == ("rejected", "processing_crashed")
    with worker_context.sessions() as session:
        assert session.scalars(select(PhotoRow)).all() == []
        assert session.scalars(select(FlightMediaRow)).all() == []


def test_full_disk_makes_a_check_wait_and_refuses_nothing(
    operator: TestClient,
    flight_id: int,
    draw_jpeg: Draw,
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise DiskFullError

    monkeypatch.setattr(tasks, "DISK_FULL_WAIT_S", 0)
    send_whole(operator, flight_id, "a.zip", build_zip(("a.jpg", draw_jpeg(1))))
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "extract_entry", refuse)
        patch.setattr(tasks, "order_unpacking", lambda *_, **__: None)
        run_jobs(worker_context)
    assert states(operator, flight_id)["a.zip/a.jpg"] == ("checking", None)
    with worker_context.sessions.begin() as session:
        archive = list_files(operator, flight_id)["a.zip"]
        intake.order_unpacking(session, int(str(archive["id"])))
    run_jobs(worker_context)
    assert states(operator, flight_id)["a.zip/a.jpg"] == ("accepted", None)


def test_local_file_is_taken_in_once(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    data = draw_jpeg(1)
    numbers = {
        intake.take_file(
            worker_context.sessions,
            worker_context.settings,
            flight_id=flight_id,
            path="dock/a.jpg",
            stream=io.BytesIO(data),
        )
        for _ in range(2)
    }
    assert len(numbers) == 1
    run_jobs(worker_context)
    assert states(operator, flight_id) == {"dock/a.jpg": ("accepted", None)}


def test_list_pages_filters_and_tells_of_changes(
    operator: TestClient, flight_id: int, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    announce(operator, flight_id, *({"path": f"{n}.jpg", "size": 5} for n in range(5)))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2, "state": "expected"} | ({"cursor": cursor} if cursor else {})
        page = operator.get(f"/flights/{flight_id}/files", params=query).json()
        seen += [item["path"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"{n}.jpg" for n in range(5)]
    before = operator.get(f"/flights/{flight_id}/files").json()["as_of"]
    send_whole(operator, flight_id, "new.jpg", draw_jpeg(1))
    run_jobs(worker_context)
    changed = operator.get(f"/flights/{flight_id}/files", params={"since": before}).json()["items"]
    assert "new.jpg" in {item["path"] for item in changed}
    later = operator.get(f"/flights/{flight_id}/files", params={"since": "2999-01-01T00:00:00Z"})
    assert later.json()["items"] == []
