"""Rows of files to what is said of them over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from sqlalchemy.orm import Session

from serving.api.upload_schemas import (
    FileCountsAnswer,
    FileItem,
    FileProgress,
    MissingFile,
    ReceiptAnswer,
    ReceiptFile,
)
from serving.db.tables import FlightFileRow
from serving.flights.receipt import Receipt, find_obstacle
from serving.flights.uploads_files import (
    STATES,
    FileCounts,
    FileFacts,
    count_files,
    describe_files,
)

MISSING_SHOWN = 1000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def view_files(session: Session, rows: Sequence[FlightFileRow]) -> list[FileItem]:
    """Return what is said of files."""
    return [view_file(facts) for facts in describe_files(session, rows)]


def view_file(facts: FileFacts) -> FileItem:
    """Return what is said of one file."""
    row, upload = facts.row, facts.upload
    held = row.size_bytes if row.state in {"checking", "accepted"} else 0
    return FileItem.model_validate(
        {
            **{name: getattr(row, name) for name in _COPIED},
            "offset": upload.offset_bytes if upload else held,
            "upload_url": f"/api/v1/uploads/{upload.id}" if upload else None,
            "known_in": list(facts.known_in),
            "archive_id": row.archive_id or None,
        }
    )


def view_counts(counts: FileCounts) -> FileCountsAnswer:
    """Return the counts of a flight's files."""
    return FileCountsAnswer.model_validate(_count_values(counts))


def view_progress(session: Session, flight_id: int) -> FileProgress:
    """Return the counts and whether the card may be wiped."""
    values = _count_values(count_files(session, flight_id))
    obstacle = find_obstacle(session, flight_id)
    return FileProgress.model_validate(values | {"card_may_be_wiped": obstacle is None})


def view_receipt(receipt: Receipt) -> ReceiptAnswer:
    """Return a receipt as JSON says it."""
    missing = receipt.missing
    return ReceiptAnswer(
        flight_id=receipt.flight.id,
        flight_name=receipt.flight.name,
        site=receipt.flight.site,
        issued_at=receipt.issued_at,
        card_may_be_wiped=receipt.why_not is None,
        why_not=receipt.why_not,  # type: ignore[arg-type]  # pydantic checks the word
        counts=view_counts(receipt.counts),
        missing_count=len(missing),
        missing=[MissingFile.model_validate(each.row) for each in missing[:MISSING_SHOWN]],
        list_sha256=receipt.list_sha256,
        files=[_receipt_file(receipt, each) for each in receipt.files],
    )


def write_receipt_csv(receipt: Receipt) -> bytes:
    """Return a receipt as CSV, with the mark that lets a spreadsheet see UTF-8."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(ReceiptFile.model_fields)
    for facts in receipt.files:
        values = _receipt_file(receipt, facts).model_dump(mode="json")
        values["known_in"] = " ".join(str(each) for each in facts.known_in)
        writer.writerow(_harmless(values[name]) for name in ReceiptFile.model_fields)
    return stream.getvalue().encode("utf-8-sig")


def _receipt_file(receipt: Receipt, facts: FileFacts) -> ReceiptFile:
    row = facts.row
    known = {"known_in": list(facts.known_in), "archive": receipt.archives.get(row.archive_id)}
    copied = {name: getattr(row, name) for name in ReceiptFile.model_fields if name not in known}
    return ReceiptFile.model_validate(copied | known)


def _harmless(value: object) -> str:
    """Return text that a spreadsheet does not take for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _count_values(counts: FileCounts) -> dict[str, object]:
    return {state: counts.by_state.get(state, 0) for state in STATES} | {
        "total": counts.total,
        "bytes_total": counts.bytes_total,
        "bytes_received": counts.bytes_received,
        "bytes_accepted": counts.bytes_accepted,
        "rejected_by_code": counts.rejected_by_code,
    }


_COPIED = (
    "id",
    "path",
    "size_bytes",
    "kind",
    "state",
    "sha256",
    "code",
    "message",
    "remedy",
    "photo_id",
    "media_id",
    "verified_at",
    "changed_at",
)
