"""Both projects of Label Studio as a page shows them, without one that runs.

Import as ``from tests.e2e.labelling_seed import seed_labelling``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from serving.db.engine import make_sessions, open_engine
from serving.db.tables import LabelProblemRow, LabelProjectRow, LabelPushRow, LabelTaskRow, PhotoRow

STATES = ("drawn", "disagreeing", "refused", "open")


def seed_labelling(database_url: str) -> None:
    """Add two projects, one of them in trouble, with tasks of some photos, a problem, an order."""
    engine = open_engine(database_url, pool_size=1)
    now = datetime.now(UTC)
    with make_sessions(engine).begin() as session:
        for number, geometry in enumerate(("boxes", "outlines"), start=1):
            row = LabelProjectRow(
                geometry=geometry, url="http://127.0.0.1:9", project_id=number, settings_sha256=""
            )
            row.synced_at = now
            session.add(row)
        row.failed_at, row.failure_code = now, "label_studio_unreachable"
        session.flush()
        photos = session.scalars(select(PhotoRow).order_by(PhotoRow.id).limit(len(STATES)))
        tasks = [
            LabelTaskRow(
                key=f"seeded {photo.id}",
                geometry="boxes",
                photo_id=photo.id,
                photo_sha256=photo.sha256,
                flight_id=photo.flight_id,
                state=state,
                board_task_id=photo.id,
                agreement=0.5 if state == "disagreeing" else None,
            )
            for state, photo in zip(STATES, photos, strict=False)
        ]
        session.add_all(tasks)
        session.flush()
        told = {"message": "The label “x” is none of this project's.", "remedy": "Draw again."}
        problem = LabelProblemRow(key="seeded", code="label_outside_taxonomy", **told)
        problem.task_id = tasks[0].id
        session.add(problem)
        session.add(LabelPushRow(wanted={}, new_tasks=4, username="enno", role="engineer"))
    engine.dispose()
