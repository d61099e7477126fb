"""Sign in, sign out, language."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from detection.domain.errors import HazardLensError
from serving.accounts.attempts import record_sign_out
from serving.accounts.errors import (
    CrossSiteRequestError,
    TooManyAttemptsError,
    WrongPasswordError,
)
from serving.accounts.roles import Role
from serving.deps import (
    SESSION_COOKIE,
    OptionalPersonDep,
    ServicesDep,
    SessionDep,
    check_same_origin,
    client_address,
    set_session_cookie,
    sign_in,
)
from serving.review.claims import end_all
from serving.web.i18n import LANGUAGE_COOKIE, select_language
from serving.web.rendering import render, words_for

router = APIRouter(include_in_schema=False)

SEE_OTHER = 303
LANGUAGE_COOKIE_S = 365 * 24 * 3600


class SignInForm(BaseModel):
    """What the sign-in form sends."""

    username: str = Field(default="", max_length=200)
    password: str = Field(default="", max_length=1000)
    next: str = Field(default="", max_length=2000)


@router.get("/")
def show_start(person: OptionalPersonDep) -> Response:
    """Send everybody where their work is."""
    if person is None:
        return RedirectResponse("/sign-in", SEE_OTHER)
    return RedirectResponse("/review" if person.role is Role.REVIEWER else "/flights", SEE_OTHER)


@router.get("/sign-in")
def show_sign_in(
    request: Request, person: OptionalPersonDep, next_path: Annotated[str, Query(alias="next")] = ""
) -> Response:
    """Show the form; somebody who is signed in goes on at once."""
    if person is not None:
        return RedirectResponse(clean_next(next_path), SEE_OTHER)
    context = {"next": clean_next(next_path), "username": "", "problem": ""}
    return render(request, "sign_in.html", person=None, context=context)


@router.post("/sign-in")
def post_sign_in(
    request: Request,
    services: ServicesDep,
    session: SessionDep,
    form: Annotated[SignInForm, Form()],
) -> Response:
    """Set the session cookie, or show the form again with what is wrong."""
    try:
        check_same_origin(request)
        token, _ = sign_in(
            services,
            session,
            username=form.username,
            password=form.password,
            address=client_address(request),
        )
    except (WrongPasswordError, TooManyAttemptsError, CrossSiteRequestError) as error:
        return _refuse(request, error, form)
    answer = RedirectResponse(clean_next(form.next), SEE_OTHER)
    set_session_cookie(answer, request, services, token)
    return answer


@router.post("/sign-out")
def post_sign_out(request: Request, person: OptionalPersonDep, session: SessionDep) -> Response:
    """End the session of this browser.

    Raises:
        CrossSiteRequestError: another site asked for it.
    """
    check_same_origin(request)
    if person is not None:
        end_all(session, person.user_id)
        record_sign_out(session, person.actor)
    answer = RedirectResponse("/sign-in", SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.get("/language/{language}")
def set_language(
    language: str, next_path: Annotated[str, Query(alias="next")] = ""
) -> RedirectResponse:
    """Remember the language and go back to where the visitor was."""
    answer = RedirectResponse(clean_next(next_path), SEE_OTHER)
    answer.set_cookie(
        LANGUAGE_COOKIE, select_language(language), max_age=LANGUAGE_COOKIE_S, samesite="lax"
    )
    return answer


def clean_next(path: str) -> str:
    """Return ``path`` if it is one of our own pages, else the start page.

    >>> clean_next("/review?state=pending"), clean_next("//elsewhere.example/")
    ('/review?state=pending', '/')
    """
    parts = urlsplit(path)
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc
    is_page = not path.startswith(("/sign-", "/api/", "/language/"))
    return path if is_ours and is_page and path.isprintable() else "/"


def _refuse(request: Request, error: HazardLensError, form: SignInForm) -> Response:
    message, remedy = words_for(request).explain(error.code, error.message, error.remedy)
    status = {"too_many_attempts": 429, "cross_site_request": 403}.get(error.code, 401)
    return render(
        request,
        "sign_in.html",
        person=None,
        status=status,
        context={
            "next": clean_next(form.next),
            "username": form.username,
            "problem": f"{message} {remedy}",
        },
    )
