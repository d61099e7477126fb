"""What the page of layers says about building registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from serving.api.register_schemas import RegisterAnswer, RegisterNote
from serving.api.register_views import view_registers
from serving.db.tables import BuildingRegisterRow, RegisterEntryRow
from serving.flights.register import count_strays, list_earlier, list_entries, list_registers
from serving.web.labels import REGISTER_COLUMNS
from serving.web.rendering import Words

SHOWN_STRAYS: Final = 100


@dataclass(frozen=True, slots=True)
class NoteView:
    """Something that was noted when a register was read; ``lines`` are the first it concerns."""

    message: str
    remedy: str
    count: int
    lines: str


@dataclass(frozen=True, slots=True)
class RegisterView:
    """A register as the template shows it.

    ``strays`` are the first of the rows that belong to no building; ``columns`` say what was read
    from which column; ``earlier`` are registers of the same layer that are in use no more.
    """

    register: RegisterAnswer
    notes: list[NoteView]
    columns: list[str]
    strays: Sequence[RegisterEntryRow]
    stray_count: int
    earlier: Sequence[BuildingRegisterRow]


def list_register_views(session: Session, words: Words) -> list[RegisterView]:
    """Return the registers in use with all that was noted of them."""
    answers = view_registers(session, list_registers(session))
    return [_view(session, words, answer) for answer in answers]


def _view(session: Session, words: Words, register: RegisterAnswer) -> RegisterView:
    columns = register.fields.items()
    return RegisterView(
        register=register,
        notes=[_note(words, note) for note in register.notes],
        columns=[f"{words.label(REGISTER_COLUMNS, role)} ← {column}" for role, column in columns],
        strays=list_entries(session, register.id, without_building=True, limit=SHOWN_STRAYS),
        stray_count=count_strays(session, register.id),
        earlier=list_earlier(session, register.layer_id),
    )


def _note(words: Words, note: RegisterNote) -> NoteView:
    shown = ", ".join(str(line) for line in note.lines)
    lines = f"{shown} …" if len(note.lines) < note.count else shown
    return NoteView(*words.explain(note.code), note.count, lines)
