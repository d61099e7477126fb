"""A connection to Label Studio with all that belongs to it, for whoever syncs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from serving.labelstudio.client import LabelStudio
from serving.labelstudio.errors import LabelStudioNotSetError
from serving.labelstudio.links import photo_link, webhook_url
from serving.settings import ServingSettings, load_secret_key
from serving.storage.objects import ObjectStore

SYNC_LOCK = 7_240_016
"""Number of the advisory lock of whoever changes tasks there: one at a time."""


@dataclass(frozen=True, slots=True)
class Board:
    """Label Studio, the database, and the addresses that the one gets of us."""

    client: LabelStudio
    sessions: sessionmaker[Session]
    store: ObjectStore
    public_url: str
    secret_key: str
    link_days: int

    def link_to_photo(self, photo_id: int) -> tuple[str, datetime]:
        """Return a signed address of a photo and when it ends."""
        until = (datetime.now(UTC) + timedelta(days=self.link_days)).replace(microsecond=0)
        return photo_link(self.public_url, photo_id, until, secret_key=self.secret_key), until

    def link_of_webhook(self, geometry: str) -> str:
        """Return where the project of a geometry sends its events."""
        return webhook_url(self.public_url, geometry, secret_key=self.secret_key)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody else, in any process, changes tasks there."""
        with self.sessions() as session, session.begin():
            session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": SYNC_LOCK})
            yield


@contextmanager
def open_board(
    settings: ServingSettings, sessions: sessionmaker[Session], store: ObjectStore
) -> Iterator[Board]:
    """Yield a connection; nothing is asked yet.

    Raises:
        LabelStudioNotSetError: an address or the token is missing.
    """
    check_settings(settings)
    token = settings.label_studio_token.get_secret_value()
    client = LabelStudio(settings.label_studio_url, token)
    try:
        yield Board(
            client,
            sessions,
            store,
            settings.label_studio_public_url,
            load_secret_key(settings),
            settings.label_link_days,
        )
    finally:
        client.close()


def check_settings(settings: ServingSettings) -> None:
    """Say which setting is missing.

    Raises:
        LabelStudioNotSetError: one is.
    """
    given = {
        "HAZARDLENS_LABEL_STUDIO_URL": settings.label_studio_url,
        "HAZARDLENS_LABEL_STUDIO_TOKEN": settings.label_studio_token.get_secret_value(),
        "HAZARDLENS_LABEL_STUDIO_PUBLIC_URL": settings.label_studio_public_url,
    }
    missing = [name for name, value in given.items() if not value]
    if missing:
        message = f"Label Studio is not set: {', '.join(missing)} missing."
        raise LabelStudioNotSetError(message, remedy="Set them and start the service again.")
