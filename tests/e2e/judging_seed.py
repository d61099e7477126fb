"""A list of suspected labels, and a shadow model that differs from the one in force.

Import as ``from tests.e2e.judging_seed import seed_judging``.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from serving.audit.log import SERVICE
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import DetectionRow, PhotoRow, ShadowResultRow
from serving.learning.shadow_differences import compare_waiting
from serving.learning.suspect_import import import_suspects
from serving.storage.objects import ObjectStore
from tests.suspect_lists import write_list

VERSION = "abcdef123456"
ELSEWHERE = [10.0, 10.0, 60.0, 60.0]
CONFIG_HASH = "5" * 64


def seed_judging(database_url: str, data_dir: Path, folder: Path) -> None:
    """Take a list in, and have a shadow model see another class and one thing more per photo."""
    engine = open_engine(database_url, pool_size=1)
    with make_sessions(engine).begin() as session:
        import_suspects(session, ObjectStore(data_dir), write_list(folder), SERVICE)
        looked_at = exists().where(
            ShadowResultRow.photo_id == PhotoRow.id, ShadowResultRow.config_hash == CONFIG_HASH
        )
        photos = session.scalars(
            select(PhotoRow).where(PhotoRow.state == "done", ~looked_at).limit(4)
        )
        session.add_all([_look(session, photo) for photo in photos])
        session.flush()
        compare_waiting(session)
    engine.dispose()


def _look(session: Session, photo: PhotoRow) -> ShadowResultRow:
    rows = session.scalars(
        select(DetectionRow).where(
            DetectionRow.photo_id == photo.id, DetectionRow.model_name == "manhole"
        )
    )
    boxes: list[dict[str, object]] = [
        {
            "hazard_class": "manhole_broken",
            "score": 0.7,
            "bbox_xyxy": [row.x_min, row.y_min, row.x_max, row.y_max],
            "polygons": [],
        }
        for row in rows
    ]
    more = {"hazard_class": "manhole_ok", "score": 0.6, "bbox_xyxy": ELSEWHERE, "polygons": []}
    return ShadowResultRow(
        photo_id=photo.id,
        config_hash=CONFIG_HASH,
        flight_id=photo.flight_id,
        model_name="manhole",
        version=VERSION,
        weights_sha256="6" * 64,
        boxes=[*boxes, more],
    )
