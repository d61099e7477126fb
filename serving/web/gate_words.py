"""What the gate said of a version, in the language of the page; its figures stay its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from detection.domain.hazard import HazardClass
from serving.web.i18n import N_
from serving.web.rendering import Words

NAMES: Final[dict[str, str]] = {
    "recall": N_("Recall"),
    "held-out boxes": N_("Held-out boxes"),
    "export": N_("Export"),
    "runtimes": N_("Same answers in every runtime"),
    "speed": N_("Speed"),
    "INT8": N_("INT8 weights"),
    "INT8 boxes": N_("INT8 weights, boxes"),
}
STATES: Final[dict[str, str]] = {
    "held": N_("held"),
    "not_held": N_("not held"),
    "told": N_("told only"),
}
_CODES: Final[dict[bool | None, str]] = {True: "held", False: "not_held", None: "told"}

_RECALL = re.compile(
    r"(?P<new>[\d.]+) against (?P<old>[\d.]+) of (?P<boxes>\d+) boxes at no more than "
    r"(?P<alarms>[\d.]+) false alarms per image: (?P<difference>[+-][\d.]+)"
    r"(?P<interval> \[[+-][\d.]+, [+-][\d.]+\])?; a loss of (?P<allowed>[\d.]+) is allowed\."
)
_EVIDENCE = re.compile(
    r"The photos show (?P<boxes>\d+) true boxes; (?P<least>\d+) are needed before a comparison "
    r"counts\.(?: Label \d+ more on photos that no training sees\.)?"
)
_SPEED = re.compile(
    r"(?P<new>[\d.]+) ms per tile against (?P<old>[\d.]+) ms, in turns: (?P<ratio>[\d.]+) times as "
    r"fast \[(?P<low>[\d.]+), (?P<high>[\d.]+)\]; (?P<least>[\d.]+) is the least allowed\."
)
_AGREEMENT = re.compile(
    r"(?:(?P<pair>.+): )(?P<matched>\d+) of (?P<boxes>\d+) boxes matched over (?P<tiles>\d+) "
    r"tiles, largest score error (?P<error>[\d.]+?)(?:, masks overlap by [\d.]+)?\."
)
_INT8 = re.compile(
    r"AP50 (?P<before>[\d.]+) → (?P<after>[\d.]+) \(.*\), (?P<ratio>[\d.]+) times as fast "
    r"\[(?P<low>[\d.]+), (?P<high>[\d.]+)\]; .*"
)
_LINES: Final = (
    (
        _RECALL,
        N_(
            "{new} against {old} of {boxes} boxes, at no more than {alarms} false alarms per "
            "photo: {difference}{interval}; a loss of {allowed} is allowed."
        ),
    ),
    (
        _EVIDENCE,
        N_("The photos show {boxes} true boxes; {least} are needed before a comparison counts."),
    ),
    (
        _SPEED,
        N_(
            "{new} ms per tile against {old} ms: {ratio} times as fast [{low}, {high}]; {least} "
            "is the least allowed."
        ),
    ),
    (
        _AGREEMENT,
        N_(
            "{pair}: {matched} of {boxes} boxes agree over {tiles} tiles, largest score error "
            "{error}."
        ),
    ),
    (_INT8, N_("AP50 {before} → {after}, {ratio} times as fast [{low}, {high}].")),
)
_PLAIN: Final = frozenset(
    {
        N_("The photos show none: nothing can be said."),
        N_("No model of this name is in force to compare with."),
    }
)


@dataclass(frozen=True, slots=True)
class GateLineView:
    """One thing that the gate looked at; ``state`` is empty where nobody wrote it down."""

    name: str
    state: str
    state_word: str
    text: str


def view_manifest_gate(words: Words, promotion: Mapping[str, Any]) -> list[GateLineView]:
    """Return the lines that a manifest keeps; whether each held stands in the run's report only."""
    gate = promotion.get("gate")
    if not isinstance(gate, Mapping):
        return []
    return [
        GateLineView(name_line(words, str(name)), "", "", tell_line(words, str(text)))
        for name, text in gate.items()
    ]


def view_report_gate(words: Words, lines: Sequence[Mapping[str, Any]]) -> list[GateLineView]:
    """Return the lines of the gate in the report of a training."""
    views = []
    for line in lines:
        code = _CODES[line.get("passed")]
        name, text = str(line.get("name", "")), str(line.get("text", ""))
        word = words.label(STATES, code)
        views.append(GateLineView(name_line(words, name), code, word, tell_line(words, text)))
    return views


def name_line(words: Words, name: str) -> str:
    """Return what a line is about; the class of a recall in its own name."""
    kind, _, key = name.partition(" of ")
    if kind == "recall" and key in set(HazardClass):
        return f"{words.label(NAMES, kind)} · {words.class_name(key)}"
    return words.label(NAMES, name)


def tell_line(words: Words, text: str) -> str:
    """Return a line in the language of the page, as it was written where we do not know it."""
    if text in _PLAIN:
        return words.translate(text)
    for pattern, message in _LINES:
        found = pattern.fullmatch(text)
        if found is not None:
            return words.translate(message, **{k: v or "" for k, v in found.groupdict().items()})
    return text
