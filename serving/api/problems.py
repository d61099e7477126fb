"""Errors as ``application/problem+json`` (RFC 9457) with a stable ``code``: the one map to HTTP."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException

from detection.domain.errors import HazardLensError
from detection.domain.photo import IngestFailure

MEDIA_TYPE = "application/problem+json"

STATUS_BY_CODE: dict[str, int] = {
    "not_signed_in": 401,
    "wrong_password": 401,
    "other_person_signed_in": 401,
    "forbidden": 403,
    "cross_site_request": 403,
    "not_your_decision": 403,
    "flight_not_found": 404,
    "photo_not_found": 404,
    "candidate_not_found": 404,
    "grouping_not_found": 404,
    "decision_not_found": 404,
    "dispute_not_found": 404,
    "bulk_not_found": 404,
    "correction_not_found": 404,
    "permit_check_not_found": 404,
    "user_not_found": 404,
    "layer_not_found": 404,
    "register_not_found": 404,
    "assignment_not_found": 404,
    "tile_not_found": 404,
    "selection_not_found": 404,
    "drift_alarm_not_found": 404,
    "selection_not_ready": 409,
    "nothing_to_choose": 409,
    "no_decisions": 409,
    "photo_file_missing": 404,
    "flight_not_open": 409,
    "flight_state": 409,
    "empty_flight": 409,
    "coverage_not_ready": 409,
    "layer_exists": 409,
    "register_exists": 409,
    "nothing_left_out": 409,
    "nothing_to_retry": 409,
    "upload_not_found": 404,
    "wrong_offset": 409,
    "file_already_here": 409,
    "uploads_open": 409,
    "tus_header": 400,
    "tus_version": 412,
    "tus_content_type": 415,
    "unsupported_file": 415,
    "upload_too_long": 413,
    "upload_locked": 423,
    "checksum_mismatch": 460,
    "disk_full": 507,
    "label_studio_not_set": 409,
    "label_studio_token_wrong": 502,
    "label_studio_token_revoked": 502,
    "label_studio_refused": 502,
    "label_studio_unreachable": 503,
    "label_project_gone": 409,
    "label_webhook_refused": 403,
    "label_webhook_project": 409,
    "label_link_invalid": 403,
    "label_link_expired": 403,
    "nothing_to_push": 409,
    "training_order_not_found": 404,
    "training_unknown_model": 404,
    "training_report_not_found": 404,
    "training_running": 409,
    "training_order_over": 409,
    "training_not_resumable": 409,
    "training_nothing_to_do": 409,
    "calibration_not_found": 404,
    "calibration_box_not_found": 404,
    "calibration_no_camera": 409,
    "calibration_no_site": 409,
    "calibration_flight_not_ready": 409,
    "calibration_not_ready": 409,
    "calibration_undecided": 409,
    "calibration_changed": 409,
    "calibration_guarded": 409,
    "calibration_model": 409,
    "calibration_outdated": 409,
    "calibration_not_applied": 409,
    "calibration_label_superseded": 409,
    "change_run_not_found": 404,
    "finding_not_found": 404,
    "change_picture_not_found": 404,
    "change_run_over": 409,
    "change_running": 409,
    "change_flight_not_ready": 409,
    "change_street_flight": 409,
    "change_same_flight": 409,
    "change_no_base": 409,
    "change_no_layer": 409,
    "duplicate_photo": 409,
    "already_decided": 409,
    "already_undone": 409,
    "decision_superseded": 409,
    "correction_changed": 409,
    "correction_superseded": 409,
    "permit_changed": 409,
    "permit_superseded": 409,
    "no_permits": 409,
    "candidate_merged": 409,
    "claimed_by_other": 409,
    "candidate_changed": 409,
    "merge_of_decided": 409,
    "in_dispute": 409,
    "own_dispute": 409,
    "grouping_not_now": 409,
    "not_certain": 409,
    "grouping_superseded": 409,
    "flight_busy": 409,
    "idempotency_key_reused": 409,
    "user_exists": 409,
    "key_conflict": 409,
    "bulk_empty": 409,
    "file_too_large": 413,
    "too_many_attempts": 429,
    "invalid_assignment": 422,
    "invalid_cursor": 422,
    "invalid_duplicate": 422,
    "invalid_merge": 422,
    "invalid_split": 422,
    "invalid_correction": 422,
    "weak_password": 422,
    "suspect_not_found": 404,
    "suspect_answered": 409,
    "suspect_answer_unfit": 409,
    "shadow_difference_not_found": 404,
    "shadow_difference_judged": 409,
}
DEFAULT_STATUS = 422
CHECKSUM_MISMATCH = 460

CODE_BY_STATUS = {
    400: "bad_request",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "file_too_large",
    415: "unsupported_media_type",
    500: "internal_error",
    503: "database_unavailable",
}

KEY_CONSTRAINTS = {
    "act_once",
    "grouping_once",
    "correction_once",
    "bulk_once",
    "permit_once",
    "calibration_label_once",
    "calibration_act_once",
    "calibration_open_once",
    "order_once",
    "label_push_once",
    "order_open_once",
    "selection_once",
    "suspect_act_once",
    "shadow_judgement_once",
}
"""Unique constraints on the client's own name of an act (Idempotency-Key)."""

