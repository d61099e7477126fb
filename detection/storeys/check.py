"""How many storeys a roof height means, and whether that is more than is permitted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from detection.domain.geometry import FloatArray
from detection.storeys.settings import StoreySettings, UseHeights


@dataclass(frozen=True, slots=True)
class StoreyCheck:
    """What a roof height says of the storeys of a building whose permission is known.

    ``estimate`` and ``std`` are mean and standard deviation of the number of storeys,
    ``likeliest`` its most probable value, ``probability`` that there are more than ``permitted``.
    All four are None where it cannot be told; then ``reason`` is a code. ``is_excess`` asks for a
    person to look: never that anything is wrong.
    """

    building_id: str
    permitted: int
    estimate: float | None = None
    std: float | None = None
    likeliest: int | None = None
    probability: float | None = None
    height_m: float | None = None
    height_std_m: float | None = None
    reason: str | None = None
    is_excess: bool = False


def check_storeys(
    roof: RoofHeight, permitted: int, settings: StoreySettings, *, use: str = ""
) -> StoreyCheck:
    """Hold a roof height against the permitted storeys.

    ``use`` is what the register says of the building's use (用途): it chooses the storey heights.
    """
    heights = settings.choose_heights(use)
    if roof.height_m is None or roof.height_std_m is None or heights is None:
        reason = roof.reason if heights is not None else "storeys_not_countable"
        return StoreyCheck(
            roof.building_id,
            permitted,
            height_m=roof.height_m,
            height_std_m=roof.height_std_m,
            reason=reason,
        )
    weights = weigh_storeys(roof.height_m, roof.height_std_m, heights, settings)
    storeys = np.arange(len(weights))
    estimate = float(weights @ storeys)
    probability = float(weights[storeys > permitted].sum())
    return StoreyCheck(
        roof.building_id,
        permitted,
        estimate=estimate,
        std=float(np.sqrt(weights @ (storeys - estimate) ** 2)),
        likeliest=int(np.argmax(weights)),
        probability=probability,
        height_m=roof.height_m,
        height_std_m=roof.height_std_m,
        is_excess=probability >= settings.min_probability,
    )


def find_highest_roof(roof: RoofHeight, change: BuildingChange | None) -> RoofHeight:
    """Return the roof that storeys are to be counted to: the part that rose, where one did.

    A storey on half of a house leaves its main roof where it was, but is one storey more.
    """
    if change is None or change.verdict is not ChangeVerdict.RISE or change.roof_after_m is None:
        return roof
    if roof.height_m is not None and roof.height_m >= change.roof_after_m:
        return roof
    std_m = max(roof.height_std_m or 0.0, change.height_change_std_m or 0.0)
    return replace(roof, height_m=change.roof_after_m, height_std_m=std_m, reason=None)


def weigh_storeys(
    height_m: float, height_std_m: float, heights: UseHeights, settings: StoreySettings
) -> FloatArray:
    """Return the probability of 0, 1, 2 … ``max_storeys`` storeys ``(max_storeys + 1,)``.

    A roof over n storeys stands at foot + ground storey + (n - 1) upper storeys + roof. Each part
    varies from building to building, the upper storeys of one building alike, so their deviation
    grows with n and not with its root. Before the measurement all numbers are taken as equally
    likely: how many storeys are common somewhere is no reason to suspect a house. No storeys
    means bare ground.
    """
    storeys = np.arange(settings.max_storeys + 1)
    upper = np.maximum(storeys - 1, 0)
    foot, roof, ground = settings.foot_m, settings.roof_m, heights.ground_m
    mean = foot.mean + ground.mean + upper * heights.upper_m.mean + roof.mean
    variance = foot.std**2 + ground.std**2 + (upper * heights.upper_m.std) ** 2 + roof.std**2
    mean[0], variance[0] = 0.0, foot.std**2
    variance += height_std_m**2 + np.finfo(float).tiny
    log_weights = -0.5 * ((height_m - mean) ** 2 / variance + np.log(variance))
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)
