"""How we show Label Studio who we are.

A personal access token is a refresh token that is exchanged for one that lives five minutes; a
legacy token is sent as it is. Which one it is shows in its form.
"""

from __future__ import annotations

import time

import jwt
import requests

from serving.labelstudio.errors import LabelStudioTokenError, LabelStudioTokenRevokedError

REFRESH_PATH = "/api/token/refresh/"
RENEW_BEFORE_S = 30.0
PARTS_OF_JWT = 3


class Access(requests.auth.AuthBase):
    """Adds the header that lets a request in; renews what lives shortly."""

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        """Use ``token`` of the server at ``url``."""
        self._url = url
        self._token = token
        self._timeout_s = timeout_s
        self._access = ""
        self._until = 0.0

    @property
    def is_personal(self) -> bool:
        """Whether the token has to be exchanged."""
        return len(self._token.split(".")) == PARTS_OF_JWT

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header to one request."""
        if self.is_personal:
            request.headers["Authorization"] = f"Bearer {self._renewed()}"
        else:
            request.headers["Authorization"] = f"Token {self._token}"
        return request

    def forget(self) -> None:
        """Exchange anew before the next request: what we hold was refused."""
        self._until = 0.0

    def explain_refusal(self) -> LabelStudioTokenError | LabelStudioTokenRevokedError:
        """Return why a request was refused although we showed who we are."""
        return LabelStudioTokenRevokedError() if self.is_personal else LabelStudioTokenError()

    def _renewed(self) -> str:
        if time.time() >= self._until - RENEW_BEFORE_S:
            self._exchange()
        return self._access

    def _exchange(self) -> None:
        """Get an access token.

        Raises:
            LabelStudioTokenError: the server never made this token.
            LabelStudioTokenRevokedError: it was revoked, or has ended.
            requests.RequestException: the server does not answer.
        """
        answer = requests.post(
            self._url + REFRESH_PATH, json={"refresh": self._token}, timeout=self._timeout_s
        )
        if answer.status_code in {400, 401, 403}:
            raise self._explain(answer.text)
        answer.raise_for_status()
        self._access = str(answer.json()["access"])
        claims = jwt.decode(self._access, options={"verify_signature": False})
        self._until = float(claims["exp"])

    def _explain(self, detail: str) -> LabelStudioTokenError | LabelStudioTokenRevokedError:
        """Tell a token that ended or was revoked from one that the server never made."""
        if "blacklist" in detail.lower() or self._has_ended():
            return LabelStudioTokenRevokedError()
        return LabelStudioTokenError()

    def _has_ended(self) -> bool:
        try:
            claims = jwt.decode(self._token, options={"verify_signature": False})
            return float(claims["exp"]) <= time.time()
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            return False
