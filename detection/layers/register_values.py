"""What one cell of a building register says: storeys, metres, degrees, numbers of permits."""

from __future__ import annotations

import math
import re
import unicodedata

from detection.layers.fields import text_from_value

_DIGITS = {name: value for value, name in enumerate("零一二三四五六七八九")} | {"两": 2}
_UNDERGROUND = re.compile(
    r"(?:(?<=[\s层楼])|^)(?:地下|负|-)\s*[\d一二三四五六七八九十两]+\s*[层fF]?$"
)
_STOREYS = re.compile(
    r"(?:地上|共)?\s*(?P<whole>\d+(?:\.\d+)?|[一二三四五六七八九十两百零]+)\s*"
    r"(?:层|楼|f|F|storeys?|stories|floors?)?\s*(?P<half>半)?"
)
_NUMBER = re.compile(
    r"(?P<number>-?\d[\d,]*(?:\.\d+)?)\s*(?:m|米|m2|㎡|m²|平方米|平米|°|度)?", re.IGNORECASE
)
_BETWEEN_PARTS = re.compile(r"[\s/、,;+]+(?=地下|负|-)")


def plain_text(value: object) -> str:
    """Return a cell as text: full-width signs as plain ones, no spaces round it."""
    return unicodedata.normalize("NFKC", text_from_value(value)).strip()


def storeys_from_cell(value: object, largest: int) -> int | None:
    """Return the storeys above ground of ``3``, ``3层``, ``三层``, ``地上3层/地下1层``, ``三层半``.

    Half a storey counts as one: in doubt more was permitted. None where the cell says anything
    else (``3+1``, ``2-3``, ``0``), for a guess would be held against somebody.
    """
    text = _UNDERGROUND.sub("", _BETWEEN_PARTS.sub(" ", plain_text(value))).strip()
    found = _STOREYS.fullmatch(text)
    if found is None:
        return None
    number = _number_from_words(found["whole"])
    storeys = math.ceil(number + (0.5 if found["half"] else 0.0))
    return storeys if 1 <= storeys <= largest else None


def number_from_cell(value: object, largest: float, *, smallest: float = 0.0) -> float | None:
    """Return a number with or without its unit (``120.5㎡``); None where it cannot be."""
    found = _NUMBER.fullmatch(plain_text(value))
    if found is None:
        return None
    number = float(found["number"].replace(",", ""))
    return number if smallest < number <= largest else None


def _number_from_words(text: str) -> float:
    """Return the number of ``3``, ``3.5``, ``三``, ``十二`` or ``二十``."""
    if text[0].isdigit():
        return float(text)
    hundreds, _, rest = text.rpartition("百")
    tens, ten, ones = rest.rpartition("十")
    number = 100 * _DIGITS.get(hundreds, 0)
    number += 10 * _DIGITS.get(tens.lstrip("零"), 1) if ten else 0
    return float(number + _DIGITS.get(ones.lstrip("零"), 0))
