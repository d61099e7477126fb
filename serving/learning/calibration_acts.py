"""Propose thresholds, apply them, take them back: one event in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.calibration import ThresholdFit
from detection.detectors.manifest import list_manifests
from detection.domain.hazard import HazardClass
from serving.audit.log import Subject, record
from serving.db.repeats import find_repeat
from serving.db.tables import CalibrationEventRow, CalibrationRow, FlightRow
from serving.learning.calibration_errors import (
    CalibrationChangedError,
    CalibrationGuardedError,
    CalibrationModelError,
    CalibrationNoSiteError,
    CalibrationNotAppliedError,
    CalibrationOutdatedError,
    CalibrationUndecidedError,
)
from serving.learning.calibration_fits import ClassFit, fit_calibration
from serving.learning.calibration_labels import Labeller
from serving.learning.calibrations import lock_ready
from serving.learning.calibrations_in_force import list_applied
from serving.review.errors import KeyReusedError

THRESHOLD_ERROR = 1e-6


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to hold: classes with the thresholds that they saw.

    ``model`` is the one whose thresholds they are; it may be None where no class is that of
    several. ``raised`` are the guarded classes of which they confirm in so many words that the
    threshold rises; ``only_site`` bounds it to flights of the same site.
    """

    thresholds: Mapping[HazardClass, float]
    model: str | None = None
    raised: frozenset[HazardClass] = frozenset()
    only_site: bool = False
    note: str | None = None


def propose(
    session: Session, person: Labeller, calibration_id: int, wanted: Wanted, models_dir: Path
) -> CalibrationEventRow:
    """Write that a person proposes thresholds; nothing changes until an engineer applies them.

    Raises:
        HazardLensError: as :func:`apply` does.
    """
    return _write(session, person, calibration_id, wanted, models_dir, kind="propose")


def apply(
    session: Session, person: Labeller, calibration_id: int, wanted: Wanted, models_dir: Path
) -> CalibrationEventRow:
    """Have thresholds hold from the next photos of the camera on; the same key again is harmless.

    Raises:
        CalibrationNotFoundError: there is no such calibration.
        CalibrationNotReadyError: nothing was labelled yet.
        CalibrationOutdatedError: another version of the model is in force.
        CalibrationUndecidedError: the labels do not bear a threshold out.
        CalibrationGuardedError: a guarded threshold would rise and nobody confirmed it.
        CalibrationModelError: several models seek the class, and none was named.
        CalibrationChangedError: the thresholds are others than those that were seen.
        CalibrationNoSiteError: it is to hold for a site, and the flight names none.
        KeyReusedError: the key names another act.
    """
    return _write(session, person, calibration_id, wanted, models_dir, kind="apply")


def withdraw(
    session: Session, person: Labeller, calibration_id: int, note: str | None = None
) -> CalibrationEventRow:
    """Take back what was applied last; what held before holds again.

    Raises:
        CalibrationNotFoundError: there is no such calibration.
        CalibrationNotAppliedError: nothing of it is applied.
        KeyReusedError: the key names another act.
    """
    row = lock_ready(session, calibration_id)
    earlier = _find_by_key(session, person, calibration_id, "withdraw")
    if earlier is not None:
        return earlier
    standing = [
        event
        for event in list_applied(session, row.camera_key)
        if event.calibration_id == calibration_id
    ]
    if not standing:
        raise CalibrationNotAppliedError
    event = CalibrationEventRow(
        calibration_id=row.id, kind="withdraw", undoes=standing[-1].id, note=note or None
    )
    return _append(session, person, row, event, before=standing[-1])


def list_events(session: Session, calibration_id: int) -> list[CalibrationEventRow]:
    """Return what was done with the figures of a calibration, the latest first."""
    wanted = select(CalibrationEventRow).where(CalibrationEventRow.calibration_id == calibration_id)
    return list(session.scalars(wanted.order_by(CalibrationEventRow.id.desc())))


