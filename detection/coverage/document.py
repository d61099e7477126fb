"""``coverage.json``: the figures and the list of what was not seen, for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from detection.coverage.coverage import Coverage, TargetCoverage, TargetKind
from detection.coverage.refly import ReflySpot, count_kinds


def build_coverage_document(coverage: Coverage, spots: Sequence[ReflySpot]) -> dict[str, object]:
    """Return the document; shares are in [0, 1] and None where nothing was to be seen."""
    return {
        "photos": summarize_photos(coverage),
        "buildings": _summarize_targets(coverage, TargetKind.BUILDING),
        "covers": _summarize_targets(coverage, TargetKind.COVER),
        "area": {
            "share": _round(coverage.compute_area_share()),
            "areas": [
                {
                    "id": one.area_id,
                    "name": one.name,
                    "level": one.level,
                    "area_m2": round(one.area_m2, 1),
                    "share": _round(one.share),
                    "gaps": len(one.gaps),
                }
                for one in coverage.areas
            ],
        },
        "needs": [
            {"key": one.key, "max_gsd_m": round(one.max_gsd_m, 6), "photos": one.photos}
            for one in coverage.needs_met
        ],
        "refly": {"spots": len(spots), **count_kinds(spots)},
    }


def summarize_photos(coverage: Coverage) -> dict[str, object]:
    """Return how many photos there are, which have no footprint, and what is wrong with which."""
    refused = Counter(one.refused for one in coverage.footprints if one.refused is not None)
    flagged = {one.photo_id: list(one.codes) for one in coverage.flags if one.codes}
    return {
        "total": len(coverage.footprints),
        "with_footprint": sum(bool(one.ring) for one in coverage.footprints),
        "measured_quality": sum(one.quality is not None for one in coverage.footprints),
        "refused": dict(sorted(refused.items())),
        "flagged": flagged,
    }


def _summarize_targets(coverage: Coverage, kind: TargetKind) -> dict[str, object]:
    targets = coverage.list_targets(kind)
    states = Counter(one.state.value for one in targets)
    return {
        "share": _round(coverage.compute_share(kind)),
        "total": len(targets),
        "states": dict(sorted(states.items())),
        "targets": [_row_from_target(one) for one in targets],
    }


def _row_from_target(target: TargetCoverage) -> dict[str, object]:
    row: dict[str, object] = {
        "id": target.target_id,
        "name": target.name,
        "state": target.state.value,
        "share": _round(target.share),
        "views": target.views,
        "gsd_m": _round(target.gsd_m, 5),
        "max_gsd_m": _round(target.max_gsd_m, 5),
    }
    if target.walls_share is not None:
        row["walls_share"] = _round(target.walls_share)
        row["walls_gsd_m"] = _round(target.walls_gsd_m, 5)
    return row


def _round(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)
