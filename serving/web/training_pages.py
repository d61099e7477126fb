"""Trainings: order one, follow it with its curves, read what came of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.api.schemas import MAX_ID
from serving.api.training_schemas import OrderAnswer
from serving.api.training_views import report_of, view_order
from serving.db.tables import TrainingOrderRow
from serving.deps import ModelReader, Services, ServicesDep, SessionDep
from serving.jobs.training_commands import RUN, read_json
from serving.learning.decisions_summary import summarise
from serving.learning.model_versions import list_names
from serving.learning.orders import (
    LOG_FILE,
    count_waiting,
    find_last_done,
    folder_of,
    get_order,
    list_orders,
    read_tail,
)
from serving.learning.training_workers import START_COMMAND, list_workers
from serving.web import learning_labels_training as words_of
from serving.web.rendering import Words, render, words_for
from serving.web.training_charts import draw_figures, draw_losses, read_epochs
from serving.web.training_estimate import view_estimate
from serving.web.training_report import ReportView, pick_text, view_report

logger = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

HOME = "/training"
OrderId = Annotated[int, Path(ge=1, le=MAX_ID)]
PAGE_SIZE = 50
LIVE_POLL_S = 2
LOG_LINES = 24
IN_LANE = frozenset({"estimate", "retrain", "promote", "label_errors"})
"""Kinds that wait for a training worker; the others every worker does."""


@router.get(HOME)
def show_trainings(
    request: Request,
    person: ModelReader,
    services: ServicesDep,
    session: SessionDep,
    *,
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    model: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """Show who can train, the form of an order, and what was ordered so far."""
    words = words_for(request)
    rows = list_orders(session, limit=PAGE_SIZE + 1, before_id=before)
    shown = rows[:PAGE_SIZE]
    names = list_names(services.settings.models_dir)
    context = _shared(words) | {
        "workers": list_workers(session),
        "start_command": START_COMMAND,
        "models": names,
        "wanted_model": model,
        "labels": summarise(session),
        "last": {name: _describe_last(session, words, name) for name in names},
        "orders": [view_order(row) for row in shown],
        "next_before": shown[-1].id if len(rows) > PAGE_SIZE else None,
    }
    return render(request, "training.html", person=person, context=context)


@router.get("/training/{order_id}")
def show_order(
    request: Request,
    person: ModelReader,
    services: ServicesDep,
    session: SessionDep,
    order_id: OrderId,
) -> Response:
    """Show one order: how far it is, its curves, or what came of it."""
    context = _load_order(words_for(request), services, session, order_id)
    return render(request, "training_order.html", person=person, context=context)


@router.get("/training/{order_id}/panel")
def show_order_panel(
    request: Request,
    person: ModelReader,
    services: ServicesDep,
    session: SessionDep,
    order_id: OrderId,
) -> Response:
    """Return the part of the page that changes while an order is worked on."""
    context = _load_order(words_for(request), services, session, order_id)
    return render(request, "training_order_panel.html", person=person, context=context)


def _load_order(
    words: Words, services: Services, session: Session, order_id: int
) -> dict[str, object]:
    row = get_order(session, order_id)
    data_dir = services.settings.resolved_data_dir
    order = view_order(row, data_dir)
    folder = folder_of(data_dir, order_id)
    epochs = read_epochs(folder / RUN / "training" / "progress.jsonl")
    told = _read_told(folder / RUN / "retrain.json")
    planned = int(told.get("total") or 0) if told.get("what") == "epochs" else 0
    is_live = order.can_cancel
    return _shared(words) | {
        "order": order,
        "failure": _explain(words, order),
        "poll_s": LIVE_POLL_S if is_live else None,
        "waiting": count_waiting(session, row) if order.state == "queued" else 0,
        "workers": list_workers(session),
        "in_lane": order.kind in IN_LANE,
        "start_command": START_COMMAND,
        "stages": _list_stages(words, row) if order.kind == "retrain" and is_live else [],
        "estimate": view_estimate(words, row.result)
        if order.kind == "estimate" and row.result
        else None,
        "losses": draw_losses(epochs, planned),
        "figures": draw_figures(epochs, planned),
        "loss_label": lambda key: words.label(words_of.LOSSES, key),
        "measure_label": lambda key: words.label(words_of.MEASURES, key),
        "epochs": epochs,
        "log": _tail(folder / LOG_FILE),
        "report": _load_report(words, data_dir, row) if order.state == "done" else None,
        "has_page": (folder / RUN / "report.html").is_file(),
    }


def _shared(words: Words) -> dict[str, object]:
    return {
        "section": "models",
        "learning_section": HOME,
        "kind_label": lambda code: words.label(words_of.ORDER_KINDS, code),
        "order_state_label": lambda code: words.label(words_of.ORDER_STATES, code),
        "stage_label": lambda code: words.label(words_of.STAGES, code),
        "status_label": lambda code: words.label(words_of.STATUSES, code),
        "verdict_label": lambda code: words.label(words_of.VERDICTS, code),
        "duration": words.describe_duration,
        "pick_language": lambda texts: pick_text(words, texts),
    }


def _describe_last(session: Session, words: Words, name: str) -> str:
    """Return how long the last training of a model took; empty where none ended."""
    row = find_last_done(session, "retrain", name)
    if row is None or row.started_at is None or row.finished_at is None:
        return ""
    return words.describe_duration((row.finished_at - row.started_at).total_seconds())


def _list_stages(words: Words, row: TrainingOrderRow) -> list[tuple[str, str]]:
    """Return the steps of a training with ``done``, ``running`` or ``waiting``."""
    names = list(words_of.PIPELINE)
    at = names.index(row.stage) if row.stage in names else -1
    if row.stage == "retrain":
        at = names.index("build")
    return [
        (words.label(words_of.STAGES, name), _place(number, at))
        for number, name in enumerate(names)
    ]


def _place(number: int, at: int) -> str:
    return "done" if number < at else "running" if number == at else "waiting"


def _read_told(path: FilePath) -> Mapping[str, Any]:
    try:
        return read_json(path)
    except HazardLensError:
        return {}


def _tail(path: FilePath) -> str:
    return "\n".join(read_tail(path).splitlines()[-LOG_LINES:])


def _explain(words: Words, order: OrderAnswer) -> tuple[str, str] | None:
    if order.error is None:
        return None
    error = order.error
    return words.explain(error.code, error.message, error.remedy)


def _load_report(words: Words, data_dir: FilePath, row: TrainingOrderRow) -> ReportView | None:
    """Return the report; one that cannot be read is told of in the log, the page stays."""
    path = report_of(data_dir, row.id)
    if row.kind != "retrain" or not path.is_file():
        return None
    try:
        return view_report(words, read_json(path))
    except (HazardLensError, KeyError, TypeError, ValueError):
        logger.exception("the report of order %d cannot be shown", row.id)
        return None
