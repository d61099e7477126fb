"""Take back a merge or a split: at once, written down, and the last one first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from serving.db.current import is_current
from serving.db.repeats import find_repeat
from serving.db.tables import CandidateRow, DetectionRow, GroupingEventRow, PhotoRow, SightingRow
from serving.jobs.hand_grouping import check_merge, flight_locked, hide_behind, shows_hazard
from serving.jobs.partition import show_exactly
from serving.review.decisions import Reviewer
from serving.review.errors import CandidateChangedError, KeyReusedError
from serving.review.grouping import BoxIndex, GroupingKind
from serving.review.grouping_events import (
    SEEN_BOX_COLUMNS,
    Part,
    append_event,
    check_undo,
    get_grouping_event,
    list_seen_boxes,
    parts_from_row,
    seen_box_from_columns,
)
from serving.review.seen import lock_rows
from serving.storage.objects import ObjectStore


def undo_grouping(
    session: Session,
    store: ObjectStore,
    reviewer: Reviewer,
    event_id: int,
    *,
    idempotency_key: str | None = None,
) -> GroupingEventRow:
    """Take back the last merge or split of its candidates; the photos go where they were.

    Raises:
        GroupingNotFoundError: there is no such act.
        NotYourDecisionError: somebody else made it.
        AlreadyUndoneError: it was undone before.
        GroupingSupersededError: a later merge or split of the same candidates stands.
        MergeOfDecidedError: what was split off has been decided since.
        InvalidMergeError: what it was split off from has become a duplicate since.
        CandidateChangedError: the photos of then are not there any more.
        FlightBusyError: the flight is being grouped.
        KeyReusedError: the key names another act.
    """
    event = get_grouping_event(session, event_id)
    with flight_locked(session, event.candidate_id):
        earlier = find_repeat(session, GroupingEventRow, reviewer.user_id, idempotency_key)
        if earlier is not None:
            if earlier.undoes != event_id:
                raise KeyReusedError
            return earlier
        check_undo(session, event, reviewer)
        rows = lock_rows(session, event.candidate_ids)
        undone = append_event(
            session,
            reviewer,
            rows[event.candidate_id],
            GroupingKind.UNDO,
            candidate_ids=event.candidate_ids,
            undoes=event.id,
            idempotency_key=idempotency_key,
        )
        if event.kind == GroupingKind.MERGE:
            _undo_merge(session, store, event, rows)
        else:
            _undo_split(session, store, event, rows)
    return undone


def _undo_merge(
    session: Session,
    store: ObjectStore,
    event: GroupingEventRow,
    rows: Mapping[int, CandidateRow],
) -> None:
    """Give the photos of each candidate back to it, as far as they are still there."""
    row = rows[event.candidate_id]
    present = list_seen_boxes(session, [row.id])[row.id]
    parts = parts_from_row(event)
    found = BoxIndex(present).find(box for part in parts for box in part.sightings)
    shown: dict[int, list[int]] = {}
    for part in parts[1:]:
        back = [found[box] for box in part.sightings if box in found]
        if part.candidate_id is not None and shows_hazard(session, back):
            shown[part.candidate_id] = back
    gone = {d for ids in shown.values() for d in ids}
    shown[row.id] = [d for d in present if d not in gone]
    if not shows_hazard(session, shown[row.id]):
        raise CandidateChangedError(row.id)
    for candidate_id in shown.keys() - {row.id}:
        # The key comes with the candidate; somebody else may have taken it meanwhile.
        rows[candidate_id].key = _free_key(session, rows[candidate_id])
        rows[candidate_id].merged_into = None
        rows[candidate_id].revision += 1
    session.flush()
    show_exactly(session, store, row.flight_id, shown)


def _undo_split(
    session: Session,
    store: ObjectStore,
    event: GroupingEventRow,
    rows: Mapping[int, CandidateRow],
) -> None:
    """Bring what was split off back into the candidate that it was split off from."""
    row = rows[event.candidate_id]
    _, off = parts_from_row(event)
    if off.candidate_id is None:
        back = _find_unused(session, row.flight_id, off)
        others: list[CandidateRow] = []
    else:
        others = [rows[off.candidate_id]]
        back = list(list_seen_boxes(session, [off.candidate_id])[off.candidate_id])
    check_merge(row, others)
    staying = list(list_seen_boxes(session, [row.id])[row.id])
    hide_behind(session, row, others)
    show_exactly(session, store, row.flight_id, {row.id: [*staying, *back]})


def _find_unused(session: Session, flight_id: int, part: Part) -> list[int]:
    """Return the present detections of a part that show no candidate."""
    used = exists().where(SightingRow.detection_id == DetectionRow.id)
    rows = session.execute(
        select(DetectionRow.id, *SEEN_BOX_COLUMNS)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .where(DetectionRow.flight_id == flight_id, is_current(), ~used)
        .where(PhotoRow.sha256.in_([box.photo_sha256 for box in part.sightings]))
    )
    index = BoxIndex({row[0]: seen_box_from_columns(row[1:]) for row in rows})
    return list(index.find(part.sightings).values())


def _free_key(session: Session, row: CandidateRow) -> str:
    taken = exists().where(
        CandidateRow.flight_id == row.flight_id,
        CandidateRow.key == row.key,
        CandidateRow.id != row.id,
        CandidateRow.merged_into.is_(None),
    )
    if not session.scalar(select(taken)):
        return row.key
    return hashlib.sha256(f"{row.key}|{row.id}".encode()).hexdigest()[:20]
