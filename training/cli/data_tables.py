"""Tables of ``hazardlens data`` on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from training.data.comparison import Comparison
from training.data.findings import AuditReport
from training.data.statistics import Statistics, name_sizes

LISTED = 10
"""Names of a list that are printed; all are in the JSON."""


def print_statistics(name: str, statistics: Statistics) -> None:
    """Print the counts of a set."""
    keys = {key for row in statistics.sides.values() for key in row} - {"photos", "negatives"}
    columns = ("photos", "negatives", *sorted(keys))
    sides = Table(title=f"{name}: {statistics.groups} groups, {statistics.polygons} polygons")
    sides.add_column("side")
    for key in columns:
        sides.add_column(key, justify="right")
    for side, row in statistics.sides.items():
        sides.add_row(side, *(str(row.get(key, 0)) for key in columns))
    sources = Table("source", "licence", "permissive", title="sources")
    sources.add_column("photos", justify="right")
    sources.add_column("labels", justify="right")
    for item in statistics.sources:
        said = (item.source or "-", item.licence or "not stated", _say(yes=item.permissive))
        sources.add_row(*said, str(item.photos), str(item.annotations))
    sizes = Table("class", title="labels by size (root of the box's area), px")
    for bin_name in name_sizes():
        sizes.add_column(bin_name, justify="right")
    for key, counts in statistics.sizes.items():
        sizes.add_row(key, *(str(count) for count in counts))
    _print(sides, sources, sizes)


def print_audit(report: AuditReport) -> None:
    """Print what was found, the first photos of each kind, and the licences."""
    found = Table("finding", "severity", title=f"{report.name}: {report.photos} photos")
    found.add_column("count", justify="right")
    found.add_column("first", overflow="fold")
    for (severity, code), count in sorted(report.count_codes().items()):
        first = next(item for item in report.findings if item.code == code)
        said = " | ".join([*first.photos, first.message])
        found.add_row(code, severity, str(count), said)
    licences = Table("licence", "permissive", title="licences")
    licences.add_column("photos", justify="right")
    for (_, licence, permissive), count in sorted(report.licences.items()):
        licences.add_row(licence or "not stated", _say(yes=permissive), str(count))
    _print(found, licences)
    acts = ", ".join(f"{count} {act}" for act, count in sorted(report.corrections.items()))
    Console(markup=False).print(f"Corrections: {acts or 'none'}. Failures: {report.failures}.")


def print_comparison(comparison: Comparison) -> None:
    """Print the lists of a comparison, the first names of each."""
    moved = [f"{name} ({before} to {after})" for name, before, after in comparison.moved]
    lists = {
        "added": comparison.added,
        "removed": comparison.removed,
        "relabelled": comparison.relabelled,
        "other pixels": comparison.changed_pixels,
        "moved": moved,
    }
    table = Table("change")
    table.add_column("photos", justify="right")
    table.add_column("first", overflow="fold")
    for change, names in lists.items():
        more = " ..." if len(names) > LISTED else ""
        table.add_row(change, str(len(names)), ", ".join(names[:LISTED]) + more)
    _print(table)


def _say(*, yes: bool) -> str:
    return "yes" if yes else "no"


def _print(*tables: Table) -> None:
    console = Console(markup=False)
    for table in tables:
        console.print(table)
