"""The report's texts in both languages, from ``messages.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from detection.domain.errors import ConfigurationError
from detection.domain.photo import IngestFailure, Photo
from detection.domain.reasons import Severity, explain_reason

MESSAGES_PATH = Path(__file__).with_name("messages.yaml")


@dataclass(frozen=True, slots=True)
class Text:
    """One text in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file that was not used, or that lacks something: what happened and what to do."""

    photo_id: str
    code: str
    severity: Severity
    message: Text
    remedy: Text


@dataclass(frozen=True, slots=True)
class Messages:
    """The catalogue."""

    page: Mapping[str, Text]
    severities: Mapping[Severity, Text]
    reasons_zh: Mapping[str, tuple[str, str]]

    def explain(self, code: str, message_en: str = "") -> tuple[Text, Text]:
        """Return what happened and the remedy for a reason code; unknown codes stay English.

        ``message_en`` is the message that came with the row; a detail at its end (a size, the
        name of a twin) is kept in both languages.
        """
        reason = explain_reason(code)
        message_en = message_en or reason.message_en
        detail = message_en.removeprefix(reason.message_en)
        message_zh, remedy_zh = self.reasons_zh.get(code, (reason.message_en, reason.remedy_en))
        if detail != message_en:
            message_zh += detail
        return Text(message_zh, message_en), Text(remedy_zh, reason.remedy_en)


@cache
def load_messages(path: Path = MESSAGES_PATH) -> Messages:
    """Read the catalogue.

    Raises:
        ConfigurationError: the file is missing or damaged.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Messages(
            page={key: Text(**row) for key, row in document["page"].items()},
            severities={Severity(k): Text(**row) for k, row in document["severities"].items()},
            reasons_zh={
                code: (str(row["message"]), str(row["remedy"]))
                for code, row in document["reasons"].items()
            },
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"The message catalogue {path} cannot be read: {error}."
        raise ConfigurationError(message, remedy="Restore the file from the release.") from error


def list_trouble(failures: Iterable[IngestFailure], photos: Iterable[Photo]) -> list[Trouble]:
    """Return a row for every failed file and for every warning of a photo, failures first."""
    messages = load_messages()
    rows = [
        Trouble(
            row.photo_id,
            row.code,
            explain_reason(row.code).severity,
            *messages.explain(row.code, row.message),
        )
        for row in failures
    ]
    rows += [
        Trouble(photo.photo_id, code, Severity.WARNING, *messages.explain(code))
        for photo in photos
        for code in photo.warnings
    ]
    return sorted(rows, key=lambda row: (row.severity is Severity.WARNING, row.code, row.photo_id))
