"""Sign in by password, and who am I."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.security import OAuth2PasswordRequestForm

from serving.accounts.roles import PERMISSIONS
from serving.api.problems import describe_problems
from serving.api.schemas import MeAnswer, TokenAnswer
from serving.deps import PersonDep, ServicesDep, SessionDep, client_address, sign_in

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


@router.get("/me", responses=describe_problems())
def read_me(person: PersonDep) -> MeAnswer:
    """Return who is signed in."""
    return MeAnswer(
        id=person.user_id,
        username=person.username,
        role=person.role,
        permissions=sorted(PERMISSIONS[person.role]),
    )
