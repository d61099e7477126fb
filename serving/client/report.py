"""The last words of an upload: what is in, what is not and why, and whether the card may go."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from serving.client.display import print_reasons
from serving.client.sources import Source
from serving.client.upload import UploadOutcome

WHY_NOT = {
    "nothing_announced": "the server knows of no file",
    "nothing_accepted": "no file was taken in",
    "files_missing": "files are missing on the server",
    "not_verified": "the server has not read every file back from its disk yet",
}


def report_outcome(console: Console, source: Source, outcome: UploadOutcome, server: str) -> None:
    """Print what became of ``source``, names as they are (never as markup)."""
    print_reasons(
        console,
        "Refused by the server",
        ((one.path, one.message, one.remedy) for one in outcome.refused),
    )
    print_reasons(console, "Not sent", ((one.name, one.message, "") for one in outcome.unsent))
    for line in _list_lines(source, outcome, server):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _list_lines(source: Source, outcome: UploadOutcome, server: str) -> Iterator[str]:
    page = f"{server}/flights/{outcome.flight_id}"
    if outcome.counts is None:
        yield f"Nothing new: every file went with flight {outcome.flight_id} or before. {page}"
        return
    counts = outcome.counts
    yield f"Flight {outcome.flight_id}: {counts.accepted} files in, {counts.rejected} refused."
    if outcome.open:
        yield f"{outcome.open} files are not in yet; --leave-out submits without them."
    if outcome.repeated:
        flights = sorted({number for one in outcome.repeated for number in one.known_in})
        named = ", ".join(str(number) for number in flights)
        yield f"{len(outcome.repeated)} of them are in other flights too ({named})."
    yield _tell_of_card(source, outcome)
    if outcome.is_submitted:
        yield f"It is being processed: {page}"
    else:
        yield f"It is not submitted yet; run the command again or go on here: {page}"


def _tell_of_card(source: Source, outcome: UploadOutcome) -> str:
    passed = ", ".join(f"{count} {suffix}" for suffix, count in source.others)
    others = f" Of other kinds, and only on the card: {passed}." if passed else ""
    receipt = outcome.receipt
    if receipt is not None and receipt.card_may_be_wiped and not outcome.unsent:
        told = "the server read every file that it took back from its disk."
        return f"The card may be wiped{', but for what follows' if passed else ''}: {told}{others}"
    reason = "files of the card were not sent"
    if receipt is not None and not outcome.unsent:
        reason = WHY_NOT.get(receipt.why_not, receipt.why_not)
    return f"Do NOT wipe the card yet: {reason}.{others}"
