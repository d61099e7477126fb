"""What a comparison says of a building, as people read it: numbers with their errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detection.domain.building_change import ChangeVerdict
from serving.api.change_schemas import FindingItem
from serving.web.figures import show_error, show_with_error
from serving.web.i18n import N_
from serving.web.rendering import Words

Explained = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PictureView:
    """A picture of a building from straight above, and what it shows."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding as a row shows it; texts are empty, or None, where there is nothing to say.

    ``kinds`` are what it is listed under: a building may have risen and be above its permit.
    """

    finding: FindingItem
    kinds: list[str]
    reason: Explained | None
    gained: str
    area: str
    roof: str
    roof_reason: str
    storeys: str
    permitted: int | None
    pictures: list[PictureView]


def view_finding_row(words: Words, finding: FindingItem) -> FindingView:
    """Return a finding with its words and numbers."""
    figures = finding.figures
    change = figures.get("height_change_m")
    area = figures.get("area_m2")
    is_part = finding.verdict in {ChangeVerdict.RISE, ChangeVerdict.FALL}
    unseen = figures.get("roof_reason") or figures.get("storeys_reason")
    return FindingView(
        finding=finding,
        kinds=list_kinds(finding),
        reason=explain_reason(words, finding.reason) if finding.reason else None,
        gained=show_with_error(change, figures.get("height_change_std_m"), "m", signed=True),
        area=f"{area:.0f} m²" if area is not None and is_part else "",
        roof=show_with_error(figures.get("roof_height_m"), figures.get("roof_height_std_m"), "m"),
        roof_reason=explain_reason(words, unseen)[0] if unseen and unseen != finding.reason else "",
        storeys=show_with_error(figures.get("storeys"), figures.get("storeys_std")),
        permitted=figures.get("permitted_storeys"),
        pictures=_list_pictures(words, finding),
    )


def list_kinds(finding: FindingItem) -> list[str]:
    """Return what a finding is listed under, the most telling first."""
    excess = ["excess"] if finding.figures.get("is_excess") else []
    if finding.verdict is None:
        is_measured = finding.figures.get("roof_height_m") is not None
        return excess or ["surveyed" if is_measured else "cannot_tell"]
    if finding.verdict is ChangeVerdict.UNCHANGED and excess:
        return excess
    return [finding.verdict.value, *excess]


def list_reasons(words: Words, counts: Mapping[str, int]) -> list[tuple[int, Explained]]:
    """Return why buildings cannot be told of, the commonest first."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [(count, explain_reason(words, code)) for code, count in ordered]


def list_quality(words: Words, summary: Mapping[str, Any]) -> list[str]:
    """Return how well two flights were brought together, as far as it is known."""
    known: dict[str, Any] = {key: value for key, value in summary.items() if value is not None}
    told = []
    if "sigma_dz_m" in known:
        text = N_("Heights of the two flights differ by ± {error} m where nothing changed.")
        told.append(words.translate(text, error=show_error(known["sigma_dz_m"], decimals=2)))
    if known.keys() >= {"photos_base", "photos_new"}:
        before, after = known["photos_base"], known["photos_new"]
        text = N_("{before} photos before and {after} after were used.")
        told.append(words.translate(text, before=before, after=after))
    if "overlap_share" in known:
        share = f"{known['overlap_share']:.0%}"
        told.append(words.translate(N_("{share} of the ground is in both."), share=share))
    return told


def explain_reason(words: Words, code: str) -> Explained:
    """Return why a building cannot be told of, and what to do; the code where it has no words."""
    message, remedy = words.explain(code)
    return message or code, remedy


def _list_pictures(words: Words, finding: FindingItem) -> list[PictureView]:
    named = (
        (N_("Before"), finding.pictures.before),
        (N_("After"), finding.pictures.after),
        (N_("Difference of heights"), finding.pictures.difference),
    )
    return [PictureView(words.translate(name), url) for name, url in named if url is not None]
