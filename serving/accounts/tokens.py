"""Session tokens: signed JWTs that say who, until when, and for which password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from serving.accounts.errors import NotSignedInError

ALGORITHM = "HS256"
ISSUER = "hazardlens"


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token says. The role is not in it: it is read from the database on each request."""

    user_id: int
    token_version: int


def issue_token(claims: TokenClaims, *, secret_key: str, lifetime: timedelta) -> str:
    """Return a signed token for ``claims`` that ends after ``lifetime``."""
    now = datetime.now(UTC)
    payload = {
        "iss": ISSUER,
        "sub": str(claims.user_id),
        "ver": claims.token_version,
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(payload, secret_key, algorithm=ALGORITHM)


def read_token(token: str, *, secret_key: str) -> TokenClaims:
    """Return what a token says after checking signature, issuer and end.

    Raises:
        NotSignedInError: the token is forged, damaged or has ended.
    """
    try:
        payload = jwt.decode(
            token,
            secret_key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            options={"require": ["exp", "iat", "sub", "iss"]},
        )
        return TokenClaims(int(payload["sub"]), int(payload["ver"]))
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
        raise NotSignedInError from error
