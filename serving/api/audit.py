"""The audit log: look, check, take away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict

from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.paging import PageDep
from serving.api.problems import describe_problems
from serving.audit.anchors import read_heads
from serving.audit.check import check_log
from serving.audit.entries import EntryFilter, each_entry, list_entries, read_head
from serving.audit.export import lines_from_entries
from serving.audit.verify import Report
from serving.deps import AuditReader, Services, ServicesDep, SessionDep

router = APIRouter(prefix="/audit", tags=["audit"])

Word = Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")]
Instant = Annotated[AwareDatetime | None, Query()]


class EntryAnswer(BaseModel):
    """One act: who, as what, when, what before and after, about which file, and its seal."""

    model_config = ConfigDict(from_attributes=True)

    sequence: int
    at: datetime
    user_id: int | None
    username: str
    role: str
    act: str
    subject_kind: str
    subject_id: str
    before: dict[str, object] | None
    after: dict[str, object] | None
    evidence_sha256: str | None
    previous_hash: str
    hash: str


class EntryPage(BaseModel):
    """Entries, newest first."""

    items: list[EntryAnswer]
    next_cursor: str | None


class HeadAnswer(BaseModel):
    """The newest entry; kept elsewhere, it proves later that nothing was cut off."""

    model_config = ConfigDict(from_attributes=True)

    sequence: int
    hash: str


class FindingAnswer(BaseModel):
    """Something that is wrong, at an entry (0: with the log as a whole)."""

    model_config = ConfigDict(from_attributes=True)

    sequence: int
    code: str
    detail: str


class CheckAnswer(BaseModel):
    """What the check of the whole log came to; ``findings`` holds the first of ``found``."""

    model_config = ConfigDict(from_attributes=True)

    is_intact: bool
    entries: int
    head: HeadAnswer
    noted_heads: int
    events_before_log: int
    found: int
    findings: list[FindingAnswer]


def read_filter(
    *,
    username: Word = None,
    act: Word = None,
    subject_kind: Word = None,
    subject_id: Word = None,
    since: Instant = None,
    until: Instant = None,
) -> EntryFilter:
    """Return which entries are wanted; an empty word does not restrict."""
    return EntryFilter(
        username=username or None,
        act=act or None,
        subject_kind=subject_kind or None,
        subject_id=subject_id or None,
        since=since,
        until=until,
    )


FilterDep = Annotated[EntryFilter, Depends(read_filter)]


@router.get("", responses=describe_problems())
def read_entries(
    _: AuditReader, session: SessionDep, page: PageDep, wanted: FilterDep
) -> EntryPage:
    """List what people and the service did, newest first."""
    before = id_from_cursor(page.cursor)
    rows = list_entries(session, wanted, limit=page.probe, before=before)
    shown = rows[: page.limit]
    return EntryPage(
        items=[EntryAnswer.model_validate(row) for row in shown],
        next_cursor=cursor_from_id(shown[-1].sequence) if len(rows) > len(shown) else None,
    )


@router.get("/head", responses=describe_problems())
def read_newest(_: AuditReader, session: SessionDep) -> HeadAnswer:
    """Return number and hash of the newest entry, to be kept where nobody can change it."""
    return HeadAnswer.model_validate(read_head(session))


@router.get("/check", responses=describe_problems())
def check(_: AuditReader, services: ServicesDep) -> CheckAnswer:
    """Compute the whole chain again; look for the noted heads and for every act of review."""
    report, noted = run_check(services)
    return CheckAnswer(
        is_intact=report.is_intact,
        entries=report.entries,
        head=HeadAnswer.model_validate(report.head),
        noted_heads=noted,
        events_before_log=report.events_before_log,
        found=report.found,
        findings=[FindingAnswer.model_validate(each) for each in report.findings],
    )


@router.get("/export.jsonl", response_class=StreamingResponse, responses=describe_problems())
def export_log(_: AuditReader, services: ServicesDep) -> StreamingResponse:
    """Return the whole log, one entry in each line, for ``hazardlens audit verify --file``."""
    headers = {
        "Content-Disposition": 'attachment; filename="audit.jsonl"',
        "Cache-Control": "no-store",
    }
    lines = _all_lines(services)
    return StreamingResponse(lines, media_type="application/jsonl", headers=headers)


def run_check(services: Services) -> tuple[Report, int]:
    """Return what the check of the log came to, and how many noted heads it was held against."""
    heads = read_heads(services.settings.resolved_data_dir)
    with services.sessions() as session:
        return check_log(session, heads), len(heads)


def _all_lines(services: Services) -> Iterator[bytes]:
    # Its own session, for it has to live as long as the download.
    with services.sessions() as session:
        for line in lines_from_entries(each_entry(session)):
            yield line.encode()
