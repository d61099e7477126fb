"""The audit log: what was sealed is what the database gives back, in one chain, whoever acts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from serving.audit.chain import FIRST_HASH
from serving.audit.check import check_log
from serving.audit.entries import Head, each_entry, read_head
from serving.audit.log import SERVICE, Actor, Subject, record
from serving.audit.verify import verify_entries
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import UserRow

LI = Actor(7, "li", "reviewer")
THING = Subject("candidate", "1")

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def own_sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    engine = open_engine(database_url, pool_size=20)
    yield make_sessions(engine)
    engine.dispose()


def findings(sessions: sessionmaker[Session], *heads: Head) -> list[str]:
    with sessions() as session:
        return [each.code for each in check_log(session, heads).findings]


@settings(
    max_examples=60,
    deadline=timedelta(seconds=30),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=st.dictionaries(texts, plain, max_size=4))
def test_what_the_database_gives_back_has_the_sealed_hash(
    before: dict[str, object], own_sessions: sessionmaker[Session]
) -> None:
    with own_sessions.begin() as session:
        record(session, LI, "decide", THING, before=before, after={"x": [1e20, -0.0, 5e-324, 0.1]})
    with own_sessions() as session:
        report = verify_entries(each_entry(session))
    assert report.findings == []


@pytest.mark.parametrize("value", [math.nan, math.inf, {1: "a"}, "a\0b", "\ud800", object()])
def test_what_the_database_would_change_is_refused(
    value: object, own_sessions: sessionmaker[Session]
) -> None:
    with own_sessions() as session, pytest.raises((TypeError, ValueError)):
        record(session, LI, "decide", THING, after={"value": value})


class BrokenOffError(Exception):
    """What ends a transaction or a savepoint."""


def record_and_break_off(session: Session) -> None:
    record(session, LI, "dropped", THING)
    with session.begin_nested():
        record(session, LI, "dropped", THING)
    raise BrokenOffError


def test_entries_stand_with_their_transaction_and_its_savepoints(
    own_sessions: sessionmaker[Session],
) -> None:
    with own_sessions.begin() as session:
        record(session, LI, "first", THING)
        with session.begin_nested():
            record(session, LI, "second", THING)
        with pytest.raises(BrokenOffError), session.begin_nested():
            record_and_break_off(session)
        record(session, LI, "third", THING)
    with own_sessions() as session:
        with pytest.raises(BrokenOffError), session.begin():
            record_and_break_off(session)
        with session.begin():
            record(session, LI, "fourth", THING)
        session.execute(text("select 1"))
        record(session, LI, "dropped", THING)
        session.close()
        session.commit()
    with own_sessions() as session:
        entries = list(each_entry(session))
    assert [entry["act"] for entry in entries] == ["first", "second", "third", "fourth"]
    assert entries[0]["previous_hash"] == FIRST_HASH


def test_acts_at_once_neither_fork_the_chain_nor_wait_for_each_other(
    own_sessions: sessionmaker[Session],
) -> None:
    """Each thread writes an entry first and takes the same rows after it, in both orders."""
    with own_sessions.begin() as session:
        for name in ("one", "two"):
            session.add(UserRow(username=name, password_hash="x", role="reviewer"))
    update = text("update users set token_version = token_version + 1 where username = :name")

    def act(number: int) -> None:
        with own_sessions.begin() as session:
            record(session, SERVICE, "act", Subject("thing", str(number)))
            session.execute(update, {"name": "one"})
            session.execute(update, {"name": "two"})
            record(session, SERVICE, "act", Subject("thing", str(number)))

    def act_alone(number: int) -> None:
        with own_sessions.begin() as session:
            session.execute(update, {"name": "two"})
            record(session, SERVICE, "act", Subject("thing", str(number)))

    with ThreadPoolExecutor(12) as pool:
        for done in [pool.submit(work, n) for n in range(60) for work in (act, act_alone)]:
            done.result(timeout=60)
    with own_sessions() as session:
        report = verify_entries(each_entry(session))
        assert session.scalar(text("select sum(token_version) from users")) == 2 + 60 * 3
    assert (report.entries, report.findings) == (180, [])


def test_the_database_itself_refuses_a_change(own_sessions: sessionmaker[Session]) -> None:
    with own_sessions.begin() as session:
        record(session, LI, "decide", THING)
    for statement in ("update audit_events set act = 'x'", "delete from audit_events"):
        with own_sessions() as session, pytest.raises(DatabaseError, match="append-only"):
            session.execute(text(statement))


TAMPERED = {
    "update audit_events set username = 'wang' where sequence = 3": {"changed"},
    """update audit_events set after = '{"state": "rejected"}' where sequence = 3""": {"changed"},
    "update audit_events set at = at - interval '1 microsecond' where sequence = 3": {"changed"},
    "delete from audit_events where sequence = 3": {"gap", "broken_link"},
    "delete from audit_events where sequence = 1": {"gap", "broken_link"},
    "delete from audit_events where sequence > 3": {"cut_off"},
    "delete from audit_events": {"cut_off"},
}


@pytest.mark.parametrize("statement", TAMPERED)
def test_whoever_gets_past_the_trigger_is_found_out(
    statement: str, own_sessions: sessionmaker[Session]
) -> None:
    for number in range(5):
        with own_sessions.begin() as session:
            record(session, LI, "decide", Subject("candidate", str(number)), after={"state": "a"})
    with own_sessions() as session:
        head = read_head(session)
    assert findings(own_sessions, head) == []
    with own_sessions.begin() as session:
        session.execute(text("alter table audit_events disable trigger all"))
        session.execute(text(statement))
    assert TAMPERED[statement] <= set(findings(own_sessions, head))


def test_a_chain_that_was_sealed_anew_does_not_fit_the_noted_head(
    own_sessions: sessionmaker[Session],
) -> None:
    with own_sessions.begin() as session:
        record(session, LI, "decide", THING, after={"state": "confirmed"})
    with own_sessions() as session:
        head = read_head(session)
    with own_sessions.begin() as session:
        session.execute(text("alter table audit_events disable trigger all"))
        session.execute(text("delete from audit_events"))
        record(session, LI, "decide", THING, after={"state": "rejected"})
    assert findings(own_sessions) == []
    assert findings(own_sessions, head) == ["other_head"]
