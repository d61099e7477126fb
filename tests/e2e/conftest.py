"""A running service, a real Chromium, and pages that must stay on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from serving.accounts.roles import Role
from serving.accounts.users import create_user
from serving.db.embedded import EmbeddedPostgres
from serving.db.engine import make_sessions, open_engine
from tests.e2e.seed import seed_candidates
from tests.serving_process import PASSWORD, ServeProcess
from tests.tiny_model import write_tiny_model

PASSWORDS = {
    "admin": PASSWORD,
    "olga": "operator-secret",
    "rena": "reviewer-secret",
    "bela": "second-secret",
    "enno": "engineer-secret",
    "arvo": "arbiter-secret",
    "auda": "auditor-secret",
}
ROLES = {
    "olga": Role.OPERATOR,
    "rena": Role.REVIEWER,
    "bela": Role.REVIEWER,
    "enno": Role.ENGINEER,
    "arvo": Role.ARBITER,
    "auda": Role.AUDITOR,
}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 15_000

# Five seconds, the default, are short on a machine that is busy with other work.
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True, slots=True)
class RunningService:
    """Where the service answers and where its data lies."""

    url: str
    data_dir: Path

    @property
    def database_url(self) -> str:
        """Address of the service's own database."""
        return EmbeddedPostgres(self.data_dir).url


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser window with its own cookies, and what it asked for."""

    page: Page
    service_url: str
    requested: list[str]
    troubles: list[str]

    def open(self, path: str) -> None:
        """Go to a page of the service."""
        self.page.goto(self.service_url + path)

    def sign_in(self, username: str, password: str | None = None) -> None:
        """Sign in through the form, as a person does; the page that answers is loaded."""
        self.open("/sign-in")
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", password or PASSWORDS[username])
        with self.page.expect_navigation():  # going elsewhere before would lose the cookie
            self.page.click("main button[type=submit]")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """Start ``hazardlens serve`` with a tiny model and three more users; stop it at the end."""
    folder = tmp_path_factory.mktemp("service")
    write_tiny_model(folder / "models")
    process = ServeProcess(folder / "data", folder / "models")
    process.data_dir.mkdir()
    try:
        process.start()
        running = RunningService(f"http://127.0.0.1:{process.port}", process.data_dir)
        _add_users(running)
        yield running
    finally:
        process.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium; without one the test is skipped, in CI it fails."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        reason = f"no Chromium here (looked for {', '.join(CHROMIUM_NAMES)})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_visitor(browser: Browser, service: RunningService) -> Iterator[Callable[..., Visitor]]:
    """Return a maker of visitors; at the end none may have left the machine or met a bug."""
    visitors: list[Visitor] = []
    contexts: list[BrowserContext] = []

    def make(**options: object) -> Visitor:
        defaults = {"viewport": {"width": 1440, "height": 900}, "base_url": service.url}
        context = browser.new_context(**(defaults | options))  # type: ignore[arg-type]  # options of many types
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        visitor = Visitor(context.new_page(), service.url, [], [])
        _watch(visitor)
        visitors.append(visitor)
        return visitor

    yield make
    requested = [url for visitor in visitors for url in visitor.requested]
    troubles = [text for visitor in visitors for text in visitor.troubles]
    for context in contexts:
        context.close()
    local = (service.url, "data:", "blob:")
    assert [url for url in requested if not url.startswith(local)] == []
    assert troubles == []


@pytest.fixture
def visitor(open_visitor: Callable[..., Visitor]) -> Visitor:
    """One visitor at desktop size."""
    return open_visitor()


@pytest.fixture
def candidate_ids(service: RunningService, tmp_path: Path) -> list[int]:
    """Put a flight of four candidates into the queue; returns them in the queue's order."""
    return seed_candidates(service.database_url, service.data_dir, tmp_path / "seeded")


@pytest.fixture
def crack_ids(service: RunningService, tmp_path: Path) -> list[int]:
    """Put a flight of four outlined cracks into the queue; returns them in the queue's order."""
    folder = tmp_path / "seeded"
    return seed_candidates(service.database_url, service.data_dir, folder, outlined=True)


def _add_users(running: RunningService) -> None:
    engine = open_engine(running.database_url)
    with make_sessions(engine).begin() as session:
        for name, role in ROLES.items():
            create_user(session, name, PASSWORDS[name], role)
    engine.dispose()


def _watch(visitor: Visitor) -> None:
    def note_request(request: Request) -> None:
        visitor.requested.append(request.url)

    visitor.page.on("request", note_request)

    def note_message(message: ConsoleMessage) -> None:
        # What the network does to a page is made on purpose by some tests.
        is_network = message.text.startswith(("Failed to load resource", "Tile "))
        if message.type == "error" and not is_network:
            visitor.troubles.append(message.text)

    visitor.page.on("console", note_message)
    visitor.page.on("pageerror", lambda error: visitor.troubles.append(str(error)))
