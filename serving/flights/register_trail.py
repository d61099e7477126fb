"""What happens to building registers, as entries of the audit log."""

from __future__ import annotations

from sqlalchemy.orm import Session

from serving.audit.log import Actor, Subject, record
from serving.db.tables import BuildingRegisterRow


def record_new_register(
    session: Session,
    actor: Actor,
    register: BuildingRegisterRow,
    replaced: BuildingRegisterRow | None,
) -> None:
    """Write down that a file was taken in as a register, and which one it replaced."""
    record(
        session,
        actor,
        "import_register",
        Subject("register", str(register.id)),
        before=None if replaced is None else _describe(replaced),
        after=_describe(register),
        evidence_sha256=register.sha256,
    )


def record_deleted_register(session: Session, actor: Actor, register: BuildingRegisterRow) -> None:
    """Write down that a register was taken out of use."""
    record(
        session,
        actor,
        "delete_register",
        Subject("register", str(register.id)),
        before=_describe(register),
        evidence_sha256=register.sha256,
    )


def _describe(register: BuildingRegisterRow) -> dict[str, object]:
    return {
        "name": register.name,
        "layer": register.layer_id,
        "rows": register.row_count,
        "joined": register.joined_count,
    }
