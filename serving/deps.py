"""What routes and pages ask for, as named types: session, files, settings, the signed-in person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.attempts import check_attempts, record_failure, record_sign_in
from serving.accounts.errors import (
    CrossSiteRequestError,
    ForbiddenError,
    NotSignedInError,
    OtherPersonError,
    WrongPasswordError,
)
from serving.accounts.roles import Permission, is_allowed
from serving.accounts.tokens import TokenClaims, issue_token, read_token
from serving.accounts.users import Person, authenticate, claims_of, load_person
from serving.settings import ServingSettings
from serving.storage.derivatives import DerivativeCache
from serving.storage.objects import ObjectStore

SESSION_COOKIE = "hazardlens_session"
PERSON_HEADER = "HazardLens-User"
"""Number of the person who opened the page: nobody acts in the name of who signed in later."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that lives as long as the HTTP process."""

    settings: ServingSettings
    engine: Engine
    sessions: sessionmaker[Session]
    store: ObjectStore
    derivatives: DerivativeCache
    secret_key: str


def get_services(request: Request) -> Services:
    """Return the services of the running app."""
    services = request.app.state.services
    if not isinstance(services, Services):
        message = "the app was started without its services"
        raise TypeError(message)
    return services


ServicesDep = Annotated[Services, Depends(get_services)]


def get_session(services: ServicesDep) -> Iterator[Session]:
    """Yield a session whose transaction is committed before the answer is sent."""
    with services.sessions.begin() as session:
        yield session


# Scope "function": the commit happens before the answer leaves, so that "201" is a promise.
SessionDep = Annotated[Session, Depends(get_session, scope="function")]


oauth2_scheme = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)


def get_person(
    request: Request, services: ServicesDep, bearer: Annotated[str | None, Depends(oauth2_scheme)]
) -> Person:
    """Return who is signed in, by bearer token or session cookie.

    Raises:
        NotSignedInError: nobody is.
        CrossSiteRequestError: a change comes with the cookie, but from another site.
        OtherPersonError: the page that asks was opened by somebody else.
    """
    token = bearer or request.cookies.get(SESSION_COOKIE)
    if not token:
        raise NotSignedInError
    if not bearer and request.method not in SAFE_METHODS:
        check_same_origin(request)
    claims = read_token(token, secret_key=services.secret_key)
    # A session of its own: a long upload must not hold a connection meanwhile.
    with services.sessions() as session:
        person = load_person(session, claims)
    if request.headers.get(PERSON_HEADER, str(person.user_id)) != str(person.user_id):
        raise OtherPersonError
    return person


PersonDep = Annotated[Person, Depends(get_person)]


def get_person_or_none(request: Request, services: ServicesDep) -> Person | None:
    """Return who is signed in, or None; for pages, which show the sign-in form instead of 401."""
    try:
        return get_person(request, services, None)
    except NotSignedInError:
        return None


OptionalPersonDep = Annotated[Person | None, Depends(get_person_or_none)]


def need(permission: Permission) -> Callable[[Person], Person]:
    """Return a dependency that lets pass whoever has ``permission``, and returns the person."""

    def check(person: PersonDep) -> Person:
        if not is_allowed(person.role, permission):
            raise ForbiddenError
        return person

    return check


FlightReader = Annotated[Person, Depends(need(Permission.SEE_FLIGHTS))]
FlightWriter = Annotated[Person, Depends(need(Permission.CHANGE_FLIGHTS))]
QueueReader = Annotated[Person, Depends(need(Permission.SEE_CANDIDATES))]
Decider = Annotated[Person, Depends(need(Permission.DECIDE))]
HazardReader = Annotated[Person, Depends(need(Permission.SEE_HAZARDS))]
ModelReader = Annotated[Person, Depends(need(Permission.SEE_MODELS))]
ModelManager = Annotated[Person, Depends(need(Permission.MANAGE_MODELS))]
Calibrator = Annotated[Person, Depends(need(Permission.CALIBRATE))]
LayerManager = Annotated[Person, Depends(need(Permission.MANAGE_LAYERS))]
AuditReader = Annotated[Person, Depends(need(Permission.SEE_AUDIT))]


def sign_in(
    services: Services, session: Session, *, username: str, password: str, address: str
) -> tuple[str, Person]:
    """Return a session token and the person whose name and password fit.

    Raises:
        WrongPasswordError: they do not fit.
        TooManyAttemptsError: it was tried too often; not even the right password is looked at.
    """
    settings = services.settings
    limit, window_s = settings.sign_in_attempts, settings.sign_in_window_s
    check_attempts(session, username, address, limit=limit, window_s=window_s)
    try:
        row = authenticate(session, username, password)
    except WrongPasswordError:
        session.rollback()  # gives its connection back: nobody holds one and waits for another
        with services.sessions.begin() as own:
            record_failure(own, username, address)
        raise
    claims = claims_of(row)
    person = load_person(session, claims)
    record_sign_in(session, person.actor, address)
    return make_token(services, claims), person


def make_token(services: Services, claims: TokenClaims) -> str:
    """Return a session token with the lifetime of the settings."""
    lifetime = timedelta(minutes=services.settings.token_lifetime_min)
    return issue_token(claims, secret_key=services.secret_key, lifetime=lifetime)


def set_session_cookie(answer: Response, request: Request, services: Services, token: str) -> None:
    """Keep a session token in the browser, out of the reach of scripts."""
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=services.settings.token_lifetime_min * 60,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def check_same_origin(request: Request) -> None:
    """Let a change through that one of our own pages asked for.

    Raises:
        CrossSiteRequestError: the browser says it was another site, or says nothing.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        allowed = site == "same-origin"
    else:
        allowed = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not allowed:
        raise CrossSiteRequestError


def client_address(request: Request) -> str:
    """Return the address that the request came from, for counting attempts."""
    return request.client.host if request.client else "unknown"