HTTP_REMEDY = "Correct the request; see /api/v1/openapi.json."


class Problem(BaseModel):
    """What every error looks like."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    remedy: str | None = None


def problem_from_error(error: HazardLensError) -> Problem:
    """Return what an error of ours looks like to a client."""
    status = STATUS_BY_CODE.get(error.code, DEFAULT_STATUS)
    return make_problem(status, error.code, error.message, error.remedy)


def problem_from_failure(failure: IngestFailure) -> Problem:
    """Return the named rejection of one file."""
    status = STATUS_BY_CODE.get(failure.code, DEFAULT_STATUS)
    return make_problem(status, failure.code, failure.message, failure.remedy)


def problem_from_http(error: HTTPException) -> Problem:
    """Return what the framework's own errors (no such path, wrong method) look like."""
    code = CODE_BY_STATUS.get(error.status_code, f"http_{error.status_code}")
    return make_problem(error.status_code, code, str(error.detail), HTTP_REMEDY)


def problem_from_validation(error: RequestValidationError) -> Problem:
    """Return the first thing that is wrong with a request, with its place; no values repeated."""
    parts = [
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    ]
    return make_problem(422, "invalid_request", "; ".join(parts[:5]), HTTP_REMEDY)


def is_same_key(error: IntegrityError) -> bool:
    """Whether another request with the same key was faster, after we had looked for its act.

    Sent again, the request finds that act and is answered like the first.
    """
    diagnostics = getattr(error.orig, "diag", None)
    return getattr(diagnostics, "constraint_name", None) in KEY_CONSTRAINTS


def make_problem(status: int, code: str, detail: str, remedy: str = "") -> Problem:
    """Return a problem whose title is the standard name of its status."""
    title = phrase_of(status)
    return Problem(title=title, status=status, detail=detail, code=code, remedy=remedy or None)


def phrase_of(status: int) -> str:
    """Return the standard name of a status; that of tus for a damaged piece, which is not one."""
    return "Checksum Mismatch" if status == CHECKSUM_MISMATCH else HTTPStatus(status).phrase


def answer_problem(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the HTTP answer for a problem."""
    extra = dict(headers or {})
    if problem.status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        headers=extra,
        media_type=MEDIA_TYPE,
    )


def is_api_request(request: Request) -> bool:
    """Whether an error is to be told to a program (problem+json) or to a person (a page)."""
    return request.url.path.startswith("/api/")


def describe_problems(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return the error answers of a route for the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    everywhere = (400, 401, 403, 422)
    return {
        status: {"description": phrase_of(status), "content": content}
        for status in sorted({*everywhere, *statuses})
    }
