"""``report.html``: one page that a person opens offline, in Chinese with a switch to English."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from detection.domain.finding import Candidate, GeoDetection
from detection.report.content import CLASS_COLORS, FlightReport, count_classes, rank_candidates
from detection.report.geojson import CropNames, find_unplaced_reason
from detection.report.messages import Text, Trouble, list_trouble, load_messages
from detection.report.sketch import build_sketch
from detection.taxonomy import load_taxonomy

TEMPLATE_NAME = "report.html.j2"
SHOWN_SIGHTINGS = 6
"""More sightings of one candidate than this are folded away."""


@dataclass(frozen=True, slots=True)
class SightingView:
    """One sighting with its crop's path, None where none could be drawn."""

    sighting: GeoDetection
    crop: str | None


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One card of the page."""

    number: int
    candidate: Candidate
    sightings: tuple[SightingView, ...]
    unplaced: Text | None


@dataclass(frozen=True, slots=True)
class TroubleGroup:
    """All files with one reason."""

    first: Trouble
    files: tuple[str, ...]


def render_page(report: FlightReport, crops: CropNames) -> str:
    """Return the page; ``crops`` holds paths relative to it."""
    ranked = rank_candidates(report.candidates)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    messages = load_messages()
    return environment.get_template(TEMPLATE_NAME).render(
        report=report,
        page=messages.page,
        severities=messages.severities,
        taxonomy=load_taxonomy(),
        colors=CLASS_COLORS,
        cards=[_view_candidate(n, one, crops) for n, one in enumerate(ranked, start=1)],
        shown_sightings=SHOWN_SIGHTINGS,
        class_counts=count_classes(report.detections),
        candidate_counts=_count_candidates(ranked),
        sketch=build_sketch(report.photos, ranked),
        trouble=_group_trouble(list_trouble(report.failures, report.photos)),
        unplaced_photos=[photo.photo_id for photo in report.photos if photo.pose is None],
    )


def _view_candidate(number: int, candidate: Candidate, crops: CropNames) -> CandidateView:
    reason = find_unplaced_reason(candidate)
    return CandidateView(
        number=number,
        candidate=candidate,
        sightings=tuple(
            SightingView(sighting, crops.get((candidate.key, index)))
            for index, sighting in enumerate(candidate.sightings)
        ),
        unplaced=load_messages().explain(reason)[0] if reason else None,
    )


def _count_candidates(candidates: Sequence[Candidate]) -> dict[str, int]:
    found = [one.hazard_class.value for one in candidates]
    return {key: found.count(key) for key in set(found)}


def _group_trouble(rows: Sequence[Trouble]) -> list[TroubleGroup]:
    """Group by code; within a code by message, since some messages name a detail."""
    groups: defaultdict[tuple[str, str], list[Trouble]] = defaultdict(list)
    for row in rows:
        groups[row.code, row.message.en].append(row)
    return [
        TroubleGroup(members[0], tuple(row.photo_id for row in members))
        for members in groups.values()
    ]
