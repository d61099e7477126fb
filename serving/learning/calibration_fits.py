"""What the labels of a calibration say of every class: figures with their errors, or why none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.calibration import (
    ScoredBox,
    ThresholdFit,
    Verdict,
    fit_threshold,
    load_calibration_settings,
    make_prior,
)
from detection.calibration.posterior import Prior
from detection.detectors.manifest import ModelManifest, select_manifests
from detection.domain.errors import ModelError
from detection.domain.hazard import HazardClass
from serving.db.tables import CalibrationBoxRow, CalibrationRow
from serving.learning.calibration_labels import Answer, list_standing

NO_BOXES = "no_boxes"
NO_CURVE = "no_curve"


@dataclass(frozen=True, slots=True)
class ClassFit:
    """One class of one model in a calibration.

    ``suggested`` boxes are to be labelled, ``labelled`` of them were, ``unsure`` of those without
    an answer. ``fit`` is what the labels say, None with fewer labels than say anything (``more``
    are missing; None: the flight has not so many) or for a ``reason``. Of a guarded class ``fit``
    never raises the threshold; ``raised`` does, and needs an engineer's word.
    """

    model: str
    version: str
    hazard_class: HazardClass
    threshold: float
    boxes: int
    suggested: int
    labelled: int
    unsure: int
    is_guarded: bool
    more: int | None = None
    reason: str = ""
    fit: ThresholdFit | None = None
    raised: ThresholdFit | None = None

    @property
    def offers_change(self) -> bool:
        """Whether another threshold is borne out without anything to confirm."""
        return self.fit is not None and self.fit.verdict is Verdict.CHANGE

    @property
    def offers_raise(self) -> bool:
        """Whether a higher threshold of a guarded class is borne out."""
        return (
            self.raised is not None
            and self.raised.verdict is Verdict.CHANGE
            and self.raised.proposed.threshold > self.threshold
        )


@dataclass(frozen=True, slots=True)
class _Said:
    """All boxes by model and class, and what people say of them by number."""

    boxes: Mapping[tuple[str, str], Sequence[CalibrationBoxRow]]
    standing: Mapping[int, Answer]

    def boxes_of(
        self, model: Mapping[str, object], key: HazardClass
    ) -> Sequence[CalibrationBoxRow]:
        return self.boxes.get((str(model["name"]), key.value), ())


def fit_calibration(
    session: Session,
    row: CalibrationRow,
    models_dir: Path,
    only: tuple[str, HazardClass] | None = None,
) -> list[ClassFit]:
    """Return every class of every model that looked, in the models' order.

    ``only`` the class of the model with that name. A class may be that of several models.
    """
    answers = {
        box_id: Answer(str(label.answer))
        for box_id, label in list_standing(session, row.id).items()
    }
    said = _Said(_load_boxes(session, row.id), answers)
    return [
        _fit_class(row, model, key, said, models_dir=models_dir)
        for model in row.models
        for key in map(HazardClass, _thresholds_of(model))
        if only in {None, (str(model["name"]), key)}
    ]


def _thresholds_of(model: Mapping[str, object]) -> Mapping[str, float]:
    found = model["thresholds"]
    return found if isinstance(found, Mapping) else {}


def _load_boxes(
    session: Session, calibration_id: int
) -> dict[tuple[str, str], list[CalibrationBoxRow]]:
    wanted = select(CalibrationBoxRow).where(CalibrationBoxRow.calibration_id == calibration_id)
    found: dict[tuple[str, str], list[CalibrationBoxRow]] = {}
    for box in session.scalars(wanted.order_by(CalibrationBoxRow.id)):
        found.setdefault((box.model_name, box.hazard_class), []).append(box)
    return found


def _fit_class(
    row: CalibrationRow,
    model: Mapping[str, object],
    key: HazardClass,
    said: _Said,
    *,
    models_dir: Path,
) -> ClassFit:
    boxes, standing = said.boxes_of(model, key), said.standing
    settings = load_calibration_settings()
    own = {box.id: standing[box.id] for box in boxes if box.id in standing}
    counts = Counter(own.values())
    decided = counts[Answer.YES] + counts[Answer.NO]
    name, version = str(model["name"]), str(model["version"])
    threshold = float(_thresholds_of(model)[key.value])
    plain = ClassFit(
        model=name,
        version=version,
        hazard_class=key,
        threshold=threshold,
        boxes=len(boxes),
        suggested=sum(box.ordinal is not None for box in boxes),
        labelled=len(own),
        unsure=counts[Answer.UNSURE],
        is_guarded=key in settings.guarded,
    )
    if not boxes:
        return replace(plain, reason=NO_BOXES)
    missing = settings.least_labels - decided
    if missing > 0:
        left = len(boxes) - len(own)
        return replace(plain, more=missing if missing <= left else None)
    prior = _find_prior(name, version, key, models_dir)
    if prior is None:
        return replace(plain, reason=NO_CURVE)
    scored = [ScoredBox(str(box.id), box.score, box.place) for box in boxes]
    labels = {
        str(box_id): answer is Answer.YES
        for box_id, answer in own.items()
        if answer is not Answer.UNSURE
    }

    def fit(*, may_raise: bool) -> ThresholdFit:
        return fit_threshold(
            scored,
            labels,
            prior,
            threshold=threshold,
            photos=max(1, row.done),
            alarms_per_miss=settings.cost_of(key),
            least_labels=settings.least_labels,
            may_raise=may_raise,
        )

    found = fit(may_raise=not plain.is_guarded)
    raised = fit(may_raise=True) if plain.is_guarded else None
    return replace(plain, more=found.more, fit=found, raised=raised)


def _find_prior(name: str, version: str, key: HazardClass, models_dir: Path) -> Prior | None:
    """Return what is known of the version that looked; None where it is gone or has no curve."""
    try:
        manifest: ModelManifest = select_manifests((f"{name}@{version}",), models_dir)[0]
    except ModelError:
        return None
    return make_prior(manifest, key, load_calibration_settings())
