"""Layers: import, list, look at, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Response, UploadFile

from detection.domain.errors import InvalidInputError
from detection.layers.read import FieldChoice
from serving.api.layer_schemas import FeaturePage, LayerAnswer, LayerList
from serving.api.layer_views import view_features, view_layer, view_layers
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID, Name
from serving.deps import FlightReader, LayerManager, ServicesDep, SessionDep
from serving.flights.layer_import import LayerOrder, import_layer
from serving.flights.layer_rows import Bounds, bounds_of
from serving.flights.layers import (
    AreaLevel,
    LayerKind,
    delete_layer,
    get_layer,
    list_features,
    list_layers,
)
from serving.flights.trail import record_deleted_layer
from serving.flights.upload import clean_file_name
from serving.jobs.ranking import order_ranking_near

router = APIRouter(prefix="/layers", tags=["layers"])

MAX_FEATURES = 5000

LayerId = Annotated[int, Path(ge=1, le=MAX_ID)]
Field = Annotated[str, Form(max_length=200)]
Longitude = Annotated[float | None, Query(ge=-540, le=540)]
Latitude = Annotated[float | None, Query(ge=-90, le=90)]


def read_fields(
    id_field: Field = "",
    name_field: Field = "",
    height_field: Field = "",
    storeys_field: Field = "",
    diameter_field: Field = "",
) -> FieldChoice:
    """Return which fields of the file to read; those left empty are looked for."""
    return FieldChoice(
        feature_id=id_field.strip() or None,
        name=name_field.strip() or None,
        height=height_field.strip() or None,
        storeys=storeys_field.strip() or None,
        diameter=diameter_field.strip() or None,
    )


def read_box(
    west: Longitude = None, south: Latitude = None, east: Longitude = None, north: Latitude = None
) -> Bounds | None:
    """Return the wanted box; None where no side is given.

    Raises:
        InvalidInputError: some sides are given and others not.
    """
    if west is None and south is None and east is None and north is None:
        return None
    if west is None or south is None or east is None or north is None:
        message = "A box has four sides."
        raise InvalidInputError(message, remedy="Give west, south, east and north, or none.")
    return Bounds(west, south, east, north)


def read_order(
    kind: Annotated[LayerKind, Form()],
    name: Annotated[Name, Form()],
    fields: Annotated[FieldChoice, Depends(read_fields)],
    level: Annotated[AreaLevel | None, Form()] = None,
    crs: Annotated[str, Form(max_length=80, description="EPSG:4490, GCJ-02, ...")] = "",
) -> LayerOrder:
    """Return what the file is to become.

    Raises:
        InvalidInputError: the level is missing for areas, or given for something else.
    """
    if (kind is LayerKind.AREAS) != (level is not None):
        message = "A level belongs to areas, and to them alone."
        raise InvalidInputError(message, remedy="Give level for kind=areas only.")
    return LayerOrder(kind, name, level=level, crs=crs.strip() or None, fields=fields)


@router.post("", status_code=201, responses=describe_problems(409, 413))
def create_layer(
    file: UploadFile,
    order: Annotated[LayerOrder, Depends(read_order)],
    person: LayerManager,
    services: ServicesDep,
    response: Response,
) -> LayerAnswer:
    """Take a file in as a layer. The answer says how many features it has and what was mended."""
    row = import_layer(
        services.sessions,
        services.store,
        replace(
            order,
            file_name=clean_file_name(file.filename or "layer"),
            created_by=person.user_id,
            actor=person.actor,
        ),
        file.file,
        max_bytes=services.settings.max_upload_bytes,
    )
    response.headers["Location"] = f"/api/v1/layers/{row.id}"
    with services.sessions.begin() as session:
        order_ranking_near(session, row.kind, bounds_of(row))
        return view_layer(session, get_layer(session, row.id))


@router.get("", responses=describe_problems())
def read_layers(_: FlightReader, session: SessionDep) -> LayerList:
    """List the layers in use, newest first."""
    return LayerList(items=view_layers(session, list_layers(session)))


@router.get("/{layer_id}", responses=describe_problems(404))
def read_layer(layer_id: LayerId, _: FlightReader, session: SessionDep) -> LayerAnswer:
    """Return what is known of a layer."""
    return view_layer(session, get_layer(session, layer_id))


@router.get("/{layer_id}/features", responses=describe_problems(404))
def read_features(
    layer_id: LayerId,
    _: FlightReader,
    session: SessionDep,
    box: Annotated[Bounds | None, Depends(read_box)],
    limit: Annotated[int, Query(ge=1)] = MAX_FEATURES,
) -> FeaturePage:
    """Return features as GeoJSON (RFC 7946), those that reach into the box where one is given."""
    get_layer(session, layer_id)
    wanted = min(limit, MAX_FEATURES)
    return view_features(list_features(session, layer_id, box, wanted + 1), wanted)


@router.delete("/{layer_id}", status_code=204, responses=describe_problems(404))
def remove_layer(layer_id: LayerId, person: LayerManager, session: SessionDep) -> None:
    """Take a layer out of use; what was found with it stays."""
    row = delete_layer(session, layer_id, deleted_by=person.user_id)
    order_ranking_near(session, row.kind, bounds_of(row))
    record_deleted_layer(session, person.actor, row)