def _write(
    session: Session,
    person: Labeller,
    calibration_id: int,
    wanted: Wanted,
    models_dir: Path,
    *,
    kind: str,
) -> CalibrationEventRow:
    row = lock_ready(session, calibration_id)
    earlier = _find_by_key(session, person, calibration_id, kind)
    if earlier is not None:
        return earlier
    in_force = {model.name: model.version for model in list_manifests(models_dir)}
    fits = fit_calibration(session, row, models_dir)
    parts = [
        _choose(
            key,
            score,
            _find_fit(fits, key, wanted.model),
            in_force,
            is_confirmed=key in wanted.raised,
        )
        for key, score in wanted.thresholds.items()
    ]
    event = CalibrationEventRow(
        calibration_id=row.id,
        kind=kind,
        thresholds=parts,
        site=_find_site(session, row.flight_id) if wanted.only_site else None,
        raised=sorted(key.value for key in wanted.raised if key in wanted.thresholds),
        note=wanted.note or None,
    )
    return _append(session, person, row, event)


def _find_site(session: Session, flight_id: int) -> str:
    site = session.scalars(select(FlightRow.site).where(FlightRow.id == flight_id)).one()
    if not site:
        raise CalibrationNoSiteError
    return site


def _find_fit(fits: Sequence[ClassFit], key: HazardClass, model: str | None) -> ClassFit | None:
    """Return what the labels of a class say of a model, or of the only one that seeks it."""
    found = [fit for fit in fits if fit.hazard_class is key and model in {None, fit.model}]
    if len(found) > 1:
        raise CalibrationModelError(key.value)
    return found[0] if found else None


def _choose(
    key: HazardClass,
    score: float,
    fit: ClassFit | None,
    in_force: Mapping[str, str],
    *,
    is_confirmed: bool,
) -> dict[str, object]:
    """Return one threshold as it is stored, borne out by the figures of now."""
    if fit is None:
        raise CalibrationUndecidedError(key.value, None)
    if in_force.get(fit.model) != fit.version:
        raise CalibrationOutdatedError(fit.model)
    if score > fit.threshold and fit.is_guarded and not is_confirmed:
        raise CalibrationGuardedError(key.value)
    raises = is_confirmed and fit.offers_raise and score > fit.threshold
    chosen = fit.raised if raises else fit.fit
    if chosen is None or not (raises or fit.offers_change):
        raise CalibrationUndecidedError(key.value, fit.more)
    if abs(chosen.proposed.threshold - score) > THRESHOLD_ERROR:
        raise CalibrationChangedError(key.value)
    return {
        "model": fit.model,
        "version": fit.version,
        "hazard_class": key.value,
        "threshold": chosen.proposed.threshold,
        "model_threshold": fit.threshold,
        "raise_confirmed": raises,
        "figures": _figures(chosen),
    }


def _figures(fit: ThresholdFit) -> dict[str, object]:
    """Return the figures on which somebody acted, rounded to what they are good for."""
    plain = asdict(fit) | {"verdict": fit.verdict.value}
    return {name: _round(value) for name, value in plain.items()}


def _round(value: object) -> object:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _round(each) for name, each in value.items()}
    return value


def _append(
    session: Session,
    person: Labeller,
    row: CalibrationRow,
    event: CalibrationEventRow,
    *,
    before: CalibrationEventRow | None = None,
) -> CalibrationEventRow:
    event.user_id, event.username = person.user_id, person.actor.username
    event.role, event.idempotency_key = person.actor.role, person.idempotency_key
    session.add(event)
    session.flush()
    record(
        session,
        person.actor,
        f"{event.kind}_calibration",
        Subject("calibration", str(row.id)),
        before={"event": before.id, "thresholds": before.thresholds} if before else None,
        after={
            "event": event.id,
            "camera": row.camera_key,
            "site": event.site,
            "thresholds": event.thresholds,
            "raised": event.raised,
            "note": event.note,
        },
    )
    return event


def _find_by_key(
    session: Session, person: Labeller, calibration_id: int, kind: str
) -> CalibrationEventRow | None:
    earlier = find_repeat(session, CalibrationEventRow, person.user_id, person.idempotency_key)
    if earlier is not None and (earlier.calibration_id, earlier.kind) != (calibration_id, kind):
        raise KeyReusedError
    return earlier
