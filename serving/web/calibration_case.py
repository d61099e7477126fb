"""A calibration as its page shows it: the box in turn, and what the labels say of its class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from detection.calibration import Estimate, ThresholdFit, load_calibration_settings
from detection.domain.hazard import HazardClass
from detection.taxonomy import load_taxonomy
from serving.db.tables import (
    CalibrationBoxRow,
    CalibrationEventRow,
    CalibrationLabelRow,
    CalibrationRow,
)
from serving.learning.calibration_acts import list_events
from serving.learning.calibration_fits import ClassFit, fit_calibration
from serving.learning.calibration_labels import list_standing, list_suggested
from serving.learning.calibrations_in_force import list_applied
from serving.web.i18n import N_
from serving.web.learning_labels_calibration import REASONS, VERDICTS
from serving.web.rendering import Words

OTHER_KEYS = ("4", "5", "6", "7")

ANYTHING = 0.9
"""An interval of a share that is wider than this says nothing."""

Figure = tuple[str, str]
"""What is most likely, and what is 95 % likely."""


@dataclass(frozen=True, slots=True)
class ClassTab:
    """One class of one model: how many boxes are to be labelled, and how many were.

    ``is_shared``: other models seek the class too, so that it needs the name of the model.
    """

    model: str
    key: HazardClass
    is_shared: bool
    labelled: int
    suggested: int

    def holds(self, box: CalibrationBoxRow) -> bool:
        """Whether a box is one of the class, found by the model."""
        return (box.model_name, box.hazard_class) == (self.model, self.key.value)


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One figure now, as proposed, and its change, each as figure and 95 % interval."""

    name: str
    now: Figure
    proposed: Figure
    change: Figure


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the labels of a class say, in words and figures."""

    kind: str
    verdict: str
    detail: str
    figures: tuple[FigureLine, ...]
    now: float
    proposed: float
    labels: int
    confirmed: int
    raises: bool = False


@dataclass(frozen=True, slots=True)
class BoxCase:
    """The box in turn; ``number`` of ``total`` of its class."""

    box: CalibrationBoxRow
    label: CalibrationLabelRow | None
    number: int
    total: int
    previous_id: int | None
    next_id: int | None
    others: tuple[tuple[str, HazardClass], ...]


def load_case(
    session: Session,
    words: Words,
    row: CalibrationRow,
    models_dir: Path,
    *,
    hazard_class: HazardClass | None,
    model: str | None,
    box_id: int | None,
) -> dict[str, object]:
    """Return what the page shows of one calibration: the class of a model, or the first open."""
    boxes = list_suggested(session, row.id)
    standing = list_standing(session, row.id)
    tabs = _list_tabs(row, boxes, standing)
    chosen = _find_tab(tabs, hazard_class, model)
    own = [box for box in boxes if chosen and chosen.holds(box)]
    only = (chosen.model, chosen.key) if chosen else None
    fits = fit_calibration(session, row, models_dir, only=only) if only else []
    fit = fits[0] if fits else None
    events = list_events(session, row.id)
    applied = [
        event for event in list_applied(session, row.camera_key) if event.calibration_id == row.id
    ]
    return {
        "calibration": row,
        "class_tabs": tabs,
        "chosen": chosen,
        "case": _find_case(own, standing, box_id),
        "fit": fit,
        "outcome": describe_fit(words, fit, fit.fit) if fit else None,
        "raised": describe_fit(words, fit, fit.raised) if fit and fit.offers_raise else None,
        "least_labels": load_calibration_settings().least_labels,
        "alarms_per_miss": load_calibration_settings().cost_of(chosen.key) if chosen else None,
        "is_held": fit is not None and _is_held(fit, applied),
        "events": events,
        "applied_events": applied,
        "withdrawn_ids": {event.undoes for event in events if event.undoes},
    }


def _is_held(fit: ClassFit, applied: Sequence[CalibrationEventRow]) -> bool:
    """Whether what the labels say now was applied."""
    held = {
        (part["model"], part["hazard_class"]): part["threshold"]
        for event in applied
        for part in event.thresholds
    }
    found = fit.fit
    return (
        found is not None
        and held.get((fit.model, fit.hazard_class.value)) == found.proposed.threshold
    )


def describe_fit(words: Words, fit: ClassFit, found: ThresholdFit | None) -> Outcome:
    """Return what labels say in words; without figures where they say nothing yet."""
    if found is None:
        kind = "too_few" if not fit.reason else "nothing"
        detail = words.label(REASONS, fit.reason) if fit.reason else _say_missing(words, fit.more)
        verdict = words.translate(VERDICTS["too_few"])
        return Outcome(kind, verdict, detail, (), fit.threshold, fit.threshold, 0, 0)
    detail = _say_missing(words, found.more) if found.verdict.value == "cannot_tell" else ""
    kind = "guarded" if fit.offers_raise and found is fit.fit else found.verdict.value
    now, then = found.now, found.proposed
    lines = (
        FigureLine(
            words.translate(N_("Recall of what the model sees at all")),
            _recall(words, now.recall),
            _recall(words, then.recall),
            _percent(found.recall_change, signed=True),
        ),
        FigureLine(
            words.translate(N_("False alarms per photo")),
            _number(now.alarms_per_photo),
            _number(then.alarms_per_photo),
            _number(found.alarms_change, signed=True),
        ),
    )
    return Outcome(
        kind,
        words.translate(VERDICTS[kind]),
        detail,
        lines,
        now.threshold,
        then.threshold,
        found.labels,
        found.confirmed,
        raises=then.threshold > now.threshold,
    )


def _say_missing(words: Words, more: int | None) -> str:
    if more is None:
        return words.translate(
            N_("This flight does not show enough of it; calibrate with a later one of the camera.")
        )
    return words.translate_count("Label {num} more box.", "Label {num} more boxes.", more)


def _recall(words: Words, value: Estimate) -> Figure:
    """Return a recall; one that may be anything is none."""
    mean, interval = _percent(value)
    if value.high - value.low > ANYTHING:
        mean = words.translate(N_("Cannot tell"))
    return mean, interval


def _percent(value: Estimate, *, signed: bool = False) -> Figure:
    sign = "+" if signed else ""
    parts = (round(100 * part) + 0 for part in (value.mean, value.low, value.high))
    return _show(*(f"{part:{sign}d}%" for part in parts))


def _number(value: Estimate, *, signed: bool = False) -> Figure:
    sign = "+" if signed else ""
    parts = (round(part, 2) + 0.0 for part in (value.mean, value.low, value.high))
    return _show(*(f"{part:{sign}.2f}" for part in parts))


def _show(mean: str, low: str, high: str) -> Figure:
    minus = "\N{MINUS SIGN}"
    return mean.replace("-", minus), f"{low} … {high}".replace("-", minus)


def _list_tabs(
    row: CalibrationRow,
    boxes: Sequence[CalibrationBoxRow],
    standing: Mapping[int, CalibrationLabelRow],
) -> list[ClassTab]:
    taxonomy = load_taxonomy()
    asked = [
        (str(model["name"]), HazardClass(name))
        for model in row.models
        if isinstance(model["thresholds"], Mapping)
        for name in model["thresholds"]
    ]
    seekers = Counter(key for _, key in asked)
    suggested = Counter((box.model_name, box.hazard_class) for box in boxes)
    labelled = Counter((box.model_name, box.hazard_class) for box in boxes if box.id in standing)
    return [
        ClassTab(
            model, key, seekers[key] > 1, labelled[model, key.value], suggested[model, key.value]
        )
        for model, key in sorted(asked, key=lambda one: taxonomy[one[1]].attention_order)
    ]


def _find_tab(
    tabs: Sequence[ClassTab], hazard_class: HazardClass | None, model: str | None
) -> ClassTab | None:
    """Return the first wanted class with something to label, else with anything at all."""
    own = [
        tab
        for tab in tabs
        if hazard_class in {None, tab.key} and (hazard_class is None or model in {None, tab.model})
    ]
    waiting = [tab for tab in own if tab.labelled < tab.suggested]
    shown = [tab for tab in own if tab.suggested]
    return next(iter([*waiting, *shown, *own]), None)


def _find_case(
    boxes: Sequence[CalibrationBoxRow],
    standing: Mapping[int, CalibrationLabelRow],
    box_id: int | None,
) -> BoxCase | None:
    """Return the wanted box, else the first that is not labelled; None when all are."""
    ids = [box.id for box in boxes]
    if box_id in ids:
        index = ids.index(box_id)
    else:
        waiting = (index for index, number in enumerate(ids) if number not in standing)
        index = next(waiting, -1)
    if index < 0:
        return None
    box = boxes[index]
    own = HazardClass(box.hazard_class)
    others = [key for key in HazardClass if key.thing == own.thing and key is not own]
    return BoxCase(
        box=box,
        label=standing.get(box.id),
        number=index + 1,
        total=len(ids),
        previous_id=ids[index - 1] if index else None,
        next_id=ids[index + 1] if index + 1 < len(ids) else None,
        others=tuple(zip(OTHER_KEYS, others, strict=False)),
    )
