"""The kind of order that looks for wrong labels: one command, then its list is taken in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from serving.audit.log import Actor
from serving.db.tables import TrainingOrderRow, UserRow
from serving.jobs.context import WorkerContext
from serving.jobs.training_steps import Assignment, Result, Step
from serving.learning.orders import ORDERS_DIR
from serving.learning.suspect_file import FILE_NAME
from serving.learning.suspect_import import import_suspects

LABEL_ERRORS: Final = "label_errors"
SUSPECTS: Final = "suspects"
STORE: Final = "versions"
"""Below the folder of all orders, as of trainings."""


def plan_label_errors(assignment: Assignment) -> list[Step]:
    """Ask a model about the labels of a data version that it has not learnt."""
    out = assignment.folder / SUSPECTS
    arguments = ["data", "label-errors", assignment.subject, "--out", str(out)]
    arguments += ["--model", str(assignment.parameters["model"])]
    arguments += ["--models-dir", str(assignment.settings.models_dir)]
    arguments += ["--store", str(assignment.settings.resolved_data_dir / ORDERS_DIR / STORE)]
    return [Step(LABEL_ERRORS, arguments, needs_training=True, leaves=out / FILE_NAME)]


def take_in_suspects(context: WorkerContext, order: TrainingOrderRow, folder: Path) -> Result:
    """Take the list in; what people have answered stays as it is."""
    with context.sessions.begin() as session:
        person = session.get_one(UserRow, order.requested_by)
        actor = Actor(person.id, person.username, person.role)
        found = import_suspects(session, context.store, folder / SUSPECTS, actor)
    return {"set_name": found.set_name, "new": found.new, "answered": found.answered}
