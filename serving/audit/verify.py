"""Compute the chain again, entry by entry, and hold it against heads that were noted before.

The chain alone shows what was changed, taken out, put in or moved. Only a head that was kept
elsewhere shows that the end was cut off, or that somebody sealed everything anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from serving.audit.chain import FIRST_HASH, SEALED, seal
from serving.audit.entries import Head

MAX_FINDINGS = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, at an entry (0: with the log as a whole)."""

    sequence: int
    code: str
    detail: str


@dataclass(slots=True)
class Report:
    """What a check came to. ``findings`` holds the first of ``found``."""

    entries: int = 0
    head: Head = field(default_factory=Head)
    events_before_log: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return self.found == 0

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings and keep the first."""
        for each in findings:
            self.found += 1
            if len(self.findings) < MAX_FINDINGS:
                self.findings.append(each)


def verify_entries(entries: Iterable[Mapping[str, object]], heads: Iterable[Head] = ()) -> Report:
    """Return what is wrong with entries that come oldest first, and with heads noted before."""
    report = Report()
    awaited: dict[int, set[str]] = {}
    for head in heads:
        awaited.setdefault(head.sequence, set()).add(head.hash)
    awaited.pop(0, None)
    for entry in entries:
        report.add(_check_entry(entry, report.head))
        sequence, hash_ = _number(entry.get("sequence")), str(entry.get("hash"))
        report.add(_check_head(sequence, hash_, awaited.pop(sequence, set())))
        report.entries += 1
        report.head = Head(sequence, hash_)
    for sequence in sorted(awaited):
        detail = f"entry {sequence} was noted as the head and is not there"
        report.add([Finding(sequence, "cut_off", detail)])
    return report


def _check_entry(entry: Mapping[str, object], last: Head) -> Iterator[Finding]:
    sequence = _number(entry.get("sequence"))
    missing = [name for name in SEALED if name not in entry]
    if missing:
        yield Finding(sequence, "incomplete", f"without {', '.join(missing)}")
        return
    if sequence != last.sequence + 1:
        detail = f"follows entry {last.sequence}"
        yield Finding(sequence, "gap" if sequence > last.sequence else "order", detail)
    expected = last.hash if last.sequence else FIRST_HASH
    if entry["previous_hash"] != expected:
        yield Finding(sequence, "broken_link", "does not name the hash of the entry before")
    if _seal_or_none(entry) != entry.get("hash"):
        yield Finding(sequence, "changed", "its content does not fit its hash")


def _check_head(sequence: int, hash_: str, noted: set[str]) -> Iterator[Finding]:
    if noted - {hash_}:
        detail = "another hash than the one that was noted as the head"
        yield Finding(sequence, "other_head", detail)


def _seal_or_none(entry: Mapping[str, object]) -> str | None:
    try:
        return seal(entry)
    except (TypeError, ValueError):
        return None


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
