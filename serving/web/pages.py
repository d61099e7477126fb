"""All pages together: what the app mounts."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from detection.domain.errors import ConfigurationError
from serving.accounts.users import Person
from serving.api.problems import Problem
from serving.deps import get_person_or_none, get_services
from serving.web import (
    assignment_pages,
    audit_pages,
    calibration_pages,
    change_pages,
    compare_pages,
    dispute_pages,
    drift_pages,
    flight_list_pages,
    flight_pages,
    hazard_pages,
    labelling_pages,
    layer_pages,
    model_pages,
    receipt_page,
    review_pages,
    selection_pages,
    session_pages,
    shadow_pages,
    statistics_pages,
    suspect_pages,
    training_pages,
    upload_pages,
)
from serving.web.i18n import WEB_DIR
from serving.web.rendering import render, words_for
from serving.web.static_files import RevalidatedStaticFiles
from serving.web.vendor import list_missing

router = APIRouter(include_in_schema=False)
for _part in (
    session_pages,
    flight_list_pages,
    upload_pages,
    receipt_page,
    assignment_pages,
    compare_pages,
    change_pages,
    calibration_pages,
    flight_pages,  # its addresses hold a number: after those that hold a word
    review_pages,
    hazard_pages,
    layer_pages,
    labelling_pages,
    audit_pages,
    dispute_pages,
    statistics_pages,
    model_pages,
    training_pages,
    shadow_pages,
    suspect_pages,
    selection_pages,
    drift_pages,
):
    router.include_router(_part.router)


def mount_pages(app: FastAPI) -> None:
    """Add the pages and their static files to the app.

    Raises:
        ConfigurationError: the third-party scripts have not been set up.
    """
    missing = list_missing()
    if missing:
        message = f"The pages' scripts are not set up: {', '.join(missing)} missing."
        remedy = "Run `npm ci --ignore-scripts` and `python -m serving.web.vendor`."
        raise ConfigurationError(message, remedy=remedy)
    app.mount("/static", RevalidatedStaticFiles(directory=WEB_DIR / "static"), name="static")
    app.include_router(router)


def answer_page_problem(request: Request, problem: Problem) -> Response:
    """Return an error as a person reads it; nobody signed in goes to the sign-in form."""
    if problem.status == HTTPStatus.UNAUTHORIZED and not _is_piece(request):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        target = f"/sign-in?next={quote(here, safe='')}" if request.method == "GET" else "/sign-in"
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)
    words = words_for(request)
    message, remedy = words.explain(problem.code, problem.detail, problem.remedy or "")
    return render(
        request,
        "problem.html",
        person=_person_or_none(request),
        status=problem.status,
        context={"title": message, "remedy": remedy},
    )


def _is_piece(request: Request) -> bool:
    """Whether a script asked for a piece of a page; a redirect would put the sign-in form there."""
    return request.url.path.endswith(("/rows", "/row", "/panel", "/progress"))


def _person_or_none(request: Request) -> Person | None:
    """Return who is signed in; the database may be the very thing that fails."""
    if request.method != "GET":
        return None
    return get_person_or_none(request, get_services(request))
