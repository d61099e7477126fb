"""How long a reviewer waits for the next candidate, with 100,000 of them in the queue.

A real service, a real database, a real Chromium. Run as a process of its own it prints one JSON
object: percentiles in milliseconds, of the key press that decides until the next candidate is
painted (its panel, then its photo), and of the two requests that claim.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from serving.accounts.roles import Role
from serving.accounts.users import create_user
from serving.db.embedded import EmbeddedPostgres
from serving.db.engine import make_sessions, open_engine
from tests.bench.seeded_queue import seed_queue
from tests.serving_process import ServeProcess
from tests.tiny_model import write_tiny_model

ROUNDS = 100
WARM_UP = 5
PASSWORD = "reviewer-secret"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MS = 30_000
LOOK_MS = 500
"""Faster than anybody decides; without a look, what is measured is how fast a robot can go."""

SHARP = "document.getElementById('viewer').dataset.sharp === 'yes'"

# Runs in the page: from the key until two frames after the panel changed, and until the viewer
# has drawn the photo.
WATCH = """
() => {
  const painted = [], drawn = [];
  let pressed = 0;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; }, { capture: true });
  const frames = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
  new MutationObserver(() => {
    const since = pressed;
    frames(() => painted.push(performance.now() - since));
  }).observe(document.getElementById("panel"), { childList: true });
  const viewer = document.getElementById("viewer");
  new MutationObserver(() => {
    if (viewer.dataset.sharp === "yes") drawn.push(performance.now() - pressed);
  }).observe(viewer, { attributes: true, attributeFilter: ["data-sharp"] });
  globalThis.queueTimes = { painted, drawn };
}
"""


@dataclass(frozen=True, slots=True)
class QueueTimes:
    """Milliseconds of each round."""

    painted_ms: list[float]
    drawn_ms: list[float]
    next_ms: list[float]
    claim_ms: list[float]


def measure_queue(candidates: int = 100_000, rounds: int = ROUNDS) -> dict[str, float]:
    """Return how long the next candidate and its claim take, 95 of 100 times at most.

    ``next_p95_ms`` is the time from the key that decides until the next candidate is painted,
    ``claim_p95_ms`` that of the request that claims the next ones.
    """
    times = measure_times(candidates, rounds)
    return {
        "candidates": candidates,
        "next_p95_ms": round(percentile_95(times.painted_ms), 1),
        "claim_p95_ms": round(percentile_95(times.next_ms), 1),
    }


def measure_times(candidates: int, rounds: int) -> QueueTimes:
    """Return the times of ``rounds`` decisions and of as many claims."""
    with serve_queue(candidates) as process:
        next_ms, claim_ms = _claim_rounds(process, rounds)
        painted, drawn = _paint_rounds(process, rounds)
    return QueueTimes(painted, drawn, next_ms, claim_ms)


def percentile_95(values: list[float]) -> float:
    """Return what 95 of 100 values do not exceed."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


@contextmanager
def serve_queue(candidates: int) -> Iterator[ServeProcess]:
    """Serve a seeded queue to two reviewers, ``anna`` and ``bert``; gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix="hazardlens-queue-"))
    write_tiny_model(folder / "models")
    process = ServeProcess(folder / "data", folder / "models")
    process.data_dir.mkdir()
    try:
        process.start()
        url = EmbeddedPostgres(process.data_dir).url
        seed_queue(url, process.data_dir, folder / "drawn", candidates=candidates)
        engine = open_engine(url)
        with make_sessions(engine).begin() as session:
            for name in ("anna", "bert"):
                create_user(session, name, PASSWORD, Role.REVIEWER)
        engine.dispose()
        yield process
    finally:
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _claim_rounds(process: ServeProcess, rounds: int) -> tuple[list[float], list[float]]:
    """Claim and decide over HTTP; returns the times of "next" and of claiming one."""
    with httpx.Client(base_url=process.api, timeout=60) as client:
        form = {"username": "bert", "password": PASSWORD}
        token = client.post("/auth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        next_ms: list[float] = []
        claim_ms: list[float] = []
        for _ in range(rounds + WARM_UP):
            answer, took = _timed(lambda: client.post("/queue/next", json={"count": 6}))
            next_ms.append(took)
            first = answer.json()["items"][0]["id"]
            path = f"/candidates/{first}/claim"
            answer, took = _timed(lambda path=path: client.post(path, json={}))  # type: ignore[misc]  # the default binds it now
            claim_ms.append(took)
            path = f"/candidates/{first}/decisions"
            client.post(path, json={"verdict": "unsure"}).raise_for_status()
        client.post("/queue/release", json={})
    return next_ms[WARM_UP:], claim_ms[WARM_UP:]


def _timed(send: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    started = time.perf_counter()
    answer = send()
    took_ms = (time.perf_counter() - started) * 1000
    answer.raise_for_status()
    return answer, took_ms


def _paint_rounds(process: ServeProcess, rounds: int) -> tuple[list[float], list[float]]:
    """Decide by keyboard in Chromium; returns the times until the panel and the photo are there."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        page = browser.new_page(
            base_url=process.api.removesuffix("/api/v1"),
            viewport={"width": 1440, "height": 900},
            bypass_csp=True,  # what watches is evaluated, which our pages forbid
        )
        page.set_default_timeout(PATIENCE_MS)
        _sign_in(page)
        page.goto("/review/start")
        page.wait_for_function(SHARP)
        page.evaluate(WATCH)
        for number in range(rounds + WARM_UP):
            page.keyboard.press("x")
            page.wait_for_function("n => queueTimes.painted.length > n", arg=number)
            page.wait_for_function(SHARP)
            page.wait_for_timeout(LOOK_MS)
        times = page.evaluate("queueTimes")
        browser.close()
    return times["painted"][WARM_UP:], times["drawn"][WARM_UP:]


def _sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.fill("[name=username]", "anna")
    page.fill("[name=password]", PASSWORD)
    with page.expect_navigation():
        page.click("main button[type=submit]")


def main() -> None:
    """Print the figures of as many candidates as the one argument says, 100,000 without."""
    candidates = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    times = measure_times(candidates, ROUNDS)
    figures = {
        name: {
            "median": round(statistics.median(values), 1),
            "p95": round(percentile_95(values), 1),
            "max": round(max(values), 1),
        }
        for name, values in (
            ("painted_ms", times.painted_ms),
            ("drawn_ms", times.drawn_ms),
            ("next_ms", times.next_ms),
            ("claim_ms", times.claim_ms),
        )
        if values
    }
    sys.stdout.write(json.dumps({"candidates": candidates, **figures}) + "\n")


if __name__ == "__main__":
    main()
