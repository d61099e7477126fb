"""Sign in by password, and who am I."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import OAuth2PasswordRequestForm

from serving.accounts.roles import PERMISSIONS
from serving.accounts.users import Person
from serving.api.problems import describe_problems
from serving.api.schemas import MeAnswer, SessionRequest, TokenAnswer
from serving.deps import (
    PersonDep,
    ServicesDep,
    SessionDep,
    check_same_origin,
    client_address,
    set_session_cookie,
    sign_in,
)

router = APIRouter(tags=["accounts"])


@router.post("/auth/token", responses=describe_problems(429))
def create_token(
    request: Request,
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    services: ServicesDep,
    session: SessionDep,
) -> TokenAnswer:
    """Exchange user name and password for a bearer token (OAuth2 password form)."""
    token, _ = sign_in(
        services,
        session,
        username=form.username,
        password=form.password,
        address=client_address(request),
    )
    return TokenAnswer(access_token=token, expires_in=services.settings.token_lifetime_min * 60)


@router.post("/auth/session", responses=describe_problems(429))
def open_session(
    request: Request,
    body: SessionRequest,
    services: ServicesDep,
    session: SessionDep,
    answer: Response,
) -> MeAnswer:
    """Sign a browser in without leaving the page: the session cookie is set anew.

    Raises:
        CrossSiteRequestError: another site asked for it.
    """
    check_same_origin(request)
    token, person = sign_in(
        services,
        session,
        username=body.username,
        password=body.password,
        address=client_address(request),
    )
    set_session_cookie(answer, request, services, token)
    return _answer(person)


@router.get("/me", responses=describe_problems())
def read_me(person: PersonDep) -> MeAnswer:
    """Return who is signed in."""
    return _answer(person)


def _answer(person: Person) -> MeAnswer:
    return MeAnswer(
        id=person.user_id,
        username=person.username,
        role=person.role,
        permissions=sorted(PERMISSIONS[person.role]),
    )
