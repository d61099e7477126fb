"""A selection and a look at the drift, for pages that only look; no flight is added for them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from sqlalchemy import select

from serving.audit.log import Actor
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import UserRow
from serving.learning.drift import Counted, DriftRules, State, judge_drift
from serving.learning.drift_store import store_check
from serving.learning.selection import add_selection, store_picks
from serving.learning.selection_choice import choose_photos
from serving.learning.selection_wish import SelectionWish
from serving.learning.slices import Dimension


def seed_learning(database_url: str) -> None:
    """Choose photos among the candidates that there are, and raise an alarm of drift."""
    engine = open_engine(database_url)
    wish = SelectionWish(budget=6, empty_share=0.2)
    with make_sessions(engine).begin() as session:
        user = session.scalars(select(UserRow).where(UserRow.username == "enno")).one()
        row, _ = add_selection(session, Actor(user.id, user.username, user.role), wish)
        picks, summary = choose_photos(session, wish, seed=1)
        store_picks(session, row, picks, summary)
        rules, counted = DriftRules(), _count()
        findings = judge_drift(counted, rules, np.random.default_rng(0))
        store_check(session, findings, counted, rules, datetime.now(UTC))
    engine.dispose()


def _count() -> list[Counted]:
    """Return 15 earlier flights of which half is confirmed, and 5 recent ones with a tenth."""
    rows = []
    for flight in range(1, 21):
        is_recent = flight > 15
        confirmed = 1 if is_recent else 5
        shown: list[tuple[State, int]] = [("confirmed", confirmed), ("rejected", 10 - confirmed)]
        values = {
            Dimension.CAMERA: "FC3582" if flight % 2 else "M3E",
            Dimension.ALTITUDE: "30-60",
            Dimension.MODEL: "facade_crack@" + "a" * 12,
        }
        rows += [
            Counted("facade_crack", flight, is_recent, values, 6 + flight % 9, state, count)
            for state, count in shown
        ]
    return rows
