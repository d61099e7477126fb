"""What an audit finds: by name, with the photos it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

Severity = Literal["failure", "warning", "note"]

FAILURES = frozenset(
    {
        "changed_file",
        "corrupt_image",
        "label_outside_photo",
        "leak_flight",
        "leak_group",
        "leak_near_duplicate",
        "leak_site",
        "malformed_label",
        "mixed_labels",
        "missing_split",
        "two_classes_one_box",
        "unknown_class",
        "zero_area",
    }
)
"""Codes with which a set must not be trained or judged on; all others are warnings or notes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an audit found; a pair of photos where two are at odds."""

    code: str
    severity: Severity
    message: str
    photos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Everything that was found in one set, and what was looked at.

    ``licences`` counts photos by (source, licence, permissive), ``corrections`` by act.
    """

    name: str
    photos: int
    findings: tuple[Finding, ...]
    licences: Mapping[tuple[str, str, bool], int] = field(default_factory=dict)
    corrections: Mapping[str, int] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        """How many findings forbid the use of the set."""
        return sum(finding.severity == "failure" for finding in self.findings)

    def count_codes(self) -> Counter[tuple[Severity, str]]:
        """Return how often each code was found."""
        return Counter((finding.severity, finding.code) for finding in self.findings)


@dataclass(frozen=True, slots=True)
class FindingText:
    """What a code means and what to do about it, in both languages."""

    title_zh: str
    advice_zh: str
    title_en: str
    advice_en: str


@cache
def load_texts() -> dict[str, FindingText]:
    """Return the words of every code."""
    document = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return {code: FindingText(*row["zh"], *row["en"]) for code, row in document.items()}


def make_finding(code: str, message: str, photos: Sequence[str] = ()) -> Finding:
    """Return a finding with the severity of its code."""
    return Finding(code, "failure" if code in FAILURES else "warning", message, tuple(photos))


def json_from_report(report: AuditReport) -> dict[str, Any]:
    """Return the report as JSON has it."""
    return {
        "name": report.name,
        "photos": report.photos,
        "failures": report.failures,
        "counts": {code: count for (_, code), count in sorted(report.count_codes().items())},
        "findings": [asdict(finding) for finding in report.findings],
        "licences": [
            {"source": source, "licence": licence, "permissive": permissive, "photos": count}
            for (source, licence, permissive), count in sorted(report.licences.items())
        ],
        "corrections": dict(report.corrections),
    }
