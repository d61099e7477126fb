"""The page of the audit log: who did what, and whether the log is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, field_validator
from sqlalchemy.orm import Session

from serving.api.audit import run_check
from serving.audit.entries import EntryFilter, list_entries, read_head
from serving.db.tables import AuditEventRow
from serving.deps import AuditReader, ServicesDep, SessionDep
from serving.web import audit_labels as words_of
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 50
PAGES = {"candidate": "/review/{}", "flight": "/flights/{}"}


class AuditForm(BaseModel):
    """What the form of filters sends; empty does not restrict. Days are those of the server."""

    username: str = Field(default="", max_length=64)
    act: str = Field(default="", max_length=40)
    subject_kind: str = Field(default="", max_length=24)
    subject_id: str = Field(default="", max_length=64)
    first_day: date | None = None
    last_day: date | None = None

    @field_validator("first_day", "last_day", mode="before")
    @classmethod
    def _read_empty(cls, value: object) -> object:
        return value or None

    @property
    def wanted(self) -> EntryFilter:
        """The filter that the form means; the last day is included."""
        after = self.last_day + timedelta(days=1) if self.last_day else None
        return EntryFilter(
            username=_clean(self.username),
            act=_clean(self.act),
            subject_kind=_clean(self.subject_kind),
            subject_id=_clean(self.subject_id),
            since=_midnight(self.first_day),
            until=_midnight(after),
        )

    @property
    def query(self) -> str:
        """The filters as a query string."""
        values = self.model_dump(mode="json", exclude_none=True)
        return urlencode({name: value for name, value in values.items() if value})


FormDep = Annotated[AuditForm, Query()]


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry as the template shows it; ``changes`` are (field, before, after)."""

    row: AuditEventRow
    act: str
    role: str
    subject: str
    page: str | None
    changes: list[tuple[str, str, str]]


@router.get("/audit")
def show_audit(
    request: Request, person: AuditReader, session: SessionDep, form: FormDep
) -> Response:
    """Show the newest entries and the head."""
    words = words_for(request)
    context = _load_page(session, words, form, None) | {
        "section": "audit",
        "form": form,
        "head": read_head(session),
        "acts": _choices(words, words_of.ACTS),
        "kinds": _choices(words, words_of.SUBJECT_KINDS),
    }
    return render(request, "audit.html", person=person, context=context)


@router.get("/audit/rows")
def show_audit_rows(
    request: Request, person: AuditReader, session: SessionDep, form: FormDep, before: int
) -> Response:
    """Return the next rows of the list."""
    context = _load_page(session, words_for(request), form, before)
    return render(request, "audit_rows.html", person=person, context=context)


@router.get("/audit/check/panel")
def show_check(request: Request, person: AuditReader, services: ServicesDep) -> Response:
    """Check the whole log and return what was found."""
    words = words_for(request)
    report, noted = run_check(services)
    findings = [
        (each.sequence, words.label(words_of.FINDINGS, each.code), each.detail)
        for each in report.findings
    ]
    context = {"report": report, "findings": findings, "noted": noted}
    return render(request, "audit_check.html", person=person, context=context)


def _load_page(
    session: Session, words: Words, form: AuditForm, before: int | None
) -> dict[str, object]:
    rows = list_entries(session, form.wanted, limit=PAGE_SIZE + 1, before=before)
    shown = rows[:PAGE_SIZE]
    query = f"{form.query}&before={shown[-1].sequence}" if len(rows) > PAGE_SIZE else None
    return {"entries": [_view(row, words) for row in shown], "next_query": query}


def _view(row: AuditEventRow, words: Words) -> EntryView:
    kind = words.label(words_of.SUBJECT_KINDS, row.subject_kind)
    name = row.subject_id if row.subject_kind != "models" else row.subject_id[:12]
    page = PAGES.get(row.subject_kind)
    return EntryView(
        row=row,
        act=words.label(words_of.ACTS, row.act),
        role=words.label(words_of.ACTOR_ROLES, row.role),
        subject=f"{kind} {name}",
        page=page.format(row.subject_id) if page else None,
        changes=_changes(row, words),
    )


def _changes(row: AuditEventRow, words: Words) -> list[tuple[str, str, str]]:
    """Return every field that was given, in words where we have them."""
    before, after = row.before or {}, row.after or {}
    return [
        (
            words.label(words_of.FIELDS, name),
            _say(name, before.get(name), words),
            _say(name, after.get(name), words),
        )
        for name in dict.fromkeys([*before, *after])
        if before.get(name) or after.get(name)
    ]


def _say(name: str, value: object, words: Words) -> str:
    if value is None:
        return ""
    if name == "hazard_class" and isinstance(value, str):
        return words.class_name(value)
    if isinstance(value, str):
        return words.label(words_of.VALUES.get(name, {}), value)
    if name == "models" and isinstance(value, list):
        return ", ".join(_say_model(each) for each in value)
    return json.dumps(value, ensure_ascii=False)


def _say_model(model: object) -> str:
    if not isinstance(model, Mapping):
        return str(model)
    return f"{model.get('name')}@{model.get('version')}"


def _choices(words: Words, table: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(code, words.translate(text)) for code, text in table.items()]


def _clean(text: str) -> str | None:
    return text.strip().replace("\0", "") or None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time.min).astimezone() if day else None
