"""Take a list of suspected labels in; what people have answered stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from serving.audit.log import Actor, Subject, record
from serving.db.tables import CandidateRow, LabelSuspectRow, ReviewEventRow
from serving.learning.suspect_file import SuspectList, SuspectRead, read_suspect_list
from serving.learning.suspects import OPEN
from serving.storage.objects import ObjectStore

LOCK_SET = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")
MAX_CROP_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many suspects are new, renewed because nobody had answered, or left as answered."""

    set_name: str
    new: int
    renewed: int
    answered: int


def import_suspects(
    session: Session, store: ObjectStore, folder: Path, actor: Actor
) -> ImportResult:
    """Take in the list of a folder; the same list again changes nothing.

    A suspect that is open gets what the newer list says of it; an answered one keeps everything.

    Raises:
        SuspectsFileError: the list or a crop is missing or damaged; nothing is taken in.
    """
    found = read_suspect_list(folder)
    # Of two who take in one list at once the second finds what the first wrote.
    session.execute(LOCK_SET, {"name": f"suspects of {found.name}"})
    known = {
        row.key: row
        for row in session.scalars(
            select(LabelSuspectRow).where(LabelSuspectRow.set_name == found.name).with_for_update()
        )
    }
    new = renewed = answered = 0
    is_changed = False
    for suspect in found.suspects:
        row = known.get(suspect.id)
        if row is not None and row.state != OPEN:
            answered += 1
            continue
        crop = _keep_crop(store, folder / suspect.crop)
        if row is None:
            row = LabelSuspectRow(key=suspect.id, set_name=found.name)
            session.add(row)
            new += 1
        else:
            renewed += 1
        _write(row, found, suspect, crop)
        is_changed = is_changed or session.is_modified(row)
        row.candidate_id = _find_candidate(session, suspect)
    session.flush()
    result = ImportResult(found.name, new, renewed, answered)
    if is_changed:
        after = {
            "set_name": found.name,
            "rows": new,
            "renewed": renewed,
            "data_sha256": found.data_sha256,
        }
        record(session, actor, "import_suspects", Subject("data_set", found.name), after=after)
    return result


def _keep_crop(store: ObjectStore, path: Path) -> str:
    with path.open("rb") as file, store.stage(file, max_bytes=MAX_CROP_BYTES, suffix=".jpg") as got:
        store.keep(got)
        return got.sha256


def _write(row: LabelSuspectRow, found: SuspectList, suspect: SuspectRead, crop: str) -> None:
    row.data_sha256, row.kind, row.suspicion = found.data_sha256, suspect.kind, suspect.suspicion
    row.photo_name, row.photo_sha256 = suspect.photo, suspect.photo_sha256
    row.width_px, row.height_px = suspect.width_px, suspect.height_px
    row.split, row.source, row.has_outlines = suspect.split, suspect.source, suspect.has_outlines
    row.label = suspect.label.model_dump(mode="json") if suspect.label else None
    row.model = suspect.model.model_dump(mode="json") if suspect.model else None
    row.others = [shape.model_dump(mode="json") for shape in suspect.others]
    row.window, row.crop_sha256 = list(suspect.window_xyxy), crop
    row.event_ids, row.annotation_ids = suspect.event_ids, suspect.annotation_ids


def _find_candidate(session: Session, suspect: SuspectRead) -> int | None:
    """Return the candidate that was decided on; None where another installation's was."""
    statement = (
        select(CandidateRow.id)
        .join(ReviewEventRow, ReviewEventRow.candidate_id == CandidateRow.id)
        .where(ReviewEventRow.id.in_(suspect.event_ids))
        .where(CandidateRow.key == suspect.candidate_key)
        .limit(1)
    )
    return session.scalar(statement)
