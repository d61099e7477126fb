"""Whoever is to look blindly sees of a decided candidate exactly what was there before.

Every address that can be read is read before the first reviewer decides and after: to the second
reviewer nothing may differ, whatever was decided.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.db.tables import CandidateRow, DetectionRow, FlightRow, LayerRow, PhotoRow
from serving.review.decision import CandidateState
from serving.settings import ServingSettings
from serving.web.vendor import list_missing
from tests.e2e.seed import seed_candidates
from tests.routes import list_paths
from tests.second_looks import decide, undo

FIRST_NAME = "firstborn-zhang"
NOTE = "lid lies in the grass"
SITE = "http://testserver"
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d| UTC)?")
# The risk grows with the age from one second to the next; it is a number with many digits.
GROWING = re.compile(r'"(value|factor)":[0-9.e+-]+')
QUERIES = {
    "/api/v1/candidates": [f"?state={state}" for state in CandidateState] + ["?limit=200"],
    "/review": [f"?state={state}" for state in CandidateState],
    "/api/v1/hazards": ["", "?limit=200"],
}
ELSEWHERE = ("/static", "/language", "/sign-in", "/api/v1/health")
"""What says nothing of candidates, or answers with the state of this process."""


@pytest.fixture
def ids(settings: ServingSettings, tmp_path: Path, sessions: sessionmaker[Session]) -> list[int]:
    """Two flights of one place, everything in it urgent; the candidates of the first flight."""
    folders = [tmp_path / "earlier", tmp_path / "later"]
    flights = [
        seed_candidates(settings.database_url, settings.data_dir, folder) for folder in folders
    ]
    with sessions.begin() as session:
        for row in session.scalars(select(CandidateRow)):
            row.tier = "urgent"
            row.place_key = "the same place"
    return flights[0]


class Walk:
    """Reads every address as one person, with the numbers of everything that there is."""

    def __init__(self, app: FastAPI, sessions: sessionmaker[Session], ids: list[int]) -> None:
        with sessions() as session:
            self.samples = {
                "candidate_id": [*ids[:2], session.scalar(select(func.max(CandidateRow.id)))],
                "flight_id": session.scalars(select(FlightRow.id).order_by("id")).all(),
                "photo_id": [session.scalar(select(func.min(PhotoRow.id)))],
                "detection_id": [session.scalar(select(func.min(DetectionRow.id)))],
                "layer_id": session.scalars(select(LayerRow.id)).all(),
                "level": [0],
                "x": [0],
                "y": [0],
            }
        self.paths = sorted(set(self._paths(app)))

    def _paths(self, app: FastAPI) -> Iterator[str]:
        for template in list_paths(app, "GET"):
            if template.startswith(ELSEWHERE):
                continue
            names = re.findall(r"{(\w+)(?::\w+)?}", template)
            for values in product(*(self.samples.get(name, [1]) for name in names)):
                path = template
                for name, value in zip(names, values, strict=True):
                    path = re.sub(rf"{{{name}(:\w+)?}}", str(value), path)
                yield from (path + query for query in QUERIES.get(path, [""]))

    def read(self, client: TestClient) -> dict[str, str]:
        answers: dict[str, str] = {}
        for path in self.paths:
            answer = client.get(SITE + path)
            is_text = "image" not in answer.headers.get("content-type", "")
            text = answer.text if is_text else str(len(answer.content))
            answers[path] = f"{answer.status_code} {_without_clock(text)}"
        answers["next"] = _without_clock(client.post("/queue/next", json={"count": 8}).text)
        client.post("/queue/release", json={"candidate_ids": None})
        return answers


def _without_clock(text: str) -> str:
    return GROWING.sub("<growing>", INSTANT.sub("<instant>", text))


@pytest.mark.skipif(bool(list_missing()), reason="the third-party scripts are not set up")
def test_nothing_that_can_be_read_tells_what_the_first_reviewer_said(
    app: FastAPI,
    ids: list[int],
    sign_in: Callable[[str, Role], TestClient],
    sessions: sessionmaker[Session],
) -> None:
    first, second = sign_in(FIRST_NAME, Role.REVIEWER), sign_in("secondly", Role.REVIEWER)
    walk = Walk(app, sessions, ids)
    assert len(walk.paths) > 60
    before = walk.read(second)
    again = walk.read(second)
    assert {path for path in before if before[path] != again[path]} == set(), "changes by itself"
    assert not [path for path, text in before.items() if text.startswith("5")]
    for said in (
        {"verdict": "confirm", "note": NOTE},
        {"verdict": "duplicate", "note": NOTE, "duplicate_of": ids[1]},
    ):
        decided = decide(first, ids[0], str(said.pop("verdict")), **said)
        assert decided.status_code == 201
        after = walk.read(second)
        assert {path for path in before if before[path] != after[path]} == set()
        assert not [path for path, text in after.items() if FIRST_NAME in text or NOTE in text]
        assert undo(first, decided).status_code == 200
