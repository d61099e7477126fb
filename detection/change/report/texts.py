"""The texts of the report in both languages, from ``messages.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from detection.report.messages import load_messages

MESSAGES_PATH = Path(__file__).with_name("messages.yaml")
LANGUAGES = ("zh", "en")

Both = Mapping[str, str]
"""One text by language."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The catalogue: texts by key, and tables of texts by key of the table."""

    single: Mapping[str, Both]
    tables: Mapping[str, Mapping[str, Both]]

    def of(self, table: str) -> Mapping[str, Both]:
        """Return the texts of one table."""
        return self.tables[table]

    def explain(self, code: str, lang: str) -> tuple[str, str]:
        """Return what a reason code means and what to do."""
        message, remedy = load_messages().explain(code)
        return (message.zh, remedy.zh) if lang == "zh" else (message.en, remedy.en)


@cache
def load_texts() -> Texts:
    """Read the catalogue, which is part of the code."""
    document = yaml.safe_load(MESSAGES_PATH.read_text(encoding="utf-8"))
    return Texts(single=document["texts"], tables=document["tables"])
