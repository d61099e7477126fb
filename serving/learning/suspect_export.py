"""What people said of suspected labels as rows of ``corrections.csv``, with reason and name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from serving.db.tables import LabelSuspectRow, SuspectEventRow
from serving.learning.suspects import choose_fix

COLUMNS = ("photo", "what", "label", "to", "why", "shape")
REASONS: Mapping[str, str] = {
    "missing_label": "A thing without a label",
    "no_object": "A label on nothing of its class",
    "wrong_class": "A label of the wrong class",
    "bad_box": "A label in the wrong place",
}
WRITTEN = ("fixed", "dropped", "unsure")
TRAINED_ON = "train"

Row = dict[str, str]


def export_corrections(session: Session, set_name: str | None = None) -> str:
    """Return the corrections as CSV, by photo and label; only answers that stand.

    What was accepted needs no correction and what went back to review is put right there. Of a
    photo that is not trained on, and where somebody has to draw, the row says ``doubtful``.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(list_corrections(session, set_name))
    return text.getvalue()


def list_corrections(session: Session, set_name: str | None = None) -> Iterator[Row]:
    """Yield the rows."""
    statement = select(LabelSuspectRow).where(LabelSuspectRow.state.in_(WRITTEN))
    if set_name is not None:
        statement = statement.where(LabelSuspectRow.set_name == set_name)
    order = (LabelSuspectRow.set_name, LabelSuspectRow.photo_name, LabelSuspectRow.id)
    suspects = list(session.scalars(statement.order_by(*order)))
    standing = _load_standing(session, statement.with_only_columns(LabelSuspectRow.id))
    for row in suspects:
        yield _row_from_suspect(row, standing[row.id])


def _row_from_suspect(row: LabelSuspectRow, event: SuspectEventRow) -> Row:
    what = _choose_act(row)
    label, model = row.label or {}, row.model or {}
    is_drawn = what in {"add_label", "rebox"}
    return {
        "photo": row.photo_name,
        "what": what,
        "label": str(label.get("number", "")),
        "to": str(model["hazard_class"]) if what in {"relabel", "add_label"} else "",
        "why": _tell_why(row, event),
        "shape": _tell_shape(row, model) if is_drawn else "",
    }


def _choose_act(row: LabelSuspectRow) -> str:
    if row.split != TRAINED_ON or row.state == "unsure":
        return "doubtful"
    if row.state == "dropped":
        return "drop_label"
    act = choose_fix(row)
    return "doubtful" if act == "draw" else act


def _tell_why(row: LabelSuspectRow, event: SuspectEventRow) -> str:
    parts = [REASONS[row.kind]]
    if row.state == "unsure":
        parts.append("nobody could tell")
    elif row.state == "fixed" and choose_fix(row) == "draw":
        parts.append("to be drawn")
    if row.split != TRAINED_ON:
        parts.append(row.split)
    if event.note:
        parts.append(" ".join(event.note.split()))
    return f"{'; '.join(parts)} ({event.username}, {event.created_at:%Y-%m-%d})"


def _tell_shape(row: LabelSuspectRow, model: Mapping[str, object]) -> str:
    """Return the model's outline in a set of outlines, else its box, within the photo."""
    outline, box = model.get("outline"), model["bbox_xyxy"]
    points = outline if row.has_outlines and outline else None
    pairs = points or [box[:2], box[2:]]  # type: ignore[index]  # a list of four, as imported
    limits = (row.width_px, row.height_px)
    numbers = [
        min(max(float(value), 0.0), float(limit))
        for pair in pairs  # type: ignore[attr-defined]  # a list of pairs, as imported
        for value, limit in zip(pair, limits, strict=True)
    ]
    return " ".join(f"{number:g}" for number in (round(number, 2) for number in numbers))


def _load_standing(session: Session, suspect_ids: Select[tuple[int]]) -> dict[int, SuspectEventRow]:
    undone = select(SuspectEventRow.undoes).where(SuspectEventRow.undoes.is_not(None))
    statement = (
        select(SuspectEventRow)
        .where(SuspectEventRow.suspect_id.in_(suspect_ids))
        .where(SuspectEventRow.kind == "answer", SuspectEventRow.id.not_in(undone))
        .order_by(SuspectEventRow.id)
    )
    return {event.suspect_id: event for event in session.scalars(statement)}
