"""Orders of the training lane in every state that a page shows, with the files that they leave.

Import as ``from tests.e2e.training_seed import seed_orders``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from serving.db.engine import make_sessions, open_engine
from serving.db.tables import TrainingOrderRow, UserRow
from serving.learning.orders import LOG_FILE, folder_of
from tests.training_reports import make_progress, make_report

LOG = """$ hazardlens retrain manhole
epoch 1/3  loss: box 2 cls 1.5  val mAP50 0.200 (best 0.200)
epoch 2/3  loss: box 1 cls 0.75  val mAP50 0.400 (best 0.400)
"""


def seed_orders(database_url: str, data_dir: Path) -> dict[str, int]:
    """Add a training that is done, one that runs and one that failed; return their numbers."""
    engine = open_engine(database_url, pool_size=1)
    with make_sessions(engine).begin() as session:
        person = session.scalars(select(UserRow).order_by(UserRow.id)).first()
        if person is None:
            message = "there is no user yet"
            raise LookupError(message)
        rows = {
            name: _order(name, person.id, person.username) for name in ("done", "failed", "running")
        }
        session.add_all(rows.values())
        session.flush()
        numbers = {name: row.id for name, row in rows.items()}
    engine.dispose()
    for name, number in numbers.items():
        _leave_files(folder_of(data_dir, number), is_done=name == "done")
    return numbers


def _order(name: str, user_id: int, username: str) -> TrainingOrderRow:
    began = datetime.now(UTC) - timedelta(minutes=20)
    report = make_report()
    row = TrainingOrderRow(
        kind="retrain",
        subject="facade_crack" if name == "running" else "manhole",  # manhole stays free to order
        parameters={"minutes": 30},
        reason="after the storm",
        state=name,
        requested_by=user_id,
        username=username,
        started_at=began,
    )
    if name == "running":
        row.stage, row.done, row.total, row.seconds_left = "train", 2, 3, 300.0
    else:
        row.finished_at = began + timedelta(minutes=12)
    if name == "done":
        row.result = {
            "version": report["candidate"]["version"],
            "against": report["running"]["version"],
            "verdict": "better",
            "sentence": report["verdict"]["sentence"],
        }
    if name == "failed":
        row.failure_code = "training_command_failed"
        row.failure_message = "Too few decisions: 3 of 20."
        row.failure_remedy = "See the log below."
    return row


def _leave_files(folder: Path, *, is_done: bool) -> None:
    training = folder / "run" / "training"
    training.mkdir(parents=True)
    (folder / LOG_FILE).write_text(LOG)
    (training / "progress.jsonl").write_text(make_progress(3 if is_done else 2))
    (folder / "run" / "retrain.json").write_text(json.dumps({"stage": "train", "total": 3}))
    if is_done:
        (folder / "run" / "report.json").write_text(json.dumps(make_report()))
