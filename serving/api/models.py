"""The versions of the models: what is in force, what waits, and what shadows said so far."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from fastapi import APIRouter
from sqlalchemy import column, func, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from detection.detectors.history import find_since
from detection.detectors.manifest import ModelManifest, list_manifests, list_versions
from detection.domain.hazard import HazardClass
from serving.api.problems import describe_problems
from serving.api.schemas import ModelItem, ModelList, ShadowTally
from serving.db.tables import ShadowResultRow
from serving.deps import ModelReader, ServicesDep, SessionDep

router = APIRouter(tags=["models"])

Version = tuple[str, str]


@router.get("/models", responses=describe_problems())
def read_models(_: ModelReader, services: ServicesDep, session: SessionDep) -> ModelList:
    """List the models in force, then every other version, by name."""
    folder = services.settings.models_dir
    found = [*list_manifests(folder), *list_versions(folder)]
    return ModelList(
        items=view_models(found, folder, tally_shadows(session)),
        shadow_runs=services.settings.shadow,
    )


def view_models(
    found: list[ModelManifest], models_dir: Path, tallies: dict[Version, ShadowTally]
) -> list[ModelItem]:
    """Return the versions as they are shown."""
    since = find_since(models_dir)
    return [
        ModelItem.model_validate(
            {
                "name": model.name,
                "task": model.task,
                "status": model.status,
                "version": model.version,
                "since": since.get((model.name, model.version)),
                "trained_at": model.trained_at,
                "tile_px": model.tile_px,
                "thresholds": dict(model.thresholds),
                "weights_sha256": model.weights_sha256,
                "int8_weights_sha256": model.int8_weights_sha256 or None,
                "signature": model.signature.value,
                "forced": model.promotion.get("forced"),
                "shadow": tallies.get((model.name, model.version)),
            }
        )
        for model in found
    ]


def tally_shadows(session: Session) -> dict[Version, ShadowTally]:
    """Return photos and boxes of each shadow model, by name and version."""
    key = (ShadowResultRow.model_name, ShadowResultRow.version)
    photos = session.execute(select(*key, func.count()).group_by(*key)).all()
    box = func.jsonb_array_elements(ShadowResultRow.boxes).table_valued(column("value", JSONB))
    hazard_class = box.c.value["hazard_class"].astext
    rows = session.execute(
        select(*key, hazard_class, func.count())
        .select_from(ShadowResultRow)
        .join(box, onclause=true())
        .group_by(*key, hazard_class)
    )
    boxes: defaultdict[Version, Counter[HazardClass]] = defaultdict(Counter)
    for name, version, shown, count in rows:
        boxes[name, version][HazardClass(shown)] = count
    return {
        (name, version): ShadowTally(photos=count, boxes=dict(boxes[name, version]))
        for name, version, count in photos
    }
