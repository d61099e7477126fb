"""The model card: what a model is, was taught and can be trusted with, in figures and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from training.data.sources import CATALOGUE_DIR
from training.evaluation.figures import format_figure, table_from_evaluation, table_from_slices
from training.fitting_settings import Optimisation
from training.promotion.export import Parity
from training.promotion.measure import FlightAlarms, Measured
from training.settings import CatalogueSource, TrainingSettings

FIGURES_NOTE = (
    "Thresholds were chosen on the same val photos that precision, recall and F1 are reported on "
    "here; AP needs no threshold. `val` also picked the best epoch, so every figure leans to the "
    "bright side. Boxes match at IoU 0.5. Brackets are 95 % bootstrap intervals over groups of "
    "photos: what other photos of the same kind could have said."
)
FLIGHTS_NOTE = (
    "No defect is known in these flights: a box of a hazard class is, as far as anyone can see, "
    "a false alarm. Counted before `detect` leaves out boxes of impossible size on the ground and "
    "cracks seen from above. Photos of some flights are small copies: per 12 megapixels counts "
    "them as the pixels they are."
)
MAX_LISTED = 60
"""Boxes on flights that a card names one by one; of the rest it tells the number."""


def write_card(settings: TrainingSettings, record: Mapping[str, Any], measured: Measured) -> str:
    """Return the card as markdown."""
    deployed, whole = (table_from_evaluation(item) for item in (measured.deployed, measured.whole))
    sections = [
        f"# {settings.name}",
        settings.card.purpose or "Candidate hazards for a person to look at; never a verdict.",
        _classes_section(settings),
        _data_section(settings, record),
        _training_section(settings, record, measured.parity),
        f"## Figures on val\n\n{FIGURES_NOTE}",
        _fixed_section(settings),
        f"As deployed (tiles, thresholds, merge):\n\n{deployed}",
        f"Each photo whole in one tile:\n\n{whole}",
        f"### Parts of val, as deployed\n\n{table_from_slices(measured.deployed)}",
        _flights_section(measured.flights),
        _limits_section(settings),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _classes_section(settings: TrainingSettings) -> str:
    rows = [f"- `{key.value}` (index {index})" for index, key in enumerate(settings.classes)]
    return "\n".join(["## Classes", "", *rows, "", "Definitions: `datasets/taxonomy.yaml`."])


def _data_section(settings: TrainingSettings, record: Mapping[str, Any]) -> str:
    lines = ["## Data", "", "| part | photos | negatives | boxes |", "|---|---:|---:|---|"]
    for part, row in record["data_counts"].items():
        boxes = ", ".join(
            f"{key.value} {row[key.value]}" for key in settings.classes if key.value in row
        )
        lines.append(f"| {part} | {row['photos']} | {row['negatives']} | {boxes} |")
    if rebuilt := record.get("rebuilt_of"):
        lines = ["## Data", "", f"How many photos and boxes: the card of `{rebuilt}`."]
    lines += ["", f"Data hash `{record['data_hash']}`.", ""]
    for source in settings.data:
        lines.append(_describe_source(source.model_dump(mode="json")))
    return "\n".join([*lines, *(_describe_licences(settings))])


def _describe_stored(source: Mapping[str, Any]) -> str:
    """Return the line of a set or a version, of which the place on this machine is left out."""
    if "dataset" in source:
        return f"- `{source['dataset']}`: see `datasets/{source['dataset']}/CARD.md`."
    return f"- `{Path(source['version']).name}`: a version made by `hazardlens data build`."


def _describe_source(source: Mapping[str, Any]) -> str:
    if "dataset" in source or "version" in source:
        return _describe_stored(source)
    if "negatives" in source:
        first, last = source["photos"] or (0, 0)
        part = f"photos {first + 1} to {last} of " if last else ""
        mined = source["mined_with"]
        kind = f"the tiles that fooled `{mined}`" if mined else f"{source['tile_px']} px tiles"
        return (
            f"- `{source['negatives']}`: {kind} of {part}the flight `{source['flight']}` as "
            "negatives, training only."
        )
    if "pasted" in source:
        last = source["first_seed"] + source["scenes"] - 1
        return (
            f"- covers of `{source['pasted']}` (train) pasted onto other ground, scenes "
            f"{source['first_seed']} to {last}, exact boxes, training only."
        )
    if "shrunk" in source:
        last = source["first_seed"] + source["scenes"] - 1
        side = source.get("side", "train")
        use = "training only" if side == "train" else "judging only"
        return (
            f"- close-ups of `{source['shrunk']}` ({side}) made small and let into other ground, "
            f"scenes {source['first_seed']} to {last}, {use}."
        )
    if "rendered" in source:
        last = source["first_seed"] + source["scenes"] - 1
        kind = "negatives" if source["as_negatives"] else "exact boxes"
        return (
            f"- rendered `{source['rendered']}` scenes {source['first_seed']} to {last}, "
            f"{source['photos_per_scene']} photos each, {kind}, training only."
        )
    return f"- `{source['name']}`: a local folder, training only."


def _describe_licences(settings: TrainingSettings) -> list[str]:
    lines = []
    for source in settings.data:
        if isinstance(source, CatalogueSource):
            path = CATALOGUE_DIR / source.dataset / "dataset.yaml"
            licence = yaml.safe_load(path.read_text(encoding="utf-8")).get("licence", "not stated")
            lines.append(f"- Licence situation of `{source.dataset}`: {licence}")
    return ["", *lines]


def _training_section(settings: TrainingSettings, record: Mapping[str, Any], parity: Parity) -> str:
    plan = settings.optimisation
    environment = ", ".join(f"{key} {value}" for key, value in record["environment"].items())
    started = (
        f"- yolo26n from `{settings.started_from}` (sha256 `{record['started_from_sha256']}`), "
        f"{plan.epochs} epochs at {plan.image_px} px, batch {plan.batch}, {plan.optimizer} "
        f"{plan.lr0}, seed {settings.seed}, {record['seconds']:.0f} s "
        f"on {record.get('device', settings.device)}."
    )
    exported = (
        f"- Export parity over {parity.tiles} tiles: {parity.boxes} boxes, {parity.unmatched} "
        f"unmatched, largest score difference {parity.max_score_difference:.5f}."
    )
    shipped = f"- Shipped for tiles of {settings.tile_px} px."
    if settings.finest_gsd_m is not None:
        finest_cm = 100 * settings.finest_gsd_m
        shipped += f" Drone photos finer than {finest_cm:g} cm a pixel are made smaller for it."
    if settings.coarsest_gsd_m is not None:
        coarsest_cm = 100 * settings.coarsest_gsd_m
        shipped += f" Ground coarser than {coarsest_cm:g} cm a pixel shows it nothing."
    if settings.starts_at_gsd_m is not None:
        start_cm = 100 * settings.starts_at_gsd_m
        shipped += f" Ground finer than {start_cm:g} cm a pixel is another model's."
    if settings.mask_cut:
        shipped += f" Outlines are where the logit of the mask is above {settings.mask_cut:g}."
    return "\n".join(
        [
            "## Training",
            "",
            started,
            *_blend_lines(plan),
            *_rebuilt_lines(record),
            *_average_lines(record),
            *_ancestor_lines(record),
            f"- Environment: {environment}.",
            exported,
            shipped,
        ]
    )


def _blend_lines(plan: Optimisation) -> list[str]:
    if not plan.start_share:
        return []
    line = (
        f"- The weights are a mean: {plan.start_share:.2f} of those it started from, "
        f"{1 - plan.start_share:.2f} of the last epoch's."
    )
    return [line]


def _ancestor_lines(record: Mapping[str, Any]) -> list[str]:
    ancestor = record.get("ancestor")
    if not ancestor:
        return []
    line = (
        f"- Before that, run `{ancestor['run']}`: {ancestor['epochs']} epochs at "
        f"{ancestor['image_px']} px from sha256 `{ancestor['started_from_sha256']}`, data hash "
        f"`{ancestor['data_hash']}`, seed {ancestor['seed']}, {ancestor['seconds']:.0f} s."
    )
    before = [*_rebuilt_lines(ancestor), *_average_lines(ancestor), *_ancestor_lines(ancestor)]
    return [line, *before]


def _rebuilt_lines(record: Mapping[str, Any]) -> list[str]:
    if not (rebuilt := record.get("rebuilt_of")):
        return []
    return [f"- Rebuilt of the ONNX file of `{rebuilt}`, whose card says what was before that."]


def _average_lines(record: Mapping[str, Any]) -> list[str]:
    parts = record.get("averaged") or ()
    if not parts:
        return []
    named = "; ".join(
        f"{part['share']:.2f} of `{part['run']}` ({part['epochs']} epochs, seed {part['seed']}, "
        f"data hash `{part['data_hash']}`, weights sha256 `{part['weights_sha256']}`)"
        for part in parts
    )
    return [f"- The weights of that are a mean: {named}."]


def _fixed_section(settings: TrainingSettings) -> str:
    return "\n".join(
        f"- The threshold of `{key.value}` was set by hand to {rule.fixed:.2f}. {rule.reason}"
        for key, rule in settings.thresholds.items()
        if rule.fixed is not None
    )


def _flights_section(flights: Sequence[FlightAlarms]) -> str:
    if not flights:
        return ""
    lines = [
        "## Flights without known defects",
        "",
        FLIGHTS_NOTE,
        "",
        "| flight | trained on | photos | boxes at the thresholds | hazards a photo | per 12 MP |",
        "|---|---|---:|---|---:|---:|",
    ]
    for row in flights:
        boxes = ", ".join(f"{key.value} {count}" for key, count in row.boxes.items())
        alarms = format_figure(row.hazards_per_photo)
        per_12_mp = format_figure(row.hazards_per_12_mp)
        lines.append(
            f"| {row.flight} | {row.trained_on} | {row.photos} | {boxes} | {alarms} | {per_12_mp} |"
        )
    return "\n".join([*lines, "", *_list_alarms(flights)])


def _list_alarms(flights: Sequence[FlightAlarms]) -> list[str]:
    """Return a line for each hazard box on the flights, the highest scores first."""
    rows = [(row.flight, one) for row in flights for one in row.listed]
    rows.sort(key=lambda row: -row[1].score)
    lines = [
        f"- {flight}/{one.photo_id}: {one.hazard_class.value} {one.score:.2f} at "
        f"({', '.join(f'{side:.0f}' for side in one.bbox_xyxy.xyxy)})"
        for flight, one in rows[:MAX_LISTED]
    ]
    if not lines:
        return ["No box of a hazard class is shown on them."]
    left = len(rows) - len(lines)
    more = [f"- and {left} more with lower scores."] if left else []
    return ["Each box of a hazard class (x_min, y_min, x_max, y_max in pixels):", "", *lines, *more]


def _limits_section(settings: TrainingSettings) -> str:
    if not settings.card.limits:
        return ""
    return "\n".join(["## What it cannot do", "", *(f"- {item}" for item in settings.card.limits)])
