"""Hold what a shadow model said of photos against what the model in force said of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import and_, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from serving.db.tables import (
    DetectionRow,
    PhotoRow,
    ShadowComparisonRow,
    ShadowDifferenceRow,
    ShadowResultRow,
)
from serving.learning.shadow_matching import Matching, ModelBox, draw_lot, match_boxes

AT_ONCE = 200
"""Photos that are compared in one transaction."""


def compare_waiting(session: Session, *, limit: int = AT_ONCE) -> int:
    """Compare photos that a shadow model has looked at since; return how many there were.

    A photo that was processed anew is compared anew: differences of an earlier processing stay,
    with what people said of them, and count no more. Running it twice changes nothing.
    """
    compared = exists().where(
        ShadowComparisonRow.photo_id == ShadowResultRow.photo_id,
        ShadowComparisonRow.config_hash == ShadowResultRow.config_hash,
        ShadowComparisonRow.run == PhotoRow.run,
    )
    rows = session.execute(
        select(ShadowResultRow, PhotoRow)
        .join(PhotoRow, PhotoRow.id == ShadowResultRow.photo_id)
        .where(PhotoRow.state == "done", ~compared)
        .order_by(ShadowResultRow.photo_id, ShadowResultRow.config_hash)
        .limit(limit)
    ).all()
    current = _load_current(session, [photo.id for _, photo in rows])
    for result, photo in rows:
        found = current[photo.id, result.model_name]
        matching = match_boxes(
            [_box_from_json(box) for box in result.boxes], [_box_from_row(row) for row in found]
        )
        sha256 = found[0].weights_sha256 if found else None
        _store(session, result, photo, matching, sha256)
    return len(rows)


def _load_current(
    session: Session, photo_ids: Sequence[int]
) -> defaultdict[tuple[int, str], list[DetectionRow]]:
    """Return the boxes of the processing that stands, by photo and name of the model."""
    statement = (
        select(DetectionRow)
        .join(
            PhotoRow, and_(PhotoRow.id == DetectionRow.photo_id, PhotoRow.run == DetectionRow.run)
        )
        .where(DetectionRow.photo_id.in_(photo_ids), DetectionRow.change_run_id.is_(None))
        .order_by(DetectionRow.photo_id, DetectionRow.ordinal)
    )
    found: defaultdict[tuple[int, str], list[DetectionRow]] = defaultdict(list)
    for row in session.scalars(statement):
        found[row.photo_id, row.model_name].append(row)
    return found


def _store(
    session: Session,
    result: ShadowResultRow,
    photo: PhotoRow,
    matching: Matching,
    current_sha256: str | None,
) -> None:
    shared: dict[str, Any] = {
        "photo_id": photo.id,
        "config_hash": result.config_hash,
        "run": photo.run,
        "flight_id": photo.flight_id,
        "model_name": result.model_name,
        "version": result.version,
    }
    comparison = shared | {
        "current_sha256": current_sha256,
        "both": matching.both,
        "only_shadow": matching.count_only(shadow=True),
        "only_current": matching.count_only(shadow=False),
    }
    session.execute(insert(ShadowComparisonRow).values(comparison).on_conflict_do_nothing())
    rows = [
        shared
        | {
            "ordinal": ordinal,
            "hazard_class": item.hazard_class,
            "shadow": asdict(item.shadow) if item.shadow else None,
            "current": asdict(item.current) if item.current else None,
            "lot": draw_lot(photo.sha256, result.config_hash, item),
        }
        for ordinal, item in enumerate(matching.differences)
    ]
    if rows:
        session.execute(insert(ShadowDifferenceRow).values(rows).on_conflict_do_nothing())


def _box_from_json(box: dict[str, Any]) -> ModelBox:
    x_min, y_min, x_max, y_max = (float(side) for side in box["bbox_xyxy"])
    return ModelBox(str(box["hazard_class"]), float(box["score"]), (x_min, y_min, x_max, y_max))


def _box_from_row(row: DetectionRow) -> ModelBox:
    box = (row.x_min, row.y_min, row.x_max, row.y_max)
    return ModelBox(row.hazard_class, round(row.score, 4), box)
