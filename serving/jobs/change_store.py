"""A comparison into the database: findings, what they show in photos, the queue; all at once."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from detection.domain.building_change import Evidence, EvidenceKind
from detection.storeys.check import StoreyCheck, check_storeys, find_highest_roof
from detection.storeys.evidence import evidence_from_change, evidence_from_check
from detection.storeys.settings import StoreySettings
from serving.db.tables import BuildingFindingRow, ChangeRunRow, LayerFeatureRow
from serving.flights.change import order_by_attention
from serving.flights.register import Permitted
from serving.jobs.change_result import MeasuredBuilding, Pictures, ShownIn
from serving.jobs.evidence import DECIMALS, columns_from_evidence
from serving.storage.objects import ObjectStore

MAX_PICTURE_BYTES: Final = 2**26


@dataclass(frozen=True, slots=True)
class KeptPictures:
    """The pictures of a building in the object store, by SHA-256."""

    before: str | None = None
    after: str | None = None
    difference: str | None = None
    m_per_px: float | None = None


@dataclass(frozen=True, slots=True)
class JudgedBuilding:
    """A building with all that is said of it: measured, and held against the register."""

    measured: MeasuredBuilding
    feature: LayerFeatureRow
    permitted: Permitted | None
    check: StoreyCheck | None
    change: Evidence | None
    register: Evidence | None
    pictures: KeptPictures

    @property
    def is_excess(self) -> bool:
        """Whether it seems to have more storeys than it may; asks for a look, says no more."""
        return self.check is not None and self.check.is_excess

    @property
    def verdict(self) -> str | None:
        """What became of its roof; None where nothing was compared."""
        return self.measured.change.verdict.value if self.measured.change else None


def judge_building(
    measured: MeasuredBuilding,
    feature: LayerFeatureRow,
    permitted: Permitted | None,
    pictures: KeptPictures,
    settings: StoreySettings,
) -> JudgedBuilding:
    """Hold a building against the register, where that says how many storeys it may have."""
    check = None
    if permitted is not None and permitted.storeys is not None and measured.roof is not None:
        highest = find_highest_roof(measured.roof, measured.change)
        check = check_storeys(highest, permitted.storeys, settings, use=permitted.use or "")
    change = measured.change
    return JudgedBuilding(
        measured,
        feature,
        permitted,
        check,
        None if change is None else evidence_from_change(change, settings),
        None if check is None else evidence_from_check(check),
        pictures,
    )


def keep_pictures(store: ObjectStore, drawn: Pictures | None) -> KeptPictures:
    """Write the pictures of a building to the object store."""
    if drawn is None:
        return KeptPictures()
    return KeptPictures(
        _keep(store, drawn.before),
        _keep(store, drawn.after),
        _keep(store, drawn.difference),
        drawn.m_per_px,
    )


def store_findings(session: Session, run_id: int, judged: Sequence[JudgedBuilding]) -> None:
    """Write what a comparison says of each building."""
    rows = [columns_from_judged(run_id, one) for one in judged]
    if rows:
        session.execute(insert(BuildingFindingRow), rows)


def let_stand(session: Session, run: ChangeRunRow, summary: Mapping[str, object]) -> None:
    """End a comparison: from here on its findings count for its flight, and no earlier ones."""
    earlier = (ChangeRunRow.new_flight_id == run.new_flight_id, ChangeRunRow.stands)
    session.execute(update(ChangeRunRow).where(*earlier).values(stands=False))
    run.state, run.stands = "done", True
    run.finished_at = datetime.now(UTC)
    run.summary = dict(summary)
    session.flush()


def summarize(judged: Sequence[JudgedBuilding], quality: Mapping[str, object]) -> dict[str, object]:
    """Return the counts of a comparison with the quality of its measurement."""
    verdicts = Counter(one.verdict for one in judged)
    reasons = Counter(
        one.measured.change.reason
        for one in judged
        if one.measured.change is not None and one.measured.change.reason is not None
    )
    roofs = [one.measured.roof for one in judged if one.measured.roof is not None]
    measured = sum(roof.height_m is not None for roof in roofs)
    return {
        "buildings": len(judged),
        **{name: verdicts[name] for name in ("rise", "fall", "unchanged", "cannot_tell")},
        "excess": sum(one.is_excess for one in judged),
        "checked": sum(one.register is not None for one in judged),
        "reasons": dict(sorted(reasons.items())),
        "roofs_measured": measured,
        "roofs_unknown": len(roofs) - measured,
        **quality,
    }


def _keep(store: ObjectStore, content: bytes | None) -> str | None:
    if content is None:
        return None
    stream = io.BytesIO(content)
    with store.stage(stream, max_bytes=MAX_PICTURE_BYTES, suffix=".part") as staged:
        store.keep(staged)
        return staged.sha256


def columns_from_judged(run_id: int, one: JudgedBuilding) -> dict[str, object]:
    """Return the row of a building as `serving.jobs.change_earlier` reads it back."""
    change = one.measured.change
    probability = one.change.probability if one.change is not None else None
    is_changed = one.verdict in {"rise", "fall"}
    register = one.register.probability if one.register is not None else 0.0
    return {
        "run_id": run_id,
        "layer_id": one.feature.layer_id,
        "ordinal": one.feature.ordinal,
        "building_id": one.measured.building_id,
        "verdict": one.verdict,
        "reason": change.reason if change is not None else None,
        "probability": probability if is_changed else None,
        "is_excess": one.is_excess,
        "attention": order_by_attention(
            one.verdict, probability if is_changed else register, excess=one.is_excess
        ),
        "figures": _figures(one),
        "evidence": list(_evidence(one)),
        "part": [[list(corner) for corner in ring] for ring in change.part_lonlat]
        if change is not None
        else [],
        "photos": {
            "before": [_shown(each) for each in one.measured.shown_before],
            "after": [_shown(each) for each in one.measured.shown_after],
        },
        "before_sha256": one.pictures.before,
        "after_sha256": one.pictures.after,
        "difference_sha256": one.pictures.difference,
        "picture_m_per_px": one.pictures.m_per_px,
    }


def _figures(one: JudgedBuilding) -> dict[str, object]:
    """Return the numbers by name, all as JSON can hold them; None where nothing is known."""
    return {name: _plain(value) for name, value in _list_figures(one).items()}


def _plain(value: object) -> object:
    if not isinstance(value, float):
        return value
    return round(float(value), DECIMALS) if math.isfinite(value) else None


def _list_figures(one: JudgedBuilding) -> dict[str, object]:
    change, roof = one.measured.change, one.measured.roof
    check, permitted = one.check, one.permitted
    return {
        "height_change_m": change.height_change_m if change else None,
        "height_change_std_m": change.height_change_std_m if change else None,
        "area_m2": change.area_m2 if change else None,
        "roof_before_m": change.roof_before_m if change else None,
        "roof_after_m": change.roof_after_m if change else None,
        "seen_share": change.seen_share if change else None,
        "roof_height_m": roof.height_m if roof else None,
        "roof_height_std_m": roof.height_std_m if roof else None,
        "roof_reason": roof.reason if roof else None,
        "storeys": check.estimate if check else None,
        "storeys_std": check.std if check else None,
        "storeys_likeliest": check.likeliest if check else None,
        "storeys_reason": check.reason if check else None,
        "excess_probability": check.probability if check else None,
        "is_excess": one.is_excess,
        "permitted_storeys": permitted.storeys if permitted else None,
        "permitted_area_m2": permitted.area_m2 if permitted else None,
        "permitted_height_m": permitted.height_m if permitted else None,
        "use": permitted.use if permitted else None,
        "register_id": permitted.register_id if permitted else None,
        "land_permit": permitted.land_permit if permitted else None,
        "planning_permit": permitted.planning_permit if permitted else None,
        "construction_permit": permitted.construction_permit if permitted else None,
    }


def _evidence(one: JudgedBuilding) -> Iterable[dict[str, object]]:
    """Yield the signals, and of those that cannot tell why."""
    change = one.measured.change
    if one.change is not None:
        yield columns_from_evidence(one.change)
    elif change is not None and change.reason is not None:
        yield {"kind": EvidenceKind.CHANGE.value, "reason": change.reason}
    if one.register is not None:
        yield columns_from_evidence(one.register)
    elif one.check is not None and one.check.reason is not None:
        yield {"kind": EvidenceKind.REGISTER.value, "reason": one.check.reason}


def _shown(each: ShownIn) -> dict[str, object]:
    return {
        "photo_id": int(each.photo_id),
        "bbox_xyxy": [round(side, 1) for side in each.bbox_xyxy],
        "polygons": [[[round(x, 1), round(y, 1)] for x, y in ring] for ring in each.polygons],
    }
