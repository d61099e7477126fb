"""Which models looked at photos from when on, as entries of the audit log."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from serving.audit.log import SERVICE, Subject, record
from serving.db.tables import AuditEventRow
from serving.jobs.loading import LoadedModels

TAKE_UP = "take_up_models"


def record_models(sessions: sessionmaker[Session], loaded: LoadedModels) -> None:
    """Write down the models of a worker, unless the last such entry says the same."""
    after: dict[str, object] = {
        "models": [
            {
                "name": detector.manifest.name,
                "version": detector.manifest.version,
                "weights_sha256": detector.manifest.weights_sha256,
            }
            for detector in loaded.detectors
        ]
    }
    subject = Subject("models", loaded.run.config_hash)
    with sessions.begin() as session:
        latest = session.execute(
            select(AuditEventRow.subject_id, AuditEventRow.after)
            .where(AuditEventRow.subject_kind == subject.kind, AuditEventRow.act == TAKE_UP)
            .order_by(AuditEventRow.sequence.desc())
            .limit(1)
        ).first()
        if latest is None or (latest.subject_id, latest.after) != (subject.subject_id, after):
            before = latest.after if latest else None
            record(session, SERVICE, TAKE_UP, subject, before=before, after=after)
