"""What the review panel says beside class and score: votes, building, areas, size, the past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from serving.accounts.roles import Permission, Role, is_allowed
from serving.accounts.users import Person
from serving.api.review_schemas import CandidateAnswer, GroupingItem, MeasureAnswer
from serving.web.figures import STD_TO_95
from serving.web.i18n import N_
from serving.web.labels import AREA_LEVELS, BUILDING_PARTS, GROUPING_KINDS
from serving.web.rendering import Words


@dataclass(frozen=True, slots=True)
class VoteView:
    """What the photos say of one class, as ``Missing manhole cover 7/9``."""

    label: str
    photos: int
    views: int


@dataclass(frozen=True, slots=True)
class AreaView:
    """One administrative area with its level in words."""

    level: str
    name: str
    near_border: bool


@dataclass(frozen=True, slots=True)
class SizeView:
    """Length and width of a crack: figures with their unit, or why there are none in mm."""

    figures: tuple[tuple[str, str], ...]
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class GroupingView:
    """A merge or a split in the history of a candidate."""

    id: int
    kind: str
    label: str
    others: tuple[int, ...]
    sightings: int
    username: str
    created_at: datetime
    note: str | None
    is_undone: bool
    can_undo: bool


def describe_facts(candidate: CandidateAnswer, person: Person, words: Words) -> dict[str, object]:
    """Return the part of the panel's context that says where and how sure a candidate is."""
    return {
        "votes": list_votes(candidate, words),
        "covering": candidate.votes.covering if candidate.votes else None,
        "building": describe_building(candidate, words),
        "areas": list_areas(candidate, words),
        "size": describe_size(candidate.measure, words),
        "is_of_earlier_run": bool(candidate.sightings)
        and not any(each.is_current for each in candidate.sightings),
        "groupings": list_groupings(candidate.groupings, person, words),
    }


def list_votes(candidate: CandidateAnswer, words: Words) -> list[VoteView]:
    """Return the votes, those for the candidate's own class first, then the most photos."""
    if candidate.votes is None:
        return []
    views = candidate.votes.views
    ordered = sorted(
        candidate.votes.counts,
        key=lambda each: (each.hazard_class is not candidate.hazard_class, -each.photos),
    )
    return [VoteView(words.class_name(each.hazard_class), each.photos, views) for each in ordered]


def describe_building(candidate: CandidateAnswer, words: Words) -> dict[str, object] | None:
    """Return name, part and height of the building, the height with its 95 % error."""
    on_building = candidate.on_building
    if on_building is None:
        return None
    return {
        "name": on_building.name or on_building.building_id,
        "building_id": on_building.building_id,
        "part": words.label(BUILDING_PARTS, on_building.part.value),
        "height": f"{on_building.height_m:.1f} ± {STD_TO_95 * on_building.height_std_m:.1f} m",
        "probability": f"{on_building.probability:.0%}",
        "roof_height": _in_metres(on_building.roof_height_m),
        "storeys": on_building.storeys,
        "permitted_storeys": on_building.permitted_storeys,
        "is_over_permitted": _is_over(on_building.storeys, on_building.permitted_storeys),
        "use": on_building.use,
        "others": on_building.others,
    }


def list_areas(candidate: CandidateAnswer, words: Words) -> list[AreaView]:
    """Return the areas from large to small, as they are stored."""
    return [
        AreaView(words.label(AREA_LEVELS, area.level), area.name or area.area_id, area.near_border)
        for area in candidate.areas
    ]


def describe_size(measure: MeasureAnswer | None, words: Words) -> SizeView | None:
    """Return the figures of a crack: millimetres where they can be known, else pixels and why."""
    if measure is None:
        return None
    if measure.width_measurable:
        figures = (
            (N_("Length"), _in_mm(measure.length_mm, measure.length_std_mm)),
            (N_("Mean width"), _in_mm(measure.mean_width_mm, measure.width_std_mm)),
            (N_("Largest width"), _in_mm(measure.max_width_mm, measure.width_std_mm)),
        )
        reason, remedy = "", ""
    else:
        figures = (
            (N_("Length"), f"{measure.length_px:.0f} px"),
            (N_("Mean width"), f"{measure.mean_width_px:.1f} px"),
            (N_("Largest width"), f"{measure.max_width_px:.1f} px"),
        )
        reason, remedy = words.explain(measure.reason or "", measure.reason or "")
    named = tuple((words.translate(name), value) for name, value in figures)
    return SizeView(named, reason, remedy)


def list_groupings(
    groupings: list[GroupingItem], person: Person, words: Words
) -> list[GroupingView]:
    """Return merges and splits, latest first; only the last standing one can be undone."""
    may_decide = is_allowed(person.role, Permission.DECIDE)
    return [
        GroupingView(
            id=each.id,
            kind=each.kind,
            label=words.label(GROUPING_KINDS, each.kind),
            others=tuple(each.others),
            sightings=each.sightings,
            username=each.made_by,
            created_at=each.made_at,
            note=each.note,
            is_undone=each.undone,
            can_undo=may_decide
            and each.is_last
            and (each.made_by == person.username or person.role is Role.ADMIN),
        )
        for each in reversed(groupings)
        if each.kind != "undo"
    ]


def _in_metres(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} m"


def _is_over(storeys: int | None, permitted: int | None) -> bool:
    return storeys is not None and permitted is not None and storeys > permitted


def _in_mm(value: float | None, std: float | None) -> str:
    if value is None:
        return "\N{EN DASH}"
    error = "" if std is None else f" ± {STD_TO_95 * std:.1f}"
    return f"{value:.1f}{error} mm"
