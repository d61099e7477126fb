"""Talk to the server over a bad link: time limits, patience, a new token when the old one ends."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from urllib.parse import urljoin, urlsplit

import requests

from detection.domain.errors import InvalidInputError
from serving.client.errors import ServerRefusedError, ServerUnreachableError, SignInRefusedError

SILENCE_S = 30.0
"""So long a socket may move nothing (16 KB when sending) before the link counts as dead."""

JSON = {"Content-Type": "application/json"}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
"""Statuses that a restart, a crowd or a full disk explain: worth another try."""

FAULT_PATIENCE_S = 30.0
"""A fault inside the server may pass with a restart; one that stays is a bug to be told of."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who uploads."""

    username: str
    password: str = field(repr=False)


class LinkError(Exception):
    """A single request came to nothing; it may be sent again, for ``patience_s`` at most."""

    def __init__(self, message: str, patience_s: float = math.inf) -> None:
        """Say why."""
        super().__init__(message)
        self.patience_s = patience_s


class Connection:
    """The server's API for one person; every thread has connections of its own.

    ``patience_s`` is how long one request is tried again before it is given up, ``on_wait`` is
    told why it is waited for.
    """

    def __init__(
        self,
        server: str,
        account: Account,
        *,
        patience_s: float = 600.0,
        on_wait: Callable[[str], None] = lambda _why: None,
    ) -> None:
        """Remember the address; nothing is sent yet.

        Raises:
            InvalidInputError: ``server`` is no http or https address.
        """
        parts = urlsplit(server if "://" in server else f"http://{server}")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = f"{server!r} is not the address of a server."
            raise InvalidInputError(message, remedy="Write it like http://10.0.0.5:8000.")
        self.server = f"{parts.scheme}://{parts.netloc}"
        self.username = account.username
        self._account = account
        self._patience_s = patience_s
        self._on_wait = on_wait
        self._token = ""
        self._signing_in = threading.Lock()
        self._local = threading.local()

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Return the JSON answer of one call of the API, tried until it is answered.

        Raises:
            ServerRefusedError: the server said no.
            ServerUnreachableError: it did not answer for too long.
            SignInRefusedError: user name and password do not fit.
        """
        sent = None if body is None else json.dumps(body).encode()
        answer = self.patiently(
            lambda: self.send(
                method, f"/api/v1{path}", headers=JSON, data=None if sent is None else BytesIO(sent)
            )
        )
        try:
            return dict(answer.json())
        except (ValueError, TypeError) as error:
            message = f"{self.server} does not answer as hazardlens does."
            raise ServerRefusedError(
                answer.status_code, "unknown_server", message, remedy="Check the address."
            ) from error

    def patiently(self, request: Callable[[], requests.Response]) -> requests.Response:
        """Return what ``request`` does, tried again with growing pauses while the link is dead."""
        started, pause_s = time.monotonic(), FIRST_PAUSE_S
        while True:
            try:
                return request()
            except LinkError as error:
                self.wait_or_give_up(error, started, pause_s)
                pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)

    def wait_or_give_up(self, error: LinkError, since: float, pause_s: float) -> None:
        """Pause before the next try; ``since`` is when (monotonic) things last moved.

        Raises:
            ServerUnreachableError: nothing moved for longer than the patience.
        """
        waited_s = time.monotonic() - since
        if waited_s > min(self._patience_s, error.patience_s):
            message = f"{self.server} was tried for {waited_s:.0f} s in vain: {error}."
            remedy = (
                "Check the link and the server; the same command goes on where this one stopped."
            )
            raise ServerUnreachableError(message, remedy=remedy) from error
        self._on_wait(str(error))
        time.sleep(pause_s)
        self._on_wait("")

    def send(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: BytesIO | None = None,
    ) -> requests.Response:
        """Send one request once, signed in anew where the session has ended.

        Raises:
            LinkError: it may be tried again.
            ServerRefusedError: the server said no.
            SignInRefusedError: user name and password do not fit.
        """
        token = self._token or self._sign_in("")
        answer = self._request(method, address, token, headers, data)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            token = self._sign_in(token)
            if data is not None:
                data.seek(0)
            answer = self._request(method, address, token, headers, data)
        if answer.status_code in BUSY:
            is_fault = answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
            raise LinkError(_describe(answer), FAULT_PATIENCE_S if is_fault else math.inf)
        if not answer.ok or answer.is_redirect:
            raise _refusal(answer)
        return answer

    def resolve(self, location: str) -> str:
        """Return the path of an address that the server named.

        Its own name for itself may be one that only it understands, and our token goes nowhere
        else.
        """
        parts = urlsplit(urljoin(self.server, location))
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def _request(
        self,
        method: str,
        address: str,
        token: str,
        headers: Mapping[str, str] | None,
        data: BytesIO | Mapping[str, str] | None,
    ) -> requests.Response:
        session = self._session()
        try:
            return session.request(
                method,
                self.server + address,
                headers=headers,
                data=data,
                auth=_Bearer(token) if token else None,
                timeout=(SILENCE_S, SILENCE_S),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            session.close()
            raise LinkError(_reason(error)) from error

    def _sign_in(self, ended: str) -> str:
        """Return a token that is not ``ended``; of many threads only one asks for it."""
        with self._signing_in:
            if self._token and self._token != ended:
                return self._token
            form = {"username": self._account.username, "password": self._account.password}
            answer = self._request("POST", "/api/v1/auth/token", "", None, form)
            if answer.status_code in BUSY - {HTTPStatus.TOO_MANY_REQUESTS}:
                raise LinkError(_describe(answer))
            if not answer.ok:
                refusal = _refusal(answer)
                raise SignInRefusedError(refusal.message, remedy=refusal.remedy)
            self._token = str(answer.json().get("access_token", ""))
            return self._token

    def _session(self) -> requests.Session:
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
        return session


class _Bearer(requests.auth.AuthBase):
    """The token as authorization; given as such, no password file on this machine replaces it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _refusal(answer: requests.Response) -> ServerRefusedError:
    try:
        problem = dict(answer.json())
    except (ValueError, TypeError):
        problem = {}
    code = str(problem.get("code") or f"http_{answer.status_code}")
    message = str(problem.get("detail") or _describe(answer))
    remedy = str(problem.get("remedy") or "")
    return ServerRefusedError(answer.status_code, code, message, remedy=remedy)


def _describe(answer: requests.Response) -> str:
    where = answer.headers.get("Location") if answer.is_redirect else None
    aside = f", it points to {where}" if where else ""
    return f"the server answered {answer.status_code} {answer.reason}{aside}"


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "the link is silent"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not trusted"
    return "the server cannot be reached"
