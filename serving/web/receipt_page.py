"""The receipt of an upload as a page: what is in, what is not, whether the card may be wiped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from serving.api.schemas import MAX_ID
from serving.deps import FlightReader, SessionDep
from serving.flights.receipt import Receipt, is_missing, write_receipt
from serving.flights.uploads_files import FileFacts
from serving.web.i18n import N_
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

ROW_LIMIT = 500
"""Rows of one list that the page shows; the CSV file holds all."""

WIPE_REASONS: Final[Mapping[str, str]] = {
    "": N_("Every announced file is in or refused by name; the stored bytes were read again."),
    "nothing_announced": N_("No upload of this flight was announced."),
    "nothing_accepted": N_("No file could be taken in."),
    "files_missing": N_("Some files are only on the card."),
    "not_verified": N_("The server is reading the stored files once more."),
}


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One file of the receipt, in the language of the page."""

    path: str
    size_bytes: int
    sha256: str
    verified_at: datetime | None
    known_in: tuple[int, ...]
    message: str
    remedy: str


@router.get("/flights/{flight_id}/receipt")
def show_receipt(
    request: Request,
    person: FlightReader,
    session: SessionDep,
    flight_id: Annotated[int, Path(ge=1, le=MAX_ID)],
) -> Response:
    """Show the receipt of a flight as of now."""
    words = words_for(request)
    receipt = write_receipt(session, flight_id)
    context = {
        "section": "flights",
        "receipt": receipt,
        "counts": receipt.counts,
        "reason": words.label(WIPE_REASONS, receipt.why_not or ""),
        "row_limit": ROW_LIMIT,
    }
    return render(
        request,
        "flight_receipt.html",
        person=person,
        context=context | _sort_lines(receipt, words),
    )


def _sort_lines(receipt: Receipt, words: Words) -> dict[str, list[ReceiptLine]]:
    lines: dict[str, list[ReceiptLine]] = {"missing": [], "refused": [], "accepted": []}
    for each in receipt.files:
        place = "refused" if each.row.state == "rejected" else "accepted"
        lines["missing" if is_missing(each.row) else place].append(_line(each, words))
    return lines


def _line(each: FileFacts, words: Words) -> ReceiptLine:
    row = each.row
    told = words.explain(row.code, row.message or "", row.remedy or "") if row.code else ("", "")
    return ReceiptLine(
        row.path, row.size_bytes, row.sha256 or "", row.verified_at, each.known_in, *told
    )
