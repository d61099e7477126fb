"""Two languages: gettext catalogues read from their text form, for templates and scripts."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

WEB_DIR: Final = Path(__file__).resolve().parent
LANGUAGE_COOKIE: Final = "hazardlens_language"
DEFAULT_LANGUAGE: Final = "zh_CN"
# Key of our cookie and catalogue folder -> what the html element's lang attribute says.
LANGUAGES: Final[dict[str, str]] = {"zh_CN": "zh-CN", "en": "en"}


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Mark a string for the catalogue; it is translated where it is shown."""
    return message


def select_language(cookie: str | None) -> str:
    """Return the language a cookie names, or Chinese where it names none of ours."""
    return cookie if cookie in LANGUAGES else DEFAULT_LANGUAGE


@cache
def load_translations(language: str) -> NullTranslations:
    """Return the catalogue of ``language``; English needs none, its texts are the keys."""
    path = WEB_DIR / "locale" / language / "LC_MESSAGES" / "messages.po"
    if not path.is_file():
        return NullTranslations()
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(fp=compiled)


@cache
def list_script_messages() -> tuple[str, ...]:
    """Return every message that our scripts pass to ``_``, sorted."""
    found = extract_from_dir(
        str(WEB_DIR / "static" / "js"),
        method_map=[("**.js", "javascript")],
        keywords={"_": None},
        directory_filter=lambda _: True,
    )
    return tuple(sorted({message for _, _, message, _, _ in found if isinstance(message, str)}))


@cache
def render_script_catalogue(language: str) -> str:
    """Return the scripts' messages as a JSON object ``{English: translated}``.

    ``<`` is escaped so that the text can stand inside a script element.
    """
    translations = load_translations(language)
    messages = {text: translations.gettext(text) for text in list_script_messages()}
    return json.dumps(messages, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")
