"""Settings of the service: code defaults < environment ``HAZARDLENS_*`` < flags."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from detection.domain.errors import ConfigurationError

MODELS_DIR = Path(__file__).resolve().parent.parent / "configs" / "models"
SECRET_BYTES = 48
MIN_SECRET_CHARS = 32


class ServingSettings(BaseSettings):
    """Everything that can be set from outside, validated once.

    ``data_dir`` holds the embedded database, the photos and the cache. ``database_url`` names an
    outside PostgreSQL; empty means the embedded one. ``secret_key`` signs sessions; empty means
    one that is made on the first start and kept in ``data_dir``. ``map_tiles_url`` is a template
    ``https://host/{z}/{x}/{y}.png``; empty means a map without a background. ``shadow`` lets the
    shadow models look at every flight too; nobody is shown what they find. ``cache_mb`` bounds the
    pictures made from photos, which are made anew when they are needed. ``max_transfer_mb`` is
    the limit of videos and archives, ``max_upload_mb`` that of all other files; an unfinished
    transfer is forgotten ``upload_expiry_h`` hours after its last byte. ``watch`` names folders and
    ``s3://bucket/prefix``, by commas; what lies in a folder there becomes a flight when nothing has
    changed for ``watch_quiet_s``. ``compare_on_arrival`` compares every flight that is done with
    the baseline of its place, on ``change_threads`` threads. ``label_studio_url`` is where Label
    Studio answers, ``label_studio_token`` an access token made there, ``label_studio_public_url``
    where it and the browsers of whoever draws reach this service; pictures are shown there by links
    that hold ``label_link_days``, and every ``label_sync_min`` all tasks are looked at.
    ``training_python`` is the Python that a training worker has commands run
    by that need the trainer; without it its own. They use ``training_threads`` threads, 0 as many
    as the command takes by itself.
    """

    model_config = SettingsConfigDict(env_prefix="HAZARDLENS_", extra="ignore", frozen=True)

    data_dir: Path = Path("data")
    database_url: str = ""
    secret_key: SecretStr = SecretStr("")
    admin_password: SecretStr = SecretStr("")
    demo: bool = True
    models_dir: Path = MODELS_DIR
    shadow: bool = False
    token_lifetime_min: int = Field(default=12 * 60, ge=1, le=60 * 24 * 30)
    max_upload_mb: int = Field(default=200, ge=1, le=5000)
    max_transfer_mb: int = Field(default=20_000, ge=1, le=1_000_000)
    upload_expiry_h: float = Field(default=168.0, gt=0, le=24 * 365)
    watch: str = ""
    watch_quiet_s: float = Field(default=120.0, ge=1, le=24 * 3600)
    compare_on_arrival: bool = True
    change_threads: int = Field(default=2, ge=1, le=64)
    label_studio_url: str = Field(default="", pattern=r"^(https?://[^\s?#]+)?$")
    label_studio_token: SecretStr = SecretStr("")
    label_studio_public_url: str = Field(default="", pattern=r"^(https?://[^\s?#]+)?$")
    label_link_days: int = Field(default=14, ge=1, le=365)
    label_sync_min: float = Field(default=10.0, gt=0, le=24 * 60)
    training_python: Path | None = None
    training_threads: int = Field(default=0, ge=0, le=256)
    max_page_size: int = Field(default=200, ge=1, le=1000)
    cache_mb: int = Field(default=20_000, ge=100, le=10_000_000)
    map_tiles_url: str = ""
    map_tiles_attribution: str = ""
    chunk_photos: int = Field(default=16, ge=1, le=256)
    max_photo_attempts: int = Field(default=3, ge=1, le=10)
    heartbeat_s: float = Field(default=2.0, gt=0.1, le=30)
    stalled_after_s: float = Field(default=10.0, gt=0.5, le=600)
    sign_in_attempts: int = Field(default=10, ge=1, le=1000)
    sign_in_window_s: float = Field(default=300.0, gt=0)

    @property
    def resolved_data_dir(self) -> Path:
        """The data folder as an absolute path."""
        return self.data_dir.expanduser().resolve()

    @property
    def cache_dir(self) -> Path:
        """Where pictures made from photos lie."""
        return self.resolved_data_dir / "cache"

    @property
    def max_cache_bytes(self) -> int:
        """About how many bytes of pictures made from photos are kept."""
        return self.cache_mb * 1_000_000

    @property
    def max_upload_bytes(self) -> int:
        """Largest accepted file in bytes."""
        return self.max_upload_mb * 1_000_000

    @property
    def max_transfer_bytes(self) -> int:
        """Largest accepted video or archive in bytes; it may come in many pieces."""
        return self.max_transfer_mb * 1_000_000


def load_settings(**flags: object) -> ServingSettings:
    """Return the validated settings; ``flags`` that are None do not count as given.

    Raises:
        ConfigurationError: a value is out of range or not of its type.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return ServingSettings(**given)  # type: ignore[arg-type]  # pydantic validates each value
    except ValidationError as error:
        first = error.errors()[0]
        name = "HAZARDLENS_" + "_".join(str(part) for part in first["loc"]).upper()
        message = f"{name}: {first['msg']}."
        raise ConfigurationError(message, remedy=f"Correct or remove {name}.") from error


def make_data_dir(settings: ServingSettings) -> Path:
    """Create the data folder if need be and return its absolute path.

    Raises:
        ConfigurationError: the folder cannot be created or written.
    """
    folder = settings.resolved_data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write-test-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        message = f"The data folder {folder} cannot be written: {error.strerror}."
        remedy = "Name a writable folder with HAZARDLENS_DATA_DIR."
        raise ConfigurationError(message, remedy=remedy) from error
    return folder


def load_secret_key(settings: ServingSettings) -> str:
    """Return the key that signs sessions, made and kept with mode 0600 on the first call.

    Raises:
        ConfigurationError: ``HAZARDLENS_SECRET_KEY`` is too short to be safe.
    """
    given = settings.secret_key.get_secret_value()
    if given:
        if len(given) < MIN_SECRET_CHARS:
            message = f"HAZARDLENS_SECRET_KEY is shorter than {MIN_SECRET_CHARS} characters."
            raise ConfigurationError(message, remedy="Set a long random value.")
        return given
    path = make_data_dir(settings) / "secret.key"
    if not path.exists():
        _write_secret_once(path)
    return path.read_text(encoding="ascii").strip()


def _write_secret_once(path: Path) -> None:
    """Write a new key whole or not at all; where two processes race, the first one's stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secrets.token_urlsafe(SECRET_BYTES))
        stream.flush()
        os.fsync(stream.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
