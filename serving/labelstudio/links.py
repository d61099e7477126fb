"""Addresses that need no sign-in: pictures for whoever draws, signed and with an end; webhooks."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from serving.labelstudio.errors import LinkExpiredError, LinkInvalidError, WebhookSecretError

PHOTO_PATH = "/api/v1/label-studio/photos"
WEBHOOK_PATH = "/api/v1/label-studio/webhook"
_PURPOSE_PHOTO, _PURPOSE_WEBHOOK = "label photo", "label webhook"


def photo_link(public_url: str, photo_id: int, until: datetime, *, secret_key: str) -> str:
    """Return the address of one photo that holds until ``until`` (whole seconds)."""
    end = int(until.timestamp())
    signature = _sign(secret_key, _PURPOSE_PHOTO, f"{photo_id} {end}")
    query = f"until={end}&signature={signature}"
    return f"{public_url.rstrip('/')}{PHOTO_PATH}/{photo_id}.jpg?{query}"


def check_photo_link(photo_id: int, until: int, signature: str, *, secret_key: str) -> None:
    """Let pass what we signed and has not ended.

    Raises:
        LinkInvalidError: it was not signed by us for this photo and end.
        LinkExpiredError: it has ended.
    """
    wanted = _sign(secret_key, _PURPOSE_PHOTO, f"{photo_id} {until}")
    if not hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace")):
        raise LinkInvalidError
    if until <= datetime.now(UTC).timestamp():
        raise LinkExpiredError


def webhook_url(public_url: str, geometry: str, *, secret_key: str) -> str:
    """Return where the project of one geometry sends its events."""
    return f"{public_url.rstrip('/')}{WEBHOOK_PATH}/{_webhook_secret(secret_key, geometry)}"


def geometry_of_webhook(secret: str, geometries: tuple[str, ...], *, secret_key: str) -> str:
    """Return which project an address is of.

    Raises:
        WebhookSecretError: of none.
    """
    for geometry in geometries:
        if hmac.compare_digest(
            _webhook_secret(secret_key, geometry).encode(), secret.encode("utf-8", "replace")
        ):
            return geometry
    raise WebhookSecretError


def installation_mark(secret_key: str) -> str:
    """Return a short name of this installation: two may share one Label Studio."""
    return _sign(secret_key, "label installation", "")[:12]


def _webhook_secret(secret_key: str, geometry: str) -> str:
    return _sign(secret_key, _PURPOSE_WEBHOOK, geometry)[:40]


def _sign(secret_key: str, purpose: str, text: str) -> str:
    message = f"{purpose}\n{text}".encode()
    return hmac.new(secret_key.encode(), message, hashlib.sha256).hexdigest()
