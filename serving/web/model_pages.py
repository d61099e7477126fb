"""The versions of the models: what is in force, what waits, what was; and how to change that."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from detection.detectors.manifest import ModelManifest
from serving.api.models import tally_shadows
from serving.api.training_schemas import ModelName
from serving.api.training_views import view_order
from serving.deps import ModelReader, Services, ServicesDep, SessionDep
from serving.jobs.rescoring import SUBJECT, list_outdated
from serving.jobs.training_orders import RESCORE
from serving.learning.model_versions import get_version, list_changes, list_models
from serving.learning.orders import find_open_order, find_training_of
from serving.learning.shadow_tally import tally_judgements
from serving.learning.training_workers import START_COMMAND, list_workers
from serving.web.gate_words import view_manifest_gate
from serving.web.learning_labels_training import CHANGE_ACTIONS, STATUSES
from serving.web.model_view import parse_moment, view_versions
from serving.web.rendering import Words, render, words_for
from serving.web.training_report import pick_text

router = APIRouter(include_in_schema=False)

HOME = "/models"
NamedModel = Annotated[ModelName, Path()]
NamedVersion = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$")]
MAX_CARD_CHARS = 40_000


@router.get(HOME)
def show_models(
    request: Request, person: ModelReader, services: ServicesDep, session: SessionDep
) -> Response:
    """Show every version by model, with its figures, and whether the queue is of older ones."""
    words, folder = words_for(request), services.settings.models_dir
    context = _shared(words) | {
        "models": view_versions(words, list_models(folder), folder),
        "shadow_runs": services.settings.shadow,
        "tallies": tally_shadows(session),
    }
    context |= _load_rescoring(session, services)
    return render(request, "models.html", person=person, context=context)


@router.get("/models/{model}/{version}")
def show_version(
    request: Request,
    person: ModelReader,
    services: ServicesDep,
    session: SessionDep,
    *,
    model: NamedModel,
    version: NamedVersion,
) -> Response:
    """Show one version with its figures, its gate and what may be done with it."""
    words, folder = words_for(request), services.settings.models_dir
    found = get_version(folder, model, version)
    versions = view_versions(words, list_models(folder), folder)[model]
    shown = next(each for each in versions if each.version == version)
    context = _shared(words) | {
        "version": shown,
        "others": [each for each in versions if each.version != version],
        "gate": view_manifest_gate(words, found.promotion),
        "card": _read_card(found),
        "changes": list_changes(folder, model),
        "tally": tally_shadows(session).get((model, version)),
        "judged": tally_judgements(session, model, version).share,
        "training": find_training_of(session, model, version),
        "open_orders": [
            view_order(order)
            for kind in ("promote", "rollback")
            if (order := find_open_order(session, kind, model)) is not None
        ],
        "workers": list_workers(session),
        "start_command": START_COMMAND,
    }
    return render(request, "model_version.html", person=person, context=context)


def _shared(words: Words) -> dict[str, object]:
    return {
        "section": "models",
        "learning_section": HOME,
        "status_label": lambda code: words.label(STATUSES, code),
        "action_label": lambda code: words.label(CHANGE_ACTIONS, code),
        "pick_language": lambda texts: pick_text(words, texts),
        "duration": words.describe_duration,
        "moment": parse_moment,
    }


def _load_rescoring(session: Session, services: Services) -> dict[str, object]:
    outdated = list_outdated(session, services.settings.models_dir)
    order = find_open_order(session, RESCORE, SUBJECT)
    return {
        "outdated_candidates": sum(outdated.values()),
        "outdated_flights": len(outdated),
        "rescoring": None if order is None else view_order(order),
    }


def _read_card(model: ModelManifest) -> str:
    if model.card_path is None:
        return ""
    return model.card_path.read_text(encoding="utf-8", errors="replace")[:MAX_CARD_CHARS]
