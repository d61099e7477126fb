"""What is a person's own: their keys, and nobody else acting in their name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.accounts.roles import Role
from serving.deps import PERSON_HEADER, SESSION_COOKIE
from tests.integration.conftest import PASSWORD

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def test_keys_are_kept_for_each_person_and_reset(
    reviewer: TestClient, sign_in: Callable[[str, Role], TestClient]
) -> None:
    assert reviewer.get("/me/keys").json() == {"keys": {}}
    keys = {"confirm": ["KeyY"], "undo": ["KeyU", "Ctrl+KeyZ"], "zoomIn": ["Shift+ArrowUp"]}
    assert reviewer.put("/me/keys", json={"keys": keys}).json() == {"keys": keys}
    assert reviewer.get("/me/keys").json() == {"keys": keys}
    colleague = sign_in("colleague", Role.REVIEWER)
    assert colleague.get("/me/keys").json() == {"keys": {}}
    reviewer.put("/me/keys", json={"keys": {}})
    assert reviewer.get("/me/keys").json() == {"keys": {}}


def test_one_key_for_two_acts_is_refused_and_nothing_stored(reviewer: TestClient) -> None:
    twice = {"confirm": ["KeyY"], "reject": ["KeyX", "KeyY"]}
    answer = reviewer.put("/me/keys", json={"keys": twice})
    assert (answer.status_code, answer.json()["code"]) == (409, "key_conflict")
    assert reviewer.get("/me/keys").json() == {"keys": {}}


@pytest.mark.parametrize(
    "keys",
    [{"confirm": []}, {"confirm": ["<script>"]}, {"no act": ["KeyC"]}, {"confirm": ["KeyC"] * 9}],
)
def test_what_is_no_key_is_refused(reviewer: TestClient, keys: dict[str, list[str]]) -> None:
    assert reviewer.put("/me/keys", json={"keys": keys}).status_code == 422


def test_session_is_opened_again_from_a_page(
    app: FastAPI, sign_in: Callable[[str, Role], TestClient]
) -> None:
    sign_in("rena", Role.REVIEWER)
    browser = TestClient(app, base_url="http://testserver/api/v1")
    body = {"username": "rena", "password": "wrong"}
    refused = browser.post("/auth/session", json=body, headers=OWN_PAGE)
    assert (refused.status_code, refused.json()["code"]) == (401, "wrong_password")
    assert SESSION_COOKIE not in browser.cookies
    opened = browser.post("/auth/session", json=body | {"password": PASSWORD}, headers=OWN_PAGE)
    assert opened.json()["username"] == "rena"
    assert "httponly" in opened.headers["set-cookie"].lower()
    assert browser.get("/me").json()["username"] == "rena"


def test_no_other_site_opens_a_session(
    app: FastAPI, sign_in: Callable[[str, Role], TestClient]
) -> None:
    sign_in("rena", Role.REVIEWER)
    browser = TestClient(app, base_url="http://testserver/api/v1")
    answer = browser.post(
        "/auth/session",
        json={"username": "rena", "password": PASSWORD},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request")


def test_a_page_of_somebody_else_is_refused_whoever_is_signed_in(
    sign_in: Callable[[str, Role], TestClient],
) -> None:
    rena, admin = sign_in("rena", Role.REVIEWER), sign_in("boss", Role.ADMIN)
    number = {client: str(client.get("/me").json()["id"]) for client in (rena, admin)}
    own = rena.get("/me", headers={PERSON_HEADER: number[rena]})
    assert own.json()["username"] == "rena"
    for method, path in (("GET", "/me"), ("POST", "/decisions/1/undo"), ("PUT", "/me/keys")):
        answer = admin.request(method, path, headers={PERSON_HEADER: number[rena]})
        assert (answer.status_code, answer.json()["code"]) == (401, "other_person_signed_in")
