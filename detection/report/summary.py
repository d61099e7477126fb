"""What the command says at its end, line by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from detection.domain.reasons import explain_reason
from detection.report.content import FlightReport, count_classes
from detection.report.messages import Trouble, list_trouble, load_messages
from detection.taxonomy import load_taxonomy

NAMED_FILES = 5
"""So many files of one reason are named; failures.json names them all."""


def summarize_report(report: FlightReport, page_path: Path, *, photos_new: int) -> list[str]:
    """Return the lines; ``photos_new`` is how many photos this run itself looked at."""
    return [
        _count_photos(report, photos_new),
        *_count_left_out(report),
        *_count_findings(report),
        *_list_reasons(report),
        f"Report: {page_path}",
    ]


def _count_photos(report: FlightReport, photos_new: int) -> str:
    looked_at = len(report.photos_looked_at)
    line = f"{looked_at} photos through {report.tiles} tiles"
    if photos_new and report.seconds > 0:
        line += f" in {report.seconds:.1f} s ({photos_new / report.seconds:.2f} photos/s)"
    earlier = looked_at - photos_new
    return f"{line}; {earlier} of them in an earlier run" if earlier > 0 else line


def _count_left_out(report: FlightReport) -> Iterator[str]:
    if report.views:
        total = len(report.photos) + len(report.left_out)
        yield f"--views {report.views}: {len(report.photos)} of {total} photos looked at"
    if report.left_out:
        text = load_messages().page["left_out"].en
        yield f"  {len(report.left_out)} {text}"


def _count_findings(report: FlightReport) -> Iterator[str]:
    taxonomy = load_taxonomy()
    yield f"{len(report.detections)} detections, {len(report.candidates)} candidates to review"
    for key, count in count_classes(report.detections).items():
        yield f"  {key.value:<16} {count:>5}  {taxonomy[key].name_en}"
    if report.skipped_tiles:
        yield f"{report.skipped_tiles} {load_messages().page['skipped_tiles'].en}"
    if report.implausible:
        text = load_messages().page["implausible"].en
        yield f"{report.implausible} {text}"


def _list_reasons(report: FlightReport) -> Iterator[str]:
    by_code: defaultdict[str, list[Trouble]] = defaultdict(list)
    for row in list_trouble(report.failures, report.photos):
        by_code[row.code].append(row)
    if report.failures:
        yield f"{len(report.failures)} files could not be used"
    for code, rows in by_code.items():
        names = ", ".join(row.photo_id for row in rows[:NAMED_FILES])
        more = f" and {len(rows) - NAMED_FILES} more" if len(rows) > NAMED_FILES else ""
        yield f"  {rows[0].severity.value} {code} ({len(rows)}): {names}{more}"
        # A message with a detail (a size, the name of a twin) speaks of one file alone.
        same = len({row.message.en for row in rows}) == 1
        message = rows[0].message.en if same else explain_reason(code).message_en
        yield f"    {message} {rows[0].remedy.en}"
    if report.other_files:
        yield f"{report.other_files} other files were passed over; photos are JPEG, PNG or TIFF"
