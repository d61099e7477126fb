"""What the page of a flight says about what was covered, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from serving.api.layer_schemas import CoverageSummary, TargetTally
from serving.api.layer_views import view_coverage
from serving.db.tables import FlightRow
from serving.flights.coverage import find_coverage
from serving.web.i18n import N_
from serving.web.rendering import Words

M2_PER_HA: Final = 10_000
M2_PER_KM2: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ShareFigure:
    """A share of something with what it counts, both as people read them."""

    title: str
    share: str
    counted: str
    is_short: bool


@dataclass(frozen=True, slots=True)
class PhotoNote:
    """A fault that several photos share, and what to do."""

    count: int
    message: str
    remedy: str


def load_card(session: Session, words: Words, flight: FlightRow) -> dict[str, object]:
    """Return what the template shows of the coverage of a flight."""
    answer = view_coverage(session, flight.id, find_coverage(session, flight.id))
    summary = answer.summary
    stored = answer.failure
    failure = words.explain(stored.code, stored.message, stored.remedy) if stored else None
    return {
        "coverage": answer,
        "coverage_failure": failure,
        "shares": list_shares(summary, words) if summary else [],
        "why_no_shares": explain_no_shares(summary, words, has_layers=bool(answer.layers))
        if summary
        else "",
        "photo_notes": list_notes(summary, words) if summary else [],
        "layer_notes": [words.explain(code) for code in summary.warnings] if summary else [],
        "has_targets": bool(summary and (summary.buildings or summary.covers or summary.areas)),
    }


def list_shares(summary: CoverageSummary, words: Words) -> list[ShareFigure]:
    """Return 覆盖率 of areas, buildings and covers, those that there are."""
    figures = []
    if summary.areas:
        total_m2 = sum(area.area_m2 for area in summary.areas)
        covered_m2 = sum(area.area_m2 * area.share for area in summary.areas)
        share = covered_m2 / total_m2 if total_m2 else 0.0
        counted = describe_areas(covered_m2, total_m2)
        gaps = sum(area.gaps for area in summary.areas)
        figures.append(
            ShareFigure(words.translate(N_("Area to be flown")), percent(share), counted, gaps > 0)
        )
    for title, tally in (
        (N_("Buildings"), summary.buildings),
        (N_("Manhole covers"), summary.covers),
    ):
        if tally is not None:
            figures.append(_figure(words.translate(title), tally))
    return figures


def explain_no_shares(summary: CoverageSummary, words: Words, *, has_layers: bool) -> str:
    """Return why no share of anything can be told; layers that were used need not be the reason."""
    if not has_layers:
        text = N_(
            "No buildings, covers or areas were imported here when this was computed, so that only "
            "the footprints of the photos can be shown."
        )
    elif summary.placed and not summary.covered_m2:
        text = N_(
            "No photo is fine and sharp enough for a roof anywhere, so nothing of the imported "
            "layers counts as covered."
        )
    else:
        text = N_("Of the imported buildings, covers and areas none lies on the ground shown.")
    return words.translate(text)


def list_notes(summary: CoverageSummary, words: Words) -> list[PhotoNote]:
    """Return which faults the photos have, and how many of them: no footprint, blurred, dark."""
    counts: Mapping[str, int] = {**summary.refused, **summary.flags}
    return [PhotoNote(count, *words.explain(code)) for code, count in sorted(counts.items())]


def percent(share: float) -> str:
    """Return a share as people read it; never 100 % while something is missing.

    >>> percent(0.9996), percent(1.0), percent(0.5), percent(0.0001)
    ('99.9%', '100%', '50%', '0.1%')
    """
    if 0.0 < share < 1.0:
        value = min(99.9, max(0.1, round(share * 100, 1)))
        return f"{value:g}%"
    return f"{share * 100:.0f}%"


def describe_areas(part_m2: float, whole_m2: float) -> str:
    """Return a part and its whole in the unit that people use for the whole.

    >>> describe_areas(380.2, 820.4), describe_areas(17_000.0, 35_000.0), describe_areas(1e6, 2.5e6)
    ('380 / 820 m²', '1.7 / 3.5 ha', '1.00 / 2.50 km²')
    """
    if whole_m2 < M2_PER_HA:
        return f"{part_m2:.0f} / {whole_m2:.0f} m²"
    if whole_m2 < M2_PER_KM2:
        return f"{part_m2 / M2_PER_HA:.1f} / {whole_m2 / M2_PER_HA:.1f} ha"
    return f"{part_m2 / M2_PER_KM2:.2f} / {whole_m2 / M2_PER_KM2:.2f} km²"


def _figure(title: str, tally: TargetTally) -> ShareFigure:
    counted = f"{tally.seen} / {tally.total}"
    return ShareFigure(title, percent(tally.share), counted, tally.seen < tally.total)
