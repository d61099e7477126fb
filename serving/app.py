"""The HTTP application: routers, pages, error answers, security headers."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from detection.domain.errors import HazardLensError
from serving.accounts.errors import TooManyAttemptsError
from serving.api import (
    audit,
    auth,
    bulk,
    calibrations,
    candidates,
    change,
    corrections,
    coverage,
    decisions,
    drift,
    evidence,
    files,
    flights,
    hazards,
    health,
    label_studio,
    layers,
    models,
    own,
    permit_checks,
    photos,
    place_history,
    queue,
    register,
    second_review,
    selection,
    shadow,
    suspects,
    training,
    uploads,
)
from serving.api.body_limit import BodyLimit
from serving.api.problems import (
    Problem,
    answer_problem,
    is_api_request,
    is_same_key,
    make_problem,
    problem_from_error,
    problem_from_http,
    problem_from_validation,
)
from serving.api.security import SecurityHeaders
from serving.api.tus import TusHeaders
from serving.db.engine import make_sessions, open_engine
from serving.deps import Services
from serving.review.rules import load_rules
from serving.settings import ServingSettings, load_secret_key, load_settings, make_data_dir
from serving.storage.derivatives import DerivativeCache
from serving.storage.objects import ObjectStore
from serving.web.pages import answer_page_problem, mount_pages

MULTIPART_OVERHEAD_BYTES = 1_000_000
MAX_BODY_BYTES = 1_000_000


class Application(FastAPI):
    """FastAPI whose document also describes the errors."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document with the shape of problem+json in it."""
        document = super().openapi()
        document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return document


def create_app(settings: ServingSettings | None = None) -> FastAPI:
    """Return the application for a database that is up and migrated."""
    settings = settings or load_settings()
    app = Application(
        title="hazardlens",
        version=metadata.version("hazardlens"),
        description="Candidate hazards in drone and street photos; people decide.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = open_services(settings)
    app.add_middleware(
        BodyLimit,
        max_bytes=MAX_BODY_BYTES,
        max_upload_bytes=settings.max_upload_bytes + MULTIPART_OVERHEAD_BYTES,
        max_transfer_bytes=settings.max_transfer_bytes,
    )
    app.add_middleware(TusHeaders)
    app.add_middleware(SecurityHeaders)
    _add_error_answers(app)
    app.include_router(_api_router())
    mount_pages(app)
    return app


def open_services(settings: ServingSettings) -> Services:
    """Return everything that the application holds open."""
    load_rules()  # a file of rules that cannot be used is told now, not to the first reviewer
    data_dir = make_data_dir(settings)
    engine = open_engine(settings.database_url)
    return Services(
        settings=settings,
        engine=engine,
        sessions=make_sessions(engine),
        store=ObjectStore(data_dir),
        derivatives=DerivativeCache(settings.cache_dir, settings.max_cache_bytes),
        secret_key=load_secret_key(settings),
    )


def _api_router() -> APIRouter:
    router = APIRouter(prefix="/api/v1")
    for module in (
        health,
        auth,
        flights,
        files,
        uploads,
        coverage,
        calibrations,
        change,
        evidence,
        photos,
        layers,
        register,
        candidates,
        bulk,
        own,
        corrections,
        permit_checks,
        place_history,
        queue,
        hazards,
        models,
        decisions,
        training,
        label_studio,
        selection,
        drift,
        suspects,
        shadow,
        audit,
        second_review,
    ):
        router.include_router(module.router)
    return router


def _add_error_answers(app: FastAPI) -> None:
    """Tell every error: to a program as problem+json, to a person as a page."""

    @app.exception_handler(HazardLensError)
    def tell_own(request: Request, error: HazardLensError) -> Response:
        return _tell(request, problem_from_error(error))

    @app.exception_handler(TooManyAttemptsError)
    def tell_wait(request: Request, error: TooManyAttemptsError) -> Response:
        return _tell(request, problem_from_error(error), {"Retry-After": str(error.wait_s)})

    @app.exception_handler(RequestValidationError)
    def tell_validation(request: Request, error: RequestValidationError) -> Response:
        return _tell(request, problem_from_validation(error))

    @app.exception_handler(HTTPException)
    def tell_http(request: Request, error: HTTPException) -> Response:
        return _tell(request, problem_from_http(error), dict(error.headers or {}))

    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeoutError)
    def tell_database(request: Request, _: Exception) -> Response:
        return _tell(request, _database_problem(), {"Retry-After": "2"})

    @app.exception_handler(IntegrityError)
    def tell_same_key(request: Request, error: IntegrityError) -> Response:
        if not is_same_key(error):
            raise error
        return _tell(request, _underway_problem(), {"Retry-After": "1"})

    @app.exception_handler(Exception)
    def tell_bug(request: Request, _: Exception) -> Response:
        detail = "Something went wrong inside; the log says what."
        remedy = "Try again; if it happens again, give the log to whoever looks after the service."
        return _tell(request, make_problem(500, "internal_error", detail, remedy))


def _tell(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    if is_api_request(request):
        return answer_problem(problem, headers)
    return answer_page_problem(request, problem)


def _database_problem() -> Problem:
    detail = "The database does not answer at the moment."
    return make_problem(503, "database_unavailable", detail, "Try again in a few seconds.")


def _underway_problem() -> Problem:
    detail = "The same act is being done by another request."
    return make_problem(503, "act_underway", detail, "Send it again with the same key.")
