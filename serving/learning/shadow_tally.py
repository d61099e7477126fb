"""How far a shadow model and the one in force agree, and which people found right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scipy.stats import binomtest
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from serving.db.tables import FlightRow, PhotoRow, ShadowComparisonRow, ShadowDifferenceRow
from serving.learning.shadow_errors import DifferenceNotFoundError
from serving.learning.shadow_judgements import OPEN, Judgement
from serving.review.blind.figures import Share, measure_share

Verdict = Literal["too_few", "no_difference", "shadow", "current"]

MIN_JUDGED = 10
"""With fewer clear judgements the tally says nothing yet."""

SIGNIFICANCE = 0.05


@dataclass(frozen=True, slots=True)
class Agreement:
    """Photos that both looked at and boxes of both, of the shadow model only, of the other only.

    ``share`` is the share of all boxes that both have. Its interval takes boxes as independent,
    which those of one photo are not: it is the narrowest that could be true.
    """

    photos: int
    both: int
    only_shadow: int
    only_current: int

    @property
    def share(self) -> Share:
        """Boxes of both among all boxes."""
        return measure_share(self.both, self.both + self.only_shadow + self.only_current)


@dataclass(frozen=True, slots=True)
class FlightAgreement:
    """How far the two agree on one flight, and what of it is still to be judged."""

    flight_id: int
    flight_name: str
    agreement: Agreement
    open: int


@dataclass(frozen=True, slots=True)
class ShadowTally:
    """What people said of the differences of one shadow model.

    They are judged in an order drawn by lot, so that the judged ones are a fair sample of all.
    ``share`` is that of "the shadow model is right" among the clear judgements (Wilson, 95 %),
    ``p_value`` how likely so clear a result would be if both were right equally often (exact
    two-sided sign test).
    """

    counts: Mapping[Judgement, int]
    open: int

    @property
    def share(self) -> Share:
        """The shadow model's share of the clear judgements."""
        right = self.counts[Judgement.SHADOW]
        return measure_share(right, right + self.counts[Judgement.CURRENT])

    @property
    def p_value(self) -> float | None:
        """The sign test; None where nothing was judged clearly."""
        share = self.share
        return float(binomtest(share.hits, share.count).pvalue) if share.count else None

    @property
    def verdict(self) -> Verdict:
        """``shadow``, ``current``, ``no_difference`` so far, or ``too_few`` judged."""
        share, p_value = self.share, self.p_value
        if p_value is None or share.count < MIN_JUDGED:
            return "too_few"
        if p_value >= SIGNIFICANCE:
            return "no_difference"
        return "shadow" if share.hits * 2 > share.count else "current"


@dataclass(frozen=True, slots=True)
class ShadowModel:
    """A shadow model that was compared, with its figures over all flights."""

    name: str
    version: str
    agreement: Agreement
    tally: ShadowTally


_COMPARED = and_(
    PhotoRow.id == ShadowComparisonRow.photo_id, PhotoRow.run == ShadowComparisonRow.run
)
_DIFFERS = and_(
    PhotoRow.id == ShadowDifferenceRow.photo_id, PhotoRow.run == ShadowDifferenceRow.run
)
"""What belongs to the processing of a photo that stands; earlier ones count no more."""

_SUMS = (
    func.count(),
    func.sum(ShadowComparisonRow.both),
    func.sum(ShadowComparisonRow.only_shadow),
    func.sum(ShadowComparisonRow.only_current),
)


def list_shadow_models(session: Session) -> list[ShadowModel]:
    """Return every shadow model that was compared, by name and version."""
    key = (ShadowComparisonRow.model_name, ShadowComparisonRow.version)
    rows = session.execute(
        select(*key, *_SUMS).join(PhotoRow, _COMPARED).group_by(*key).order_by(*key)
    )
    return [
        ShadowModel(
            name,
            version,
            Agreement(photos, int(both), int(only_shadow), int(only_current)),
            tally_judgements(session, name, version),
        )
        for name, version, photos, both, only_shadow, only_current in rows
    ]


def list_flights(session: Session, name: str, version: str) -> list[FlightAgreement]:
    """Return the flights of a shadow model, the newest first."""
    open_ones = Counter(
        session.scalars(
            select(ShadowDifferenceRow.flight_id)
            .join(PhotoRow, _DIFFERS)
            .where(*_of_model(name, version), ShadowDifferenceRow.state == OPEN)
        )
    )
    rows = session.execute(
        select(FlightRow.id, FlightRow.name, *_SUMS)
        .select_from(ShadowComparisonRow)
        .join(PhotoRow, _COMPARED)
        .join(FlightRow, FlightRow.id == ShadowComparisonRow.flight_id)
        .where(ShadowComparisonRow.model_name == name, ShadowComparisonRow.version == version)
        .group_by(FlightRow.id)
        .order_by(FlightRow.id.desc())
    )
    return [
        FlightAgreement(
            flight_id,
            title,
            Agreement(photos, int(both), int(only_shadow), int(only_current)),
            open_ones[flight_id],
        )
        for flight_id, title, photos, both, only_shadow, only_current in rows
    ]


def tally_judgements(session: Session, name: str, version: str) -> ShadowTally:
    """Return what people said of the differences of one shadow model, over all flights."""
    rows = session.execute(
        select(ShadowDifferenceRow.state, func.count())
        .join(PhotoRow, _DIFFERS)
        .where(*_of_model(name, version))
        .group_by(ShadowDifferenceRow.state)
    )
    counts: Counter[str] = Counter()
    for state, count in rows:
        counts[state] = count
    return ShadowTally(
        {judgement: counts[judgement.value] for judgement in Judgement}, counts[OPEN]
    )


def get_difference(session: Session, difference_id: int) -> ShadowDifferenceRow:
    """Return a difference.

    Raises:
        DifferenceNotFoundError: there is none of that number.
    """
    row = session.get(ShadowDifferenceRow, difference_id)
    if row is None:
        raise DifferenceNotFoundError(difference_id)
    return row


def list_open(
    session: Session, name: str, version: str, *, flight_id: int | None, limit: int
) -> list[ShadowDifferenceRow]:
    """Return differences that nobody has judged, in the order that was drawn by lot."""
    statement = (
        select(ShadowDifferenceRow)
        .join(PhotoRow, _DIFFERS)
        .where(*_of_model(name, version), ShadowDifferenceRow.state == OPEN)
        .order_by(ShadowDifferenceRow.lot, ShadowDifferenceRow.id)
        .limit(limit)
    )
    if flight_id is not None:
        statement = statement.where(ShadowDifferenceRow.flight_id == flight_id)
    return list(session.scalars(statement))


def _of_model(name: str, version: str) -> tuple[ColumnElement[bool], ...]:
    return ShadowDifferenceRow.model_name == name, ShadowDifferenceRow.version == version
