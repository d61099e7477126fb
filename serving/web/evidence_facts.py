"""What the review panel says of a building: what speaks for a change, what cannot be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from detection.domain.building_change import EvidenceKind
from serving.api.change_schemas import (
    EvidenceAnswer,
    EvidenceItem,
    FindingItem,
    RunAnswer,
    ShownItem,
)
from serving.api.review_schemas import CandidateAnswer
from serving.review.decision import CandidateState
from serving.review.permits import CHECKED_CLASSES
from serving.storage.derivatives import TILE_PX, top_zoom_level
from serving.web.figures import show_error, show_percent, show_score, show_with_error
from serving.web.i18n import N_
from serving.web.rendering import Words

SIGNALS: Final[dict[str, str]] = {
    EvidenceKind.CHANGE: N_("Height, two flights"),
    EvidenceKind.REGISTER: N_("Storeys, register"),
    EvidenceKind.PHOTO: N_("Single photo"),
}
UNASKED: Final[dict[str, str]] = {
    EvidenceKind.CHANGE: N_("Not compared with an earlier flight."),
    EvidenceKind.REGISTER: N_("No register says how many storeys are permitted."),
    EvidenceKind.PHOTO: N_("No model marked it in a single photo."),
}
MOVES: Final[dict[str, str]] = {
    "rise": N_("The roof rose by {change} over {area}."),
    "fall": N_("The roof fell by {change} over {area}."),
    "unchanged": N_("The roof is as high as before (difference {change})."),
}


@dataclass(frozen=True, slots=True)
class SignalView:
    """One signal in words: its lines, how probable it is alone, or why it says nothing."""

    kind: str
    label: str
    lines: tuple[str, ...]
    probability: str = ""
    is_silent: bool = False
    remedy: str = ""


def describe_evidence(
    candidate: CandidateAnswer, evidence: EvidenceAnswer, words: Words
) -> dict[str, object]:
    """Return the part of the panel's context that tells of the building; empty of other classes."""
    is_building = candidate.hazard_class in CHECKED_CLASSES
    shown = is_building and evidence.has_evidence
    return {
        "is_suspicion": is_building and candidate.state is not CandidateState.CONFIRMED,
        "signals": list_signals(evidence, words) if shown else [],
        "compared": describe_run(evidence.run, words) if shown else "",
    }


def list_signals(evidence: EvidenceAnswer, words: Words) -> list[SignalView]:
    """Return the three signals in a fixed order: what it says, why it cannot, or that none is."""
    spoken = {each.kind: each for each in evidence.evidence}
    silent = {each.kind: each.reason for each in evidence.cannot_tell}
    views = []
    for kind in EvidenceKind:
        label = words.label(SIGNALS, kind)
        if kind in spoken:
            item = spoken[kind]
            lines = tuple(_lines_of(item, words))
            views.append(SignalView(kind, label, lines, probability=show_percent(item.probability)))
        elif kind in silent:
            message, remedy = words.explain(silent[kind], silent[kind])
            line = words.translate(N_("Cannot tell: {reason}"), reason=message)
            views.append(SignalView(kind, label, (line,), is_silent=True, remedy=remedy))
        else:
            text = words.label(UNASKED, kind)
            views.append(SignalView(kind, label, (text,), is_silent=True))
    return views


def describe_run(run: RunAnswer | None, words: Words) -> str:
    """Return with which flight it was compared, and how well the two fit."""
    if run is None or run.base_flight_name is None:
        return ""
    summary = run.summary or {}
    sigma, overlap = summary.get("sigma_dz_m"), summary.get("overlap_share")
    text = words.translate(N_("Compared with {name}."), name=run.base_flight_name)
    if sigma is None or overlap is None:
        return text
    return f"{text} " + words.translate(
        N_("The heights of both fit to ± {error} m on unchanged ground; overlap {overlap}."),
        error=show_error(sigma, decimals=2),
        overlap=f"{overlap:.0%}",
    )


def describe_pair_for_scripts(
    finding: FindingItem | None, run: RunAnswer | None
) -> dict[str, Any] | None:
    """Return the pictures and photos of both flights for the scripts; None where there are none."""
    if finding is None or run is None:
        return None
    pictures = finding.pictures
    return {
        "before": pictures.before,
        "after": pictures.after,
        "difference": pictures.difference,
        "m_per_px": finding.picture_m_per_px,
        "base_name": run.base_flight_name,
        "new_name": run.new_flight_name,
        "photos": {
            "before": [_describe_photo(each) for each in finding.photos.before],
            "after": [_describe_photo(each) for each in finding.photos.after],
        },
    }


def _describe_photo(shown: ShownItem) -> dict[str, Any]:
    return {
        "name": shown.name,
        "bbox_xyxy": shown.bbox_xyxy,
        "polygons": shown.polygons,
        "photo": {
            "id": shown.photo_id,
            "name": shown.name,
            "width_px": shown.width_px,
            "height_px": shown.height_px,
            "tiles_url": f"{shown.photo_url}/tiles/{{level}}/{{x}}_{{y}}.jpg",
            "tile_px": TILE_PX,
            "max_level": top_zoom_level(shown.width_px, shown.height_px),
        },
    }


def _lines_of(item: EvidenceItem, words: Words) -> list[str]:
    tell = {
        EvidenceKind.CHANGE: _tell_change,
        EvidenceKind.REGISTER: _tell_register,
        EvidenceKind.PHOTO: _tell_photo,
    }[item.kind]
    return tell(item.figures, words)


def _tell_change(figures: Mapping[str, Any], words: Words) -> list[str]:
    verdict, change = str(figures.get("verdict")), figures.get("height_change_m")
    sized = abs(change) if change is not None and verdict != "unchanged" else change
    moved = words.translate(
        MOVES.get(verdict, "{change}"),
        change=_with_error(sized, figures.get("height_change_std_m"), "m"),
        area=_number(figures.get("area_m2"), 0, "m²"),
    )
    before, after = figures.get("roof_before_m"), figures.get("roof_after_m")
    if before is None or after is None:
        return [moved]
    heights = words.translate(
        N_("Roof above ground: {before} before, {after} now."),
        before=_number(before, 1, "m"),
        after=_number(after, 1, "m"),
    )
    return [moved, heights]


def _tell_register(figures: Mapping[str, Any], words: Words) -> list[str]:
    estimate = words.translate(
        N_("About {storeys} storeys, for the roof is {height} above ground."),
        storeys=_with_error(figures.get("estimate"), figures.get("std"), ""),
        height=_with_error(figures.get("height_m"), figures.get("height_std_m"), "m"),
    )
    permitted = words.translate(
        N_("Permitted: {count} storeys."), count=_number(figures.get("permitted"), 0, "")
    )
    return [permitted, estimate]


def _tell_photo(figures: Mapping[str, Any], words: Words) -> list[str]:
    seen = words.translate_count(
        "A model marked it in {num} photo",
        "A model marked it in {num} photos",
        int(figures.get("photos") or 1),
    )
    best = figures.get("score")
    shown = "\N{EN DASH}" if best is None else show_score(best)
    score = words.translate(N_("Best score {score}"), score=shown)
    return [seen, score]


def _with_error(value: float | None, std: float | None, unit: str) -> str:
    return show_with_error(value, std, unit) or "\N{EN DASH}"


def _number(value: float | None, decimals: int, unit: str) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.{decimals}f} {unit}".strip()
