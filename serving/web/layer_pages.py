"""The page of imported layers: what is there, what was noted, import, look."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.api.layer_schemas import LayerAnswer
from serving.api.layer_views import view_layers
from serving.deps import FlightReader, SessionDep
from serving.flights.layers import AreaLevel, LayerKind, list_layers
from serving.web.i18n import N_
from serving.web.register_card import list_register_views
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

# What surveyors and planners of Chinese cities hand over; any other EPSG number can be typed.
COMMON_CRS: tuple[tuple[str, str], ...] = (
    ("EPSG:4490", N_("CGCS2000, degrees")),
    ("EPSG:4326", N_("WGS 84, degrees")),
    ("GCJ-02", N_("GCJ-02, from Chinese web maps")),
    ("EPSG:4545", N_("CGCS2000, 3-degree zone, 108° E")),
    ("EPSG:4547", N_("CGCS2000, 3-degree zone, 114° E")),
    ("EPSG:4549", N_("CGCS2000, 3-degree zone, 120° E")),
)


@dataclass(frozen=True, slots=True)
class LayerView:
    """A layer as the template shows it, with what was noted when it was read."""

    layer: LayerAnswer
    notes: list[tuple[int, str, str]]


@router.get("/layers")
def show_layers(request: Request, person: FlightReader, session: SessionDep) -> Response:
    """Show the layers in use, with a map and, for who may, the form of import."""
    words = words_for(request)
    layers = view_layers(session, list_layers(session))
    context = {
        "section": "layers",
        "layers": [LayerView(layer, _notes(layer, words)) for layer in layers],
        "kinds": [kind.value for kind in LayerKind],
        "levels": [level.value for level in AreaLevel],
        "building_layers": [each for each in layers if each.kind is LayerKind.BUILDINGS],
        "registers": list_register_views(session, words),
        "common_crs": [(name, words.translate(text)) for name, text in COMMON_CRS],
    }
    return render(request, "layers.html", person=person, context=context)


def _notes(layer: LayerAnswer, words: Words) -> list[tuple[int, str, str]]:
    return [(note.count, *words.explain(note.code, note.detail)) for note in layer.warnings]
