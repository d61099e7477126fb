"""Gather every message that the pages can show, and keep the Chinese catalogue complete.

``python -m serving.web.catalogue`` adds messages that are new to the catalogue, drops those that
nothing uses any more, and reports how many still wait for a translation.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from detection.domain.reasons import REASONS
from serving.web.i18n import WEB_DIR

CATALOGUE_PATH = WEB_DIR / "locale" / "zh_CN" / "LC_MESSAGES" / "messages.po"
MessageId = str | tuple[str, ...]

_KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "translate_count": (1, 2),
}
_METHODS = (("static/js/**.js", "javascript"), ("templates/**.html", "jinja2"), ("*.py", "python"))
_LINE_WIDTH = 100


def collect_messages() -> set[MessageId]:
    """Return every message of templates, scripts and code, and the text of every reason."""
    found = extract_from_dir(
        str(WEB_DIR),
        method_map=list(_METHODS),
        keywords=dict(_KEYWORDS),
        directory_filter=lambda path: Path(path).name not in {"vendor", "locale", "__pycache__"},
    )
    messages: set[MessageId] = {message for _, _, message, _, _ in found if message}
    for reason in REASONS.values():
        messages |= {reason.message_en, reason.remedy_en} - {""}
    return messages


def read_catalogue(path: Path = CATALOGUE_PATH) -> Catalog:
    """Return the Chinese catalogue; an empty one where there is none yet."""
    if not path.is_file():
        return Catalog(locale="zh_CN", project="hazardlens", fuzzy=False)
    with path.open("rb") as source:
        return read_po(source, locale="zh_CN")


def list_untranslated(catalogue: Catalog, messages: set[MessageId]) -> list[MessageId]:
    """Return the messages without a text in ``catalogue``, sorted."""
    return sorted((each for each in messages if not _has_text(catalogue, each)), key=str)


def update_catalogue(catalogue: Catalog, messages: set[MessageId]) -> Catalog:
    """Return a catalogue of exactly ``messages``, sorted, keeping the texts that are there."""
    updated = Catalog(locale="zh_CN", project="hazardlens", fuzzy=False)
    for message in sorted(messages, key=str):
        known = catalogue.get(message[0] if isinstance(message, tuple) else message)
        updated.add(message, known.string if known else None)
    return updated


def main(path: Path = CATALOGUE_PATH) -> int:
    """Rewrite the catalogue; the exit status is 1 while a translation is missing."""
    messages = collect_messages()
    catalogue = update_catalogue(read_catalogue(path), messages)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        write_po(target, catalogue, width=_LINE_WIDTH, omit_header=True, sort_output=True)
    missing = list_untranslated(catalogue, messages)
    sys.stdout.write(f"catalogue: {len(messages)} messages, {len(missing)} without Chinese\n")
    return 1 if missing else 0


def _has_text(catalogue: Catalog, message: MessageId) -> bool:
    known = catalogue.get(message[0] if isinstance(message, tuple) else message)
    if known is None or known.fuzzy:
        return False
    texts = known.string if isinstance(known.string, (list, tuple)) else (known.string,)
    return bool(texts) and all(texts)


if __name__ == "__main__":
    sys.exit(main())
