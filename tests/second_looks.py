"""Candidates to be looked at twice, and chance taken out of who looks.

Import as ``from tests.second_looks import …``.
"""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from serving.review.blind import checks, following

NEVER = 0.999


def draw_always(monkeypatch: pytest.MonkeyPatch, number: float = NEVER) -> None:
    """Let every draw of chance be ``number``: near 1, nothing is sampled and no check is hidden."""
    monkeypatch.setattr(following, "draw_number", lambda: number)
    monkeypatch.setattr(checks, "draw_number", lambda: number)


def decide(client: TestClient, candidate_id: int, verdict: str, **more: object) -> Response:
    """Say a verdict as a client does."""
    path = f"/candidates/{candidate_id}/decisions"
    answer: Response = client.post(path, json={"verdict": verdict} | more)
    return answer


def undo(client: TestClient, answer: Response) -> Response:
    """Take back what ``answer`` tells of."""
    taken_back: Response = client.post(f"/decisions/{answer.json()['id']}/undo")
    return taken_back


def state_of(client: TestClient, candidate_id: int) -> str:
    """Return the state of a candidate as this person sees it."""
    return str(client.get(f"/candidates/{candidate_id}").json()["state"])
