"""The report of a training as a page shows it: both models side by side, differences drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from detection.domain.hazard import HazardClass
from serving.web.gate_words import GateLineView, view_report_gate
from serving.web.i18n import N_
from serving.web.learning_labels_training import FACETS, LEFT_OUT, SIDES, VERDICTS
from serving.web.rendering import Words

HALF: Final = 50.0
POINT: Final = 1.6
FIGURES: Final = ("recall", "false_alarms_per_photo", "ap50")
SMALL_IS_GOOD: Final = frozenset({"false_alarms_per_photo"})
NONE: Final = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class VerdictView:
    """Better, worse or cannot tell, with the sentence that says of what."""

    code: str
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """How a figure changed; the bar runs from 0 to 100 with no change at 50.

    ``tone`` is ``good`` or ``bad`` only where the interval does not reach zero.
    """

    text: str
    interval: str
    tone: str
    low: float | None
    width: float
    point_x: float


@dataclass(frozen=True, slots=True)
class FigureView:
    """One figure of both models and what changed."""

    key: str
    running: str
    candidate: str
    difference: DifferenceView


@dataclass(frozen=True, slots=True)
class RowView:
    """A class, or a slice of the photos, with how much it rests on."""

    name: str
    counted: str
    figures: tuple[FigureView, ...]
    verdict: VerdictView


@dataclass(frozen=True, slots=True)
class SetView:
    """One set of photos on which both models were measured."""

    title: str
    note: str
    photos: int
    groups: int
    negatives: int
    has_truth: bool
    verdict: VerdictView
    classes: tuple[RowView, ...]
    slices: tuple[RowView, ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """Everything that the page shows of a report."""

    verdict: VerdictView
    version: str
    against: str
    started_from: str
    sets: tuple[SetView, ...]
    gate: tuple[GateLineView, ...]
    gate_passed: bool | None
    gate_photos: int
    data_version: str
    sides: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, int], ...]
    replay: tuple[tuple[str, bool], ...]


def view_report(words: Words, report: Mapping[str, Any]) -> ReportView:
    """Return a report as it is shown.

    Raises:
        KeyError, TypeError: it is not of the schema.
    """
    candidate, data, gate = report["candidate"], report.get("data") or {}, report.get("gate") or {}
    return ReportView(
        verdict=_verdict(words, report["verdict"]),
        version=str(candidate["version"]),
        against=str(report["running"]["version"]),
        started_from=str(candidate.get("started_from", "")),
        sets=tuple(_set(words, each) for each in report.get("sets", [])),
        gate=tuple(view_report_gate(words, gate.get("lines", []))),
        gate_passed=gate.get("passed"),
        gate_photos=int(gate.get("photos") or 0),
        data_version=str(data.get("version", "")),
        sides=tuple(_sides(words, data.get("counts") or {})),
        left_out=tuple(
            (words.label(LEFT_OUT, str(each["code"])), int(each["count"]))
            for each in data.get("left_out", [])
        ),
        replay=tuple(
            (str(each["source"]), bool(each.get("in_reach"))) for each in data.get("replay", [])
        ),
    )


def draw_difference(difference: Mapping[str, Any], *, small_is_good: bool) -> DifferenceView:
    """Return a difference with its interval; a bar's half is the largest reach, 0.1 at least."""
    value, low, high = (difference.get(name) for name in ("value", "low", "high"))
    if value is None:
        return DifferenceView(NONE, "", "", None, 0.0, HALF)
    if low is None or high is None:
        return DifferenceView(f"{value:+.3f}", "", "", None, 0.0, HALF)
    reach = max(abs(low), abs(high), 0.1)
    is_better = (high < 0) if small_is_good else (low > 0)
    is_worse = (low > 0) if small_is_good else (high < 0)
    return DifferenceView(
        text=f"{value:+.3f}",
        interval=f"[{low:+.3f}, {high:+.3f}]",
        tone="good" if is_better else "bad" if is_worse else "",
        low=round(HALF + HALF * low / reach, 2),
        width=round(HALF * (high - low) / reach, 2),
        point_x=round(min(max(HALF + HALF * value / reach - POINT / 2, 0.0), 100.0 - POINT), 2),
    )


def _set(words: Words, each: Mapping[str, Any]) -> SetView:
    classes = tuple(
        _row(words, row, words.class_name(row["class"]), row.get("boxes"))
        for row in each.get("classes", [])
    )
    if each.get("whole"):
        name = words.translate(N_("All hazard classes"))
        whole = {**each["whole"], "verdict": each["verdict"]}
        classes = (_row(words, whole, name, whole.get("boxes")), *classes)
    slices = tuple(
        _row(
            words,
            row,
            f"{words.label(FACETS, row['facet'])} · {row['value']}",
            row.get("boxes"),
            row.get("photos"),
        )
        for row in each.get("slices", [])
    )
    return SetView(
        title=pick_text(words, each["title"]),
        note=pick_text(words, each.get("note")),
        photos=int(each.get("photos") or 0),
        groups=int(each.get("groups") or 0),
        negatives=int(each.get("negatives") or 0),
        has_truth=bool(each.get("has_truth", True)),
        verdict=_verdict(words, each["verdict"]),
        classes=classes,
        slices=slices,
    )


def _row(
    words: Words, row: Mapping[str, Any], name: str, boxes: object, photos: object = None
) -> RowView:
    counted = (
        []
        if photos is None
        else [words.translate_count("{num} photo", "{num} photos", _int(photos))]
    )
    if boxes is not None:
        counted.append(words.translate_count("{num} box", "{num} boxes", _int(boxes)))
    if row.get("groups") is not None:
        counted.append(words.translate_count("{num} place", "{num} places", _int(row["groups"])))
    return RowView(name, " · ".join(counted), tuple(_figures(row)), _verdict(words, row["verdict"]))


def _figures(row: Mapping[str, Any]) -> Sequence[FigureView]:
    running, candidate = row.get("running") or {}, row.get("candidate") or {}
    differences = row.get("difference") or {}
    return [
        FigureView(
            key,
            _number(running.get(key)),
            _number(candidate.get(key)),
            draw_difference(differences.get(key) or {}, small_is_good=key in SMALL_IS_GOOD),
        )
        for key in FIGURES
    ]


def _verdict(words: Words, verdict: Mapping[str, Any]) -> VerdictView:
    code = str(verdict["code"])
    return VerdictView(code, words.label(VERDICTS, code), pick_text(words, verdict.get("sentence")))


def _sides(words: Words, counts: Mapping[str, Mapping[str, Any]]) -> Sequence[tuple[str, str]]:
    sides = []
    for side, counted in counts.items():
        parts = [words.translate_count("{num} photo", "{num} photos", _int(counted.get("photos")))]
        for key, count in counted.items():
            if key in set(HazardClass):
                parts.append(f"{words.class_name(key)} {count}")
        sides.append((words.label(SIDES, side), " · ".join(parts)))
    return sides


def pick_text(words: Words, texts: object) -> str:
    """Return a text that the command wrote in both languages."""
    if not isinstance(texts, Mapping):
        return "" if texts is None else str(texts)
    return str(texts.get("en" if words.language == "en" else "zh") or texts.get("en") or "")


def _number(value: object) -> str:
    return NONE if value is None else f"{float(str(value)):.3f}"


def _int(value: object) -> int:
    return int(str(value or 0))
