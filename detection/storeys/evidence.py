"""From the three signals to what each says by itself of an added storey."""

from __future__ import annotations

import math

from scipy.stats import norm

from detection.domain.building_change import BuildingChange, ChangeVerdict, Evidence, EvidenceKind
from detection.storeys.check import StoreyCheck
from detection.storeys.settings import ChangeSignal, StoreySettings


def evidence_from_change(change: BuildingChange, settings: StoreySettings) -> Evidence | None:
    """Return what the height difference says; None where the flights cannot tell.

    The probability is that the roof really rose; for ``FALL`` that it really fell; for
    ``UNCHANGED`` that a part of it rose unseen, whatever its median does.
    """
    height_m, std_m = change.height_change_m, change.height_change_std_m
    if change.verdict is ChangeVerdict.CANNOT_TELL or height_m is None or std_m is None:
        return None
    toward = -height_m if change.verdict is ChangeVerdict.FALL else height_m
    is_unchanged = change.verdict is ChangeVerdict.UNCHANGED
    probability = (
        _weigh_miss(settings.change)
        if is_unchanged
        else _weigh_rise(toward, std_m, settings.change)
    )
    figures: dict[str, float | int | str | None] = {
        "verdict": change.verdict.value,
        "height_change_m": height_m,
        "height_change_std_m": std_m,
        "area_m2": change.area_m2,
        "roof_before_m": change.roof_before_m,
        "roof_after_m": change.roof_after_m,
    }
    return Evidence(EvidenceKind.CHANGE, probability, figures)


def _weigh_rise(height_m: float, std_m: float, signal: ChangeSignal) -> float:
    """Return the probability that a roof rose whose height differs by ``height_m``.

    Two cases: it rose by the least rise or more, all alike likely; or it stayed and the difference
    is its error, with a few that no error explains. There is no largest rise: where a house was
    taken down a higher one may stand.
    """
    std_m = max(std_m, 1e-3)
    risen = float(norm.cdf((height_m - signal.least_rise_m) / std_m))
    rose = signal.prior * risen / signal.rise_span_m
    gross = signal.gross_share / (2 * signal.gross_range_m)
    usual = (1 - signal.gross_share) * float(norm.pdf(height_m / std_m)) / std_m
    stayed = (1 - signal.prior) * (usual + gross)
    return rose / (rose + stayed)


def _weigh_miss(signal: ChangeSignal) -> float:
    """Return the probability that a roof rose of which the comparison says that it did not."""
    missed = signal.prior * signal.missed_share
    return missed / (missed + 1 - signal.prior)


def evidence_from_check(check: StoreyCheck) -> Evidence | None:
    """Return what the register says; None where the storeys cannot be told."""
    if check.probability is None:
        return None
    figures = {
        "permitted": check.permitted,
        "estimate": check.estimate,
        "std": check.std,
        "likeliest": check.likeliest,
        "height_m": check.height_m,
        "height_std_m": check.height_std_m,
    }
    return Evidence(EvidenceKind.REGISTER, check.probability, figures)


def evidence_from_photo(score: float, *, photo: str = "") -> Evidence:
    """Return what one photo says: the score of its model, whatever that was trained on."""
    probability = min(max(score, 0.0), 1.0) if math.isfinite(score) else 0.0
    return Evidence(EvidenceKind.PHOTO, probability, {"score": score, "photo": photo or None})
