"""Building registers: import, list, look at, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Response, UploadFile

from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.paging import PageDep
from serving.api.problems import describe_problems
from serving.api.register_schemas import RegisterAnswer, RegisterEntryPage, RegisterList
from serving.api.register_views import view_entries, view_register, view_registers
from serving.api.schemas import MAX_ID, Name
from serving.deps import FlightReader, LayerManager, ServicesDep, SessionDep
from serving.flights.register import delete_register, get_register, list_entries, list_registers
from serving.flights.register_import import RegisterOrder, import_register
from serving.flights.register_trail import record_deleted_register
from serving.flights.upload import clean_file_name
from serving.jobs.change_orders import order_register_check_near

router = APIRouter(prefix="/registers", tags=["registers"])

RegisterId = Annotated[int, Path(ge=1, le=MAX_ID)]
Column = Annotated[str, Form(max_length=200, description="found by itself where left empty")]


def read_order(
    layer_id: Annotated[int, Form(ge=1, le=MAX_ID)],
    name: Annotated[Name, Form()],
    crs: Annotated[str, Form(max_length=80, description="of coordinates: GCJ-02, ...")] = "",
    id_column: Column = "",
    storeys_column: Column = "",
) -> RegisterOrder:
    """Return whose register the file is to become."""
    chosen = {"building_id": id_column.strip(), "permitted_storeys": storeys_column.strip()}
    columns = {role: column for role, column in chosen.items() if column}
    return RegisterOrder(layer_id, name, crs=crs.strip() or None, columns=columns)


@router.post("", status_code=201, responses=describe_problems(404, 409, 413))
def create_register(
    file: UploadFile,
    order: Annotated[RegisterOrder, Depends(read_order)],
    person: LayerManager,
    services: ServicesDep,
    response: Response,
) -> RegisterAnswer:
    """Take a file in as the register of a layer; the one that was there is replaced as a whole.

    Only the columns of the configuration are kept, not the file. Flights whose roof heights are
    known are checked against it.
    """
    register_id = import_register(
        services.sessions,
        services.store,
        replace(
            order,
            file_name=clean_file_name(file.filename or "register"),
            created_by=person.user_id,
            actor=person.actor,
        ),
        file.file,
        max_bytes=services.settings.max_upload_bytes,
        on_stored=lambda session: order_register_check_near(session, order.layer_id),
    )
    response.headers["Location"] = f"/api/v1/registers/{register_id}"
    with services.sessions() as session:
        return view_register(session, get_register(session, register_id))


@router.get("", responses=describe_problems())
def read_registers(_: FlightReader, session: SessionDep) -> RegisterList:
    """List the registers in use, newest first."""
    return RegisterList(items=view_registers(session, list_registers(session)))


@router.get("/{register_id}", responses=describe_problems(404))
def read_register(register_id: RegisterId, _: FlightReader, session: SessionDep) -> RegisterAnswer:
    """Return what is known of a register."""
    return view_register(session, get_register(session, register_id))


@router.get("/{register_id}/rows", responses=describe_problems(404))
def read_rows(
    register_id: RegisterId,
    _: FlightReader,
    session: SessionDep,
    page: PageDep,
    *,
    without_building: Annotated[bool, Query(description="only rows that are not used")] = False,
) -> RegisterEntryPage:
    """List the rows of a register in the order of the file, all or those that are not used."""
    register = get_register(session, register_id)
    rows = list_entries(
        session,
        register_id,
        without_building=without_building,
        limit=page.probe,
        after=id_from_cursor(page.cursor) or 0,
    )
    shown = rows[: page.limit]
    has_more = len(rows) > page.limit
    return RegisterEntryPage(
        items=view_entries(session, register, shown),
        next_cursor=cursor_from_id(shown[-1].ordinal) if has_more else None,
    )


@router.delete("/{register_id}", status_code=204, responses=describe_problems(404))
def remove_register(register_id: RegisterId, person: LayerManager, session: SessionDep) -> None:
    """Take a register out of use; flights are held against what is left, decisions stay."""
    row = delete_register(session, register_id, deleted_by=person.user_id)
    order_register_check_near(session, row.layer_id)
    record_deleted_register(session, person.actor, row)
