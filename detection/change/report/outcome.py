"""What is known of each building after a comparison, a register check, or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from detection.domain.building_change import BuildingChange, ChangeVerdict, Evidence, RoofHeight
from detection.domain.hazard import HazardClass
from detection.layers.buildings import Building, BuildingLayer
from detection.layers.register import RegisterRow
from detection.storeys.check import StoreyCheck, check_storeys, find_highest_roof
from detection.storeys.evidence import evidence_from_change, evidence_from_check
from detection.storeys.fusion import fuse_evidence
from detection.storeys.settings import StoreySettings


class BuildingState(StrEnum):
    """What a person shall make of a building; the first are looked at first."""

    RISE = "rise"
    EXCESS = "excess"
    FALL = "fall"
    CANNOT_TELL = "cannot_tell"
    MEASURED = "measured"
    WITHIN = "within"
    UNCHANGED = "unchanged"

    @property
    def hazard_class(self) -> HazardClass | None:
        """The class of the candidate that it makes; None where it makes none."""
        if self is BuildingState.FALL:
            return HazardClass.DEMOLISHED
        is_addition = self in {BuildingState.RISE, BuildingState.EXCESS}
        return HazardClass.ADDED_STOREY if is_addition else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One building with all that was measured of it.

    ``score`` is the attention that a candidate deserves (`detection.storeys.fusion`), None where
    the building is none. ``reasons`` are the codes of what could not be told.
    """

    building: Building
    state: BuildingState
    change: BuildingChange | None
    roof: RoofHeight | None
    check: StoreyCheck | None
    register: RegisterRow | None
    evidence: tuple[Evidence, ...]
    score: float | None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of what could not be told, each once."""
        told = (self.change, self.roof, self.check)
        codes = [one.reason for one in told if one is not None and one.reason is not None]
        return tuple(dict.fromkeys(codes))


def combine_outcomes(
    buildings: BuildingLayer,
    roofs: Iterable[RoofHeight],
    settings: StoreySettings,
    *,
    changes: Iterable[BuildingChange] = (),
    register: Mapping[str, RegisterRow] | None = None,
) -> tuple[Outcome, ...]:
    """Return an outcome for each building with a roof or a change, what matters most first.

    ``register`` holds the row of each building that it knows. Without ``changes`` the outcomes
    are those of one flight.
    """
    by_id = {one.building_id: one for one in buildings.buildings}
    roof_by_id = {one.building_id: one for one in roofs}
    change_by_id = {one.building_id: one for one in changes}
    outcomes = [
        _combine(
            by_id[name],
            change_by_id.get(name),
            roof_by_id.get(name),
            (register or {}).get(name),
            settings,
        )
        for name in dict.fromkeys([*change_by_id, *roof_by_id])
    ]
    order = list(BuildingState)
    return tuple(sorted(outcomes, key=lambda one: (order.index(one.state), -(one.score or 0.0))))


def _combine(
    building: Building,
    change: BuildingChange | None,
    roof: RoofHeight | None,
    register: RegisterRow | None,
    settings: StoreySettings,
) -> Outcome:
    check = None
    if roof is not None and register is not None and register.permitted_storeys is not None:
        highest = find_highest_roof(roof, change)
        check = check_storeys(highest, register.permitted_storeys, settings, use=register.use)
    state = _judge(change, roof, check)
    said = (
        None if change is None else evidence_from_change(change, settings),
        None if check is None else evidence_from_check(check),
    )
    evidence = tuple(one for one in said if one is not None)
    score = None
    if state.hazard_class is not None:
        # What the register says of a house is nothing that speaks for its having been taken down.
        score = fuse_evidence(evidence[:1] if state is BuildingState.FALL else evidence, settings)
    return Outcome(building, state, change, roof, check, register, evidence, score)


def _judge(
    change: BuildingChange | None, roof: RoofHeight | None, check: StoreyCheck | None
) -> BuildingState:
    if change is not None and change.verdict in {ChangeVerdict.RISE, ChangeVerdict.FALL}:
        return BuildingState(change.verdict.value)
    if check is not None and check.is_excess:
        return BuildingState.EXCESS
    if change is not None:
        return BuildingState(change.verdict.value)
    if check is not None and check.probability is not None:
        return BuildingState.WITHIN
    has_height = roof is not None and roof.height_m is not None
    return BuildingState.MEASURED if has_height and check is None else BuildingState.CANNOT_TELL
