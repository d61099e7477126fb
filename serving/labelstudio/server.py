"""A Label Studio of our own on this machine: started headless, on the loopback alone, silent.

It runs in an environment of its own (``make label-studio``). By itself it would report errors and
use to its makers, ask for newer versions and fetch tips; the settings here switch that off, and
what has no setting (the tips) meets a proxy that is not there.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from serving.labelstudio.errors import BoardServerError

USERNAME = "engineer@hazardlens.local"
START_TIMEOUT_S = 240.0
POLL_S = 0.5
ASK_TIMEOUT_S = 30.0
NO_PROXY_HERE = "http://127.0.0.1:9"

SILENT: Mapping[str, str] = {
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "FEATURE_FLAGS_OFFLINE": "true",
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
    # Our own service may be on this machine or in this network.
    "SSRF_PROTECTION_ENABLED": "false",
    "HTTPS_PROXY": NO_PROXY_HERE,
    "https_proxy": NO_PROXY_HERE,
}


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """Where a server lives: its program, its folder of data, its port on the loopback."""

    program: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Account:
    """The first account of a server; made on its first start."""

    username: str
    password: str


@contextmanager
def running_server(
    place: ServerPlace,
    password: str,
    *,
    public_url: str = "",
    more: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server and yield its process when it answers; it ends with the block.

    Raises:
        BoardServerError: it does not start, or not in time; its log is in its folder.
    """
    process = start_server(place, password, public_url=public_url, more=more)
    try:
        wait_until_up(place, process)
        yield process
    finally:
        stop_server(process)


def start_server(
    place: ServerPlace,
    password: str,
    *,
    public_url: str = "",
    more: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server and return its process.

    Raises:
        BoardServerError: its program is not there, or somebody else has its port.
    """
    if not place.program.is_file():
        message = f"There is no Label Studio at {place.program}."
        raise BoardServerError(message, remedy="Run make label-studio.")
    _check_port(place.port)
    place.folder.mkdir(parents=True, exist_ok=True)
    environment = make_environment(place, password, public_url) | dict(more or {})
    options = ["--no-browser", "--internal-host", "127.0.0.1", "--port", str(place.port)]
    with (place.folder / "server.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the program of our own environment
            [str(place.program), "start", *options],
            cwd=place.folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _check_port(port: int) -> None:
    """Make sure that nobody has the port: Label Studio would quietly take the next one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} is taken or may not be used."
            raise BoardServerError(message, remedy="Choose another with --port.") from error


def make_environment(place: ServerPlace, password: str, public_url: str) -> dict[str, str]:
    """Return the environment of a server: ours without our settings, and silent."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HAZARDLENS_", "LABEL_STUDIO_", "HEARTEX_"))
    }
    hosts = ["127.0.0.1", "localhost", urlsplit(public_url).hostname or ""]
    no_proxy = ",".join(host for host in hosts if host)
    account = {"LABEL_STUDIO_USERNAME": USERNAME, "LABEL_STUDIO_PASSWORD": password}
    where = {"LABEL_STUDIO_BASE_DATA_DIR": str(place.folder.resolve())}
    reached = {"NO_PROXY": no_proxy, "no_proxy": no_proxy}
    return inherited | dict(SILENT) | account | where | reached


def wait_until_up(place: ServerPlace, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers.

    Raises:
        BoardServerError: it ended, or does not answer in time.
    """
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            if requests.get(f"{place.url}/health", timeout=ASK_TIMEOUT_S).ok:
                return
        except requests.RequestException:
            time.sleep(POLL_S)
    message = f"Label Studio did not start at {place.url}."
    raise BoardServerError(message, remedy=f"See {place.folder / 'server.log'}.")


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End a server, by force where it does not go."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def new_password() -> str:
    """Return a password for the first account."""
    return secrets.token_urlsafe(12)


def make_token(place: ServerPlace, account: Account) -> str:
    """Sign in as a person does and return a new personal access token.

    Raises:
        BoardServerError: the password is another, or the account has a token already.
    """
    with requests.Session() as browser:
        page = browser.get(f"{place.url}/user/login/", timeout=ASK_TIMEOUT_S)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        form = {
            "email": account.username,
            "password": account.password,
            "csrfmiddlewaretoken": found.group(1) if found else "",
        }
        sign_in = {"Referer": f"{place.url}/user/login/"}
        browser.post(f"{place.url}/user/login/", data=form, headers=sign_in, timeout=ASK_TIMEOUT_S)
        headers = {"X-CSRFToken": browser.cookies.get("csrftoken") or "", "Referer": place.url}
        answer = browser.post(f"{place.url}/api/token/", headers=headers, timeout=ASK_TIMEOUT_S)
    if not answer.ok:
        message = f"Label Studio made no access token ({answer.status_code})."
        remedy = f"Make one at {place.url}/user/account, Personal Access Token."
        raise BoardServerError(message, remedy=remedy)
    return str(answer.json()["token"])
