"""Who may do what, route by route; nobody gets anything without signing in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.accounts.users import disable_user, set_password
from serving.deps import SESSION_COOKIE
from serving.web.vendor import list_missing

OPEN = {
    "/api/v1/health",
    "/api/v1/auth/token",
    "/api/v1/auth/session",
    # The secret or the signature in the address lets in: see test_label_studio.
    "/api/v1/label-studio/webhook/{secret}",
    "/api/v1/label-studio/photos/{photo_id}.jpg",
}

EVERYBODY = "operator reviewer arbiter engineer auditor admin"
UPLOADERS = "operator reviewer arbiter admin"
READERS = "reviewer arbiter engineer auditor admin"
DECIDERS = "reviewer arbiter admin"
ENGINEERS = "engineer admin"
MODEL_READERS = "engineer auditor admin"
AUDITORS = "auditor admin"
ARBITERS = "arbiter admin"
CHECK_MARKERS = "arbiter engineer admin"
CALIBRATORS = "operator reviewer arbiter engineer admin"

# method, path, roles that are let in (404 or 409 is "let in": there are no such rows)
MATRIX = [
    ("GET", "/me", EVERYBODY),
    ("GET", "/me/keys", DECIDERS),
    ("PUT", "/me/keys", DECIDERS),
    ("GET", "/me/acts", DECIDERS),
    ("GET", "/candidates/1/similar", DECIDERS),
    ("POST", "/bulk", DECIDERS),
    ("POST", "/bulk/1/undo", DECIDERS),
    ("GET", "/flights", EVERYBODY),
    ("GET", "/flights/1", EVERYBODY),
    ("GET", "/flights/1/photos", EVERYBODY),
    ("GET", "/photos/1", EVERYBODY),
    ("GET", "/photos/1/original", EVERYBODY),
    ("GET", "/photos/1/thumbnail", EVERYBODY),
    ("GET", "/photos/1/tiles/0/0_0.jpg", EVERYBODY),
    ("POST", "/flights", UPLOADERS),
    ("POST", "/flights/1/photos", UPLOADERS),
    ("POST", "/flights/1/submit", UPLOADERS),
    ("POST", "/flights/1/files/announce", UPLOADERS),
    ("POST", "/flights/1/uploads", UPLOADERS),
    ("PATCH", "/uploads/1", UPLOADERS),
    ("DELETE", "/uploads/1", UPLOADERS),
    ("GET", "/flights/1/files", EVERYBODY),
    ("GET", "/flights/1/files/counts", EVERYBODY),
    ("GET", "/flights/1/receipt.json", EVERYBODY),
    ("GET", "/flights/1/receipt.csv", EVERYBODY),
    ("POST", "/flights/1/cancel", UPLOADERS),
    ("POST", "/flights/1/retry", UPLOADERS),
    ("POST", "/flights/1/reprocess", UPLOADERS),
    ("POST", "/flights/1/rest", UPLOADERS),
    ("GET", "/flights/1/coverage", EVERYBODY),
    ("GET", "/flights/1/coverage/1", EVERYBODY),
    ("POST", "/flights/1/coverage", UPLOADERS),
    ("GET", "/flights/1/calibrations", EVERYBODY),
    ("POST", "/flights/1/calibrations", CALIBRATORS),
    ("GET", "/calibrations/1", EVERYBODY),
    ("GET", "/calibrations/1/boxes", EVERYBODY),
    ("GET", "/calibrations/1/boxes/1/crop.jpg", EVERYBODY),
    ("POST", "/calibrations/1/boxes/1/labels", CALIBRATORS),
    ("POST", "/calibrations/1/labels/1/undo", CALIBRATORS),
    ("POST", "/calibrations/1/proposals", CALIBRATORS),
    ("POST", "/calibrations/1/application", ENGINEERS),
    ("POST", "/calibrations/1/withdrawal", ENGINEERS),
    ("GET", "/calibrations/1/file", EVERYBODY),
    ("GET", "/flights/1/change", EVERYBODY),
    ("GET", "/flights/1/change-runs", EVERYBODY),
    ("POST", "/flights/1/change", UPLOADERS),
    ("GET", "/change-runs/1", EVERYBODY),
    ("POST", "/change-runs/1/cancel", UPLOADERS),
    ("GET", "/change-runs/1/findings", EVERYBODY),
    ("GET", "/change-runs/1/findings.geojson", EVERYBODY),
    ("GET", "/change-runs/1/findings/1", EVERYBODY),
    ("GET", "/change-runs/1/findings/1/1", EVERYBODY),
    ("GET", "/candidates/1/evidence", READERS),
    ("GET", "/registers", EVERYBODY),
    ("POST", "/registers", ENGINEERS),
    ("GET", "/registers/1", EVERYBODY),
    ("GET", "/registers/1/rows", EVERYBODY),
    ("DELETE", "/registers/1", ENGINEERS),
    ("GET", "/layers", EVERYBODY),
    ("GET", "/layers/1", EVERYBODY),
    ("GET", "/layers/1/features", EVERYBODY),
    ("POST", "/layers", ENGINEERS),
    ("DELETE", "/layers/1", ENGINEERS),
    ("GET", "/candidates", READERS),
    ("GET", "/candidates/counts", READERS),
    ("GET", "/candidates/1", READERS),
    ("GET", "/candidates/1/crop.jpg", READERS),
    ("GET", "/candidates/1/sightings/1/crop.jpg", READERS),
    ("POST", "/candidates/1/decisions", DECIDERS),
    ("POST", "/candidates/1/merge", DECIDERS),
    ("POST", "/candidates/1/split", DECIDERS),
    ("POST", "/candidates/1/corrections", DECIDERS),
    ("POST", "/corrections/1/undo", DECIDERS),
    ("GET", "/candidates/1/permit-checks", READERS),
    ("POST", "/candidates/1/permit-checks", DECIDERS),
    ("POST", "/permit-checks/1/undo", DECIDERS),
    ("POST", "/candidates/1/second-opinion", DECIDERS),
    ("GET", "/candidates/1/place", READERS),
    ("GET", "/photos/1/counterpart", EVERYBODY),
    ("POST", "/groupings/1/undo", DECIDERS),
    ("POST", "/decisions/1/undo", DECIDERS),
    ("GET", "/hazards", READERS),
    ("GET", "/hazards/points", READERS),
    ("GET", "/export/hazards.geojson", READERS),
    ("GET", "/export/hazards.csv", READERS),
    ("GET", "/models", MODEL_READERS),
    ("GET", "/models/rescoring", MODEL_READERS),
    ("POST", "/models/rescoring", ENGINEERS),
    ("POST", "/models/1/promote", ENGINEERS),
    ("POST", "/models/1/rollback", ENGINEERS),
    ("GET", "/decisions/summary", MODEL_READERS),
    ("GET", "/decisions/export", ENGINEERS),
    ("GET", "/label-studio/status", MODEL_READERS),
    ("POST", "/label-studio/setup", ENGINEERS),
    ("POST", "/label-studio/pushes", ENGINEERS),
    ("POST", "/label-studio/sync", ENGINEERS),
    ("GET", "/training/workers", MODEL_READERS),
    ("GET", "/training/orders", MODEL_READERS),
    ("POST", "/training/orders", ENGINEERS),
    ("GET", "/training/orders/1", MODEL_READERS),
    ("POST", "/training/orders/1/cancel", ENGINEERS),
    ("POST", "/training/orders/1/resume", ENGINEERS),
    ("GET", "/training/orders/1/1", MODEL_READERS),
    ("GET", "/selections", MODEL_READERS),
    ("POST", "/selections", ENGINEERS),
    ("GET", "/selections/1", MODEL_READERS),
    ("GET", "/selections/1/picks", MODEL_READERS),
    ("POST", "/selections/1/send", ENGINEERS),
    ("GET", "/drift", MODEL_READERS),
    ("GET", "/drift/alarms", MODEL_READERS),
    ("POST", "/drift/check", ENGINEERS),
    ("POST", "/drift/alarms/1/seen", ENGINEERS),
    ("GET", "/suspects", MODEL_READERS),
    ("POST", "/suspects/orders", ENGINEERS),
    ("GET", "/suspects/corrections.csv", MODEL_READERS),
    ("GET", "/suspects/1/crop.jpg", MODEL_READERS),
    ("POST", "/suspects/1/answers", ENGINEERS),
    ("POST", "/suspect-answers/1/undo", ENGINEERS),
    ("GET", "/shadow/tallies", MODEL_READERS),
    ("GET", "/shadow/differences/1/cut.jpg", MODEL_READERS),
    ("POST", "/shadow/differences/1/judgements", ENGINEERS),
    ("POST", "/shadow/judgements/1/undo", ENGINEERS),
    ("GET", "/disputes", ARBITERS),
    ("GET", "/disputes/1", ARBITERS),
    ("POST", "/candidates/1/check-mark", CHECK_MARKERS),
    ("DELETE", "/candidates/1/check-mark", CHECK_MARKERS),
    ("GET", "/statistics", "arbiter auditor admin"),
    ("GET", "/statistics/mine", DECIDERS),
    ("POST", "/queue/next", DECIDERS),
    ("POST", "/queue/heartbeat", DECIDERS),
    ("POST", "/queue/release", DECIDERS),
    ("POST", "/candidates/1/claim", DECIDERS),
    ("GET", "/candidates/1/claim", READERS),
    ("POST", "/candidates/1/release", DECIDERS),
    ("GET", "/assignments", ARBITERS),
    ("POST", "/assignments", ARBITERS),
    ("DELETE", "/assignments/1", ARBITERS),
    ("GET", "/audit", AUDITORS),
    ("GET", "/audit/head", AUDITORS),
    ("GET", "/audit/check", AUDITORS),
    ("GET", "/audit/export.jsonl", AUDITORS),
]

# The last part is one of few names; the sample number is none of them.
BY_NAME = {
    "/flights/1/coverage/1",
    "/change-runs/1/findings/1/1",
    "/training/orders/1/1",
    "/models/1/promote",
    "/models/1/rollback",
}


def send(client: TestClient, method: str, path: str) -> int:
    bodies: dict[str, dict[str, object]] = {
        "/bulk": {"json": {"anchor_id": 1, "members": [{"id": 1, "revision": 1}]}},
        "/me/keys": {"json": {"keys": {}}},
        "/flights": {"json": {"name": "a", "kind": "drone"}},
        "/flights/1/photos": {"files": {"file": ("a.jpg", b"x")}},
        "/flights/1/files/announce": {"json": {"files": [{"path": "a.jpg", "size": 1}]}},
        "/registers": {
            "data": {"layer_id": "1", "name": "a"},
            "files": {"file": ("a.csv", b"x")},
        },
        "/layers": {
            "data": {"kind": "buildings", "name": "a"},
            "files": {"file": ("a.geojson", b"x")},
        },
        "/candidates/1/decisions": {"json": {"verdict": "confirm"}},
        "/candidates/1/merge": {"json": {"revision": 1, "others": [{"id": 2, "revision": 1}]}},
        "/candidates/1/corrections": {"json": {"hazard_class": "manhole_broken"}},
        "/candidates/1/permit-checks": {"json": {"permit": "land", "answer": "yes"}},
        "/candidates/1/second-opinion": {"json": {}},
        "/queue/next": {"json": {}},
        "/queue/heartbeat": {"json": {"held": []}},
        "/queue/release": {"json": {"candidate_ids": None}},
        "/candidates/1/claim": {"json": {}},
        "/assignments": {"json": {"user_id": 1, "flight_id": 1}},
        "/photos/1/counterpart": {"params": {"flight_id": 1}},
        "/flights/1/calibrations": {"json": {"camera": "FC6310"}},
        "/calibrations/1/boxes/1/labels": {"json": {"answer": "yes"}},
        "/calibrations/1/proposals": {"json": {"thresholds": {"manhole_ok": 0.4}}},
        "/calibrations/1/application": {"json": {"thresholds": {"manhole_ok": 0.4}}},
        "/selections": {"json": {"budget": 3}},
        "/drift/alarms/1/seen": {"json": {"note": "wet walls"}},
        "/label-studio/pushes": {"json": {}},
        "/training/orders": {"json": {"model": "manhole"}},
        "/models/rescoring": {"json": {}},
        "/models/1/promote": {"json": {"version": "0123456789ab", "to": "shadow", "reason": "why"}},
        "/models/1/rollback": {"json": {"reason": "why"}},
        "/suspects/orders": {"json": {"data": "made_up", "model": "manhole"}},
        "/suspects/1/answers": {"json": {"answer": "accept"}},
        "/shadow/differences/1/judgements": {"json": {"judgement": "unsure"}},
        "/candidates/1/split": {"json": {"revision": 1, "sightings": [1]}},
    }
    extra = bodies.get(path, {})
    if method not in {"POST", "PUT"} and "params" not in extra:
        extra = {}
    answer: Response = client.request(method, path, **extra)  # type: ignore[arg-type]
    assert "invalid_request" not in answer.text or path in BY_NAME, answer.text
    return answer.status_code


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_what_it_may_and_no_more(
    role: Role, sign_in: Callable[[str, Role], TestClient]
) -> None:
    client = sign_in("someone", role)
    for method, path, allowed in MATRIX:
        status = send(client, method, path)
        if role.value in allowed.split():
            assert status not in {401, 403}, (method, path, status)
        else:
            assert status == 403, (method, path, status)


def test_every_route_of_the_api_is_in_the_matrix_and_refuses_strangers(
    app: FastAPI, anonymous: TestClient
) -> None:
    document = anonymous.get("/openapi.json").json()
    known = {(method, re.sub(r"\d+", "#", path)) for method, path, _ in MATRIX}
    unknown = []
    for path, operations in document["paths"].items():
        for method in operations:
            if path in OPEN:
                continue
            sample = re.sub(r"\{[^}]+\}", "1", path.removeprefix("/api/v1"))
            if (method.upper(), re.sub(r"\d+", "#", sample)) not in known:
                unknown.append((method.upper(), sample))
            answer = anonymous.request(method, sample, headers={"Tus-Resumable": "1.0.0"})
            assert answer.status_code == 401, path
            assert answer.json()["code"] == "not_signed_in"
            assert answer.headers["www-authenticate"] == "Bearer"
    assert unknown == []
    assert app.docs_url is None
    assert app.redoc_url is None


def test_no_route_is_changed_from_another_site(admin: TestClient, anonymous: TestClient) -> None:
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    anonymous.cookies.set(SESSION_COOKIE, token)
    for method, path, _ in MATRIX:
        if method != "GET":
            answer = anonymous.request(method, path, headers={"Origin": "http://evil.example"})
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request"), path


@pytest.mark.skipif(bool(list_missing()), reason="the third-party scripts are not set up")
@pytest.mark.parametrize("role", Role)
def test_pages_of_layers_and_coverage_offer_what_the_role_may_do(
    role: Role,
    sign_in: Callable[[str, Role], TestClient],
    anonymous: TestClient,
    draw_jpeg: Callable[[int], bytes],
) -> None:
    admin = sign_in("chief", Role.ADMIN)
    flight_id = admin.post("/flights", json={"name": "a", "kind": "drone"}).json()["id"]
    admin.post(f"/flights/{flight_id}/photos", files={"file": ("a.jpg", draw_jpeg(0))})
    outline = {"type": "Polygon", "coordinates": [[[1, 1], [2, 1], [2, 2], [1, 1]]]}
    admin.post(
        "/layers",
        data={"kind": "buildings", "name": "a"},
        files={"file": ("a.geojson", json.dumps(outline).encode())},
    )
    client = sign_in("someone", role)
    pages = "http://testserver"
    layers = client.get(f"{pages}/layers").text
    may_import = role in {Role.ENGINEER, Role.ADMIN}
    assert "data-layer-id" in layers
    assert ('id="layer-form"' in layers) == may_import
    assert ('data-method="DELETE"' in layers) == may_import
    panel = client.get(f"{pages}/flights/{flight_id}/coverage/panel").text
    assert 'id="coverage"' in panel
    may_compute = role not in {Role.ENGINEER, Role.AUDITOR}
    assert (f"/flights/{flight_id}/coverage" in panel) == may_compute
    for path in ("/layers", f"/flights/{flight_id}/coverage/panel"):
        answer = anonymous.get(pages + path, follow_redirects=False)
        assert "data-layer-id" not in answer.text
        assert 'id="coverage"' not in answer.text


def test_cookie_works_for_reading_and_needs_same_origin_for_changes(
    reviewer: TestClient, anonymous: TestClient
) -> None:
    token = reviewer.headers["Authorization"].removeprefix("Bearer ")
    anonymous.cookies.set(SESSION_COOKIE, token)
    assert anonymous.get("/me").status_code == 200
    body = {"name": "a", "kind": "drone"}
    refused = anonymous.post("/flights", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_site_request")
    for headers in (
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ):
        assert anonymous.post("/flights", json=body, headers=headers).status_code == 403
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://testserver"}):
        assert anonymous.post("/flights", json=body, headers=headers).status_code == 201


def test_password_change_and_disabling_end_sessions_at_once(
    reviewer: TestClient, operator: TestClient, sessions: sessionmaker[Session]
) -> None:
    assert reviewer.get("/me").status_code == operator.get("/me").status_code == 200
    with sessions.begin() as session:
        set_password(session, "reviewer", "another password")
        disable_user(session, "operator")
    assert reviewer.get("/me").status_code == 401
    assert operator.get("/me").status_code == 401
    form = {"username": "operator", "password": "a good password"}
    assert reviewer.post("/auth/token", data=form).json()["code"] == "wrong_password"


def test_wrong_passwords_are_counted_then_refused(anonymous: TestClient, admin: TestClient) -> None:
    del admin  # its user exists
    for _ in range(10):
        answer = anonymous.post("/auth/token", data={"username": "admin", "password": "guess"})
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_password")
    blocked = anonymous.post(
        "/auth/token", data={"username": "ADMIN", "password": "a good password"}
    )
    assert (blocked.status_code, blocked.json()["code"]) == (429, "too_many_attempts")
    assert int(blocked.headers["retry-after"]) > 0


def test_forged_and_damaged_tokens_are_refused(anonymous: TestClient, admin: TestClient) -> None:
    good = admin.headers["Authorization"]
    header, payload, signature = good.removeprefix("Bearer ").split(".")
    for bad in (
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[::-1]}",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "x",
    ):
        answer = anonymous.get("/me", headers={"Authorization": f"Bearer {bad}"})
        assert answer.status_code == 401, bad


def test_answers_carry_security_headers(anonymous: TestClient) -> None:
    for path in ("/health", "/flights", "/nowhere"):
        headers = anonymous.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/flights", 405, "method_not_allowed"),
        ("GET", "/flights/0", 422, "invalid_request"),
        ("GET", "/flights/99999999999999999999", 422, "invalid_request"),
        ("GET", "/flights/7", 404, "flight_not_found"),
        ("GET", "/photos/7", 404, "photo_not_found"),
        ("GET", "/candidates/7", 404, "candidate_not_found"),
        ("POST", "/decisions/7/undo", 404, "decision_not_found"),
        ("GET", "/candidates?cursor=rubbish", 422, "invalid_cursor"),
        ("GET", "/candidates?state=nonsense", 422, "invalid_request"),
        ("GET", "/candidates?limit=0", 422, "invalid_request"),
        ("GET", "/hazards?cursor=WzFd", 422, "invalid_cursor"),
    ],
)
def test_errors_are_problem_json_with_a_stable_code(
    method: str, path: str, status: int, code: str, admin: TestClient
) -> None:
    answer = admin.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_limit_above_the_maximum_is_lowered(admin: TestClient) -> None:
    assert admin.get("/flights", params={"limit": 10_000}).status_code == 200


def test_health_needs_no_sign_in_and_tells_of_the_worker(anonymous: TestClient) -> None:
    answer = anonymous.get("/health")
    assert answer.status_code == 200
    assert answer.json()["database"] == "ok"
    assert answer.json()["worker"] == "absent"
    assert answer.json()["status"] == "degraded"
