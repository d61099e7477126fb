"""``change.geojson``, ``change.csv`` and ``change.json``: every building with its figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import shapely

from detection.change.report.content import ChangeReport, FlightFigures
from detection.change.report.outcome import BuildingState, Outcome
from detection.change.report.texts import Texts

COLUMNS = (
    "building_id", "name", "state", "hazard_class", "attention",
    "height_change_m", "height_change_std_m", "area_m2", "roof_before_m", "roof_after_m",
    "seen_share", "roof_height_m", "roof_height_std_m",
    "permitted_storeys", "storeys", "storeys_std", "excess_probability", "reasons",
)  # fmt: skip
"""Figures of a building in both files: metres and square metres, with one standard deviation."""

_DIGITS = {"attention": 4, "excess_probability": 4, "seen_share": 3}
_PROBABILITIES = {"attention", "excess_probability"}
_MOST_CERTAIN = 0.9999
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def list_figures(outcome: Outcome) -> dict[str, object]:
    """Return the row of one building, with the keys of `COLUMNS`; None where nothing is known."""
    change, roof, check = outcome.change, outcome.roof, outcome.check
    changed = change if outcome.state in {BuildingState.RISE, BuildingState.FALL} else None
    found = {
        "building_id": outcome.building.building_id,
        "name": outcome.building.name,
        "state": outcome.state.value,
        "hazard_class": outcome.state.hazard_class,
        "attention": outcome.score,
        "height_change_m": change and change.height_change_m,
        "height_change_std_m": change and change.height_change_std_m,
        "area_m2": changed and changed.area_m2,
        "roof_before_m": change and change.roof_before_m,
        "roof_after_m": change and change.roof_after_m,
        "seen_share": change and change.seen_share,
        "roof_height_m": roof and roof.height_m,
        "roof_height_std_m": roof and roof.height_std_m,
        "permitted_storeys": outcome.register and outcome.register.permitted_storeys,
        "storeys": check and check.estimate,
        "storeys_std": check and check.std,
        "excess_probability": check and check.probability,
        "reasons": " ".join(outcome.reasons),
    }
    return {name: _round(name, value) for name, value in found.items()}


def build_geojson(report: ChangeReport) -> dict[str, object]:
    """Return one feature per building: its footprint and its figures."""
    features = [
        {
            "type": "Feature",
            "id": one.building.building_id,
            "geometry": shapely.geometry.mapping(one.building.polygon),
            "properties": list_figures(one),
        }
        for one in report.outcomes
    ]
    return {"type": "FeatureCollection", "features": features}


def build_parts_geojson(report: ChangeReport) -> dict[str, object]:
    """Return one feature per building that rose or fell: the part of it that did."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "MultiPolygon", "coordinates": [[_close(r)] for r in part]},
            "properties": list_figures(one),
        }
        for one in report.outcomes
        if one.change is not None and (part := one.change.part_lonlat)
    ]
    return {"type": "FeatureCollection", "features": features}


def build_csv(report: ChangeReport, texts: Texts, lang: str) -> bytes:
    """Return the table as UTF-8 with a mark that spreadsheets look for, in one language."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    names = [texts.of("columns")[name][lang] for name in COLUMNS]
    writer.writerow([*names, texts.of("columns")["remedy"][lang]])
    for one in report.outcomes:
        row = list_figures(one)
        row["state"] = texts.of("states")[one.state.value][lang]
        explained = [texts.explain(code, lang) for code in one.reasons]
        row["reasons"] = " ".join(message for message, _ in explained)
        remedies = " ".join(remedy for _, remedy in explained)
        writer.writerow([*(_cell(row[name]) for name in COLUMNS), remedies])
    return stream.getvalue().encode("utf-8-sig")


def build_summary(report: ChangeReport) -> dict[str, object]:
    """Return the figures of the whole run, for programs."""
    fit = report.fit
    return {
        "kind": report.kind,
        "base": None if report.base is None else _flight(report.base),
        "new": _flight(report.new),
        "sigma_dz_m": None if fit is None else round(fit.sigma_dz_m, 4),
        "overlap_share": None if fit is None else round(fit.overlap_share, 4),
        "layer_shift_m": [round(one, 2) for one in report.layer_shift_m],
        "buildings": len(report.outcomes),
        "states": {state.value: count for state, count in report.count_states().items()},
        "notes": [
            {"name": one.name, "code": one.code, "count": one.count, "detail": one.detail}
            for one in report.notes
        ],
        "seconds": round(report.seconds, 1),
        "created_at": report.created_at.isoformat(),
        "config": dict(report.config),
    }


def _flight(figures: FlightFigures) -> Mapping[str, object]:
    return {
        "name": figures.name,
        "photos": figures.photos,
        "joined": figures.joined,
        "reprojection_px": round(figures.reprojection_px, 3),
    }


def _close(ring: tuple[tuple[float, float], ...]) -> list[list[float]]:
    corners = [list(corner) for corner in ring]
    return corners if corners[0] == corners[-1] else [*corners, corners[0]]


def _round(name: str, value: object) -> object:
    if not isinstance(value, float):
        return value
    rounded = round(value, _DIGITS.get(name, 2)) + 0.0  # never -0.0
    # A probability is never written as certain.
    return min(rounded, _MOST_CERTAIN) if name in _PROBABILITIES else rounded


def _cell(value: object) -> object:
    """Return a cell that a spreadsheet takes as text where it is one, never as a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA_SIGNS):
        return f"'{value}"
    return "" if value is None else value
