"""The class guide: what counts as a class and what does not, each with a drawing of ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detection.domain.hazard import HazardClass
from detection.taxonomy import TaxonomyEntry, load_taxonomy


@dataclass(frozen=True, slots=True)
class Example:
    """One line of the guide and its drawing: a part of ``static/guide/<class>.svg``."""

    text: str
    drawing: str


@dataclass(frozen=True, slots=True)
class ClassGuide:
    """What a class is, in the language of the page."""

    hazard_class: HazardClass
    is_hazard: bool
    name: str
    definition: str
    include: tuple[Example, ...]
    exclude: tuple[Example, ...]


def choose_guide(entry: TaxonomyEntry, language: str) -> ClassGuide:
    """Return the guide of one class."""
    is_english = language == "en"
    key = entry.hazard_class.value
    return ClassGuide(
        hazard_class=entry.hazard_class,
        is_hazard=entry.is_hazard,
        name=entry.name_en if is_english else entry.name_zh,
        definition=entry.definition_en if is_english else entry.definition_zh,
        include=_illustrate(key, "in", entry.include_en if is_english else entry.include_zh),
        exclude=_illustrate(key, "out", entry.exclude_en if is_english else entry.exclude_zh),
    )


def list_guides(language: str) -> list[ClassGuide]:
    """Return the guides of all classes, in the order of attention."""
    entries = sorted(load_taxonomy().values(), key=lambda entry: entry.attention_order)
    return [choose_guide(entry, language) for entry in entries]


def _illustrate(key: str, part: str, texts: Iterable[str]) -> tuple[Example, ...]:
    """Pair the lines with their drawings, which are numbered as the taxonomy orders the lines."""
    return tuple(
        Example(text, f"guide/{key}.svg#{part}{number}") for number, text in enumerate(texts, 1)
    )
