"""Pages without a database: sign-in form, languages, headers, what strangers get."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from serving.app import create_app
from serving.settings import load_settings
from serving.web.session_pages import clean_next
from serving.web.vendor import list_missing

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    if list_missing():
        pytest.skip("the third-party scripts are not set up: run `make unit`")
    settings = load_settings(data_dir=tmp_path, database_url=NO_DATABASE)
    with TestClient(create_app(settings), follow_redirects=False) as client:
        yield client


def test_sign_in_form_is_chinese_unless_asked_otherwise(client: TestClient) -> None:
    assert "登录" in client.get("/sign-in").text
    assert '<html lang="zh-CN">' in client.get("/sign-in").text
    client.cookies.set("hazardlens_language", "en")
    answer = client.get("/sign-in")
    assert '<html lang="en">' in answer.text
    assert "Sign in" in answer.text


def test_pages_forbid_code_from_elsewhere(client: TestClient) -> None:
    policy = client.get("/sign-in").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert client.get("/sign-in").headers["cache-control"] == "no-store"


def test_a_tile_server_is_allowed_for_pictures_only(tmp_path: Path) -> None:
    if list_missing():
        pytest.skip("the third-party scripts are not set up: run `make unit`")
    settings = load_settings(
        data_dir=tmp_path,
        database_url=NO_DATABASE,
        map_tiles_url="https://tiles.example.org/{z}/{x}/{y}.png",
    )
    with TestClient(create_app(settings)) as client:
        policy = client.get("/sign-in").headers["content-security-policy"]
    assert "img-src 'self' data: blob: https://tiles.example.org;" in policy
    assert policy.count("https://") == 1


@pytest.mark.parametrize("path", ["/flights", "/review?state=pending", "/hazards", "/review/1"])
def test_strangers_go_to_the_sign_in_form_and_come_back(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2F")


def test_pieces_of_pages_are_refused_not_redirected(client: TestClient) -> None:
    assert client.get("/review/1/panel").status_code == 401
    assert client.get("/flights/1/progress").status_code == 401


def test_unknown_page_is_told_to_people_and_programs(client: TestClient) -> None:
    page = client.get("/no-such-page")
    assert page.status_code == 404
    assert "没有该页面" in page.text
    assert client.get("/api/v1/no-such-thing").json()["code"] == "not_found"


def test_sign_in_from_another_site_is_refused(client: TestClient) -> None:
    form = {"username": "admin", "password": "secret"}
    answer = client.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_names_are_escaped(client: TestClient) -> None:
    form = {"username": '"><script>alert(1)</script>', "password": "secret"}
    answer = client.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert "<script>alert" not in answer.text


def test_sign_out_ends_the_session_of_this_browser_only_from_our_pages(client: TestClient) -> None:
    assert client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    answer = client.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    assert 'hazardlens_session=""' in answer.headers["set-cookie"]


def test_language_route_takes_only_our_languages(client: TestClient) -> None:
    answer = client.get("/language/en?next=/hazards")
    assert answer.headers["location"] == "/hazards"
    assert "hazardlens_language=en" in answer.headers["set-cookie"]
    answer = client.get("/language/tlh?next=https://elsewhere.example/")
    assert answer.headers["location"] == "/"
    assert "hazardlens_language=zh_CN" in answer.headers["set-cookie"]


def test_static_files_are_asked_for_again(client: TestClient) -> None:
    answer = client.get("/static/js/base.js")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get("/static/js/base.js", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@given(st.text())
def test_next_never_leaves_our_pages(path: str) -> None:
    cleaned = clean_next(path)
    assert cleaned.startswith("/")
    assert not cleaned.startswith(("//", "/\\"))
    assert cleaned.isprintable()


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "https://evil.example", "/\tx", "/sign-out", "evil", ""],
)
def test_next_refuses(path: str) -> None:
    assert clean_next(path) == "/"


def test_next_keeps_query() -> None:
    assert clean_next("/review?state=unsure&flight_id=3") == "/review?state=unsure&flight_id=3"
