"""A trained run to a shipped model: verified, exported, measured, and only then written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detection.detectors.manifest import ModelManifest, list_versions, select_manifests
from detection.detectors.manifest_file import compute_version, read_document
from detection.domain.errors import ModelError
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.data.collect import compose_held_out, load_catalogue_photos
from training.evaluation.evaluate import SHIPPED_FLOOR
from training.promotion.card import write_card
from training.promotion.export import Parity, export_run
from training.promotion.gate import (
    GateLine,
    GateReport,
    compare_runtimes,
    compare_speed,
    compare_with_active,
    judge_int8,
    markdown_from_report,
    refuse,
    write_report,
)
from training.promotion.measure import ExportedModel, Measured, build_manifest, measure_model
from training.promotion.shelf import (
    Change,
    activate,
    find_active,
    set_status,
    store_version,
    store_weights,
)
from training.promotion.shipped_manifest import describe_answers, describe_model, describe_promotion
from training.promotion.shipping_checks import check_export, check_trained, cut_parity_tiles
from training.promotion.signing import load_signing_key, publish_key, sign_document
from training.promotion_rules import PromotionRules
from training.record import hash_file, list_earlier_flights, read_record
from training.settings import RUNS_DIR, TrainingSettings

GATE_TILES = 24
ONCE = ("export", "INT8")
"""Lines of the gate that need the run; a version that moves on keeps them."""

Target = Literal["candidate", "shadow", "active"]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to become of a model: its status, whether with INT8, and against all failures why.

    ``reason`` and ``by`` go into the history: why, and who wants it where it is not this account.
    ``frozen`` are the photos of the gate; None takes the val part of the run's catalogue sets.
    """

    to: Target = "candidate"
    int8: bool = False
    force: str = ""
    reason: str = ""
    by: str = ""
    frozen: Sequence[AnnotatedPhoto] | None = None

    @property
    def change(self) -> Change:
        """The line that goes into the history."""
        return Change("promote", self.force or self.reason, self.by)


HELD_OUT = "held_out"
"""Below a run: composed photos that it is judged on."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of a run that may be shipped, and what is known of them."""

    onnx_path: Path
    parity: Parity
    int8_path: Path | None = None
    int8_lines: tuple[GateLine, ...] = ()


def promote_run(
    run_dir: Path,
    shared_dir: Path,
    models_dir: Path,
    *,
    settings: TrainingSettings,
    thresholds: Mapping[HazardClass, float] | None = None,
    order: Order | None = None,
) -> ModelManifest:
    """Put a run on the shelf, as a candidate or in force, and return its manifest.

    Thresholds that are not given are chosen on val. The report of the gate goes into the run
    folder in any case.

    Raises:
        ModelError: the weights are not those of the record, the export disagrees with them or
            is too big, or the gate before ``active`` is not passed; nothing is changed then.
        ConfigurationError: the signing key cannot be used.
    """
    order = order or Order()
    record = read_record(run_dir)
    check_trained(run_dir, record)
    key = load_signing_key()
    photos = [
        *load_catalogue_photos(settings, shared_dir),
        *compose_held_out(settings, shared_dir, run_dir / HELD_OUT),
    ]
    val = [photo for photo in photos if photo.split == "val"]
    if not val:
        message = f"The data of {settings.name} has no val photo to measure on."
        raise ModelError(message, remedy="Name a data set with a val part under data.")
    frozen = val if order.frozen is None else order.frozen
    exported = _export(run_dir, photos, settings, order)
    earlier = list_earlier_flights(record)
    model = ExportedModel(settings, exported.onnx_path, exported.parity, earlier)
    measured = measure_model(model, val, shared_dir, thresholds or {})
    draft = draft_manifest(settings, exported, measured)
    report = run_gate(
        draft,
        find_active(models_dir, settings.name),
        frozen,
        settings.promotion,
        extra=[_parity_line(exported.parity), *exported.int8_lines],
        force=order.force,
    )
    write_report(run_dir, report)
    if order.to == "active" and not report.passed and not order.force:
        raise refuse(report)
    document = describe_model(settings, record, draft, measured)
    weights = {"weights": store_weights(models_dir, settings.name, exported.onnx_path)}
    if exported.int8_path is not None:
        name = store_weights(models_dir, settings.name, exported.int8_path, ".int8")
        weights["int8_weights"] = name
    document |= weights | {"promotion": describe_promotion(report)}
    card = write_card(settings, record, measured) + "\n" + markdown_from_report(report)
    return put_on_shelf(models_dir, document, card, order, key)


def promote_version(
    name: str,
    models_dir: Path,
    frozen: Sequence[AnnotatedPhoto],
    rules: PromotionRules,
    order: Order,
) -> ModelManifest:
    """Move a version that is on the shelf on: to shadow, or through the gate into force.

    ``name`` is that of a model, for its one candidate or shadow, or ``name@version``.

    Raises:
        ModelError: there is no such version, or the gate is not passed; nothing is changed.
    """
    manifest = find_waiting(models_dir, name)
    if order.to != "active":
        set_status(models_dir, manifest, order.to, order.change)
        return select_manifests((f"{manifest.name}@{manifest.version}",), models_dir)[0]
    key = load_signing_key()
    active = find_active(models_dir, manifest.name)
    known = dict(manifest.promotion.get("gate", {}))
    measured = [GateLine(line, None, str(known[line])) for line in ONCE if line in known]
    report = run_gate(manifest, active, frozen, rules, extra=measured, force=order.force)
    folder = RUNS_DIR / str(manifest.training.get("run", ""))
    write_report(folder if (folder / "run.json").is_file() else _gate_folder(manifest), report)
    if not report.passed and not order.force:
        raise refuse(report)
    path = models_dir / "versions" / manifest.name / f"{manifest.version}.yaml"
    document = read_document(path) | {"promotion": describe_promotion(report)}
    card = manifest.card_path.read_text(encoding="utf-8") if manifest.card_path else ""
    written = card.split("\n## Promotion\n")[0] + "\n" + markdown_from_report(report)
    return put_on_shelf(models_dir, document, written, order, key)


def put_on_shelf(
    models_dir: Path,
    document: Mapping[str, Any],
    card: str,
    order: Order,
    key: Ed25519PrivateKey,
) -> ModelManifest:
    """Sign and store a version whose weights are stored, and give it its status."""
    publish_key(key, models_dir)
    waiting = "shadow" if order.to == "shadow" else "candidate"
    signed = sign_document({**document, "status": waiting}, key)
    manifest = store_version(models_dir, signed, card)
    if order.to == "active":
        return activate(models_dir, manifest.name, manifest.version, order.change)
    set_status(models_dir, manifest, order.to, order.change)
    return manifest


def find_waiting(models_dir: Path, name: str) -> ModelManifest:
    """Return the version that ``name`` or ``name@version`` means, which is not in force.

    Raises:
        ModelError: there is none, or more than one.
    """
    plain, _, wanted = name.partition("@")
    if not wanted:
        waiting = [
            model
            for model in list_versions(models_dir, plain)
            if model.status in {"candidate", "shadow"}
        ]
        if len(waiting) == 1:
            return waiting[0]
        listed = ", ".join(f"{model.name}@{model.version}" for model in waiting) or "none"
        message = f"{len(waiting)} versions of {plain} wait to be promoted."
        raise ModelError(message, remedy=f"Name one: {listed}.")
    found = select_manifests((name,), models_dir)[0]
    if found.status == "active":
        message = f"{name} is in force already."
        raise ModelError(message, remedy="Nothing to do.")
    return found


def run_gate(
    candidate: ModelManifest,
    active: ModelManifest | None,
    photos: Sequence[AnnotatedPhoto],
    rules: PromotionRules,
    *,
    extra: Sequence[GateLine] = (),
    force: str = "",
) -> GateReport:
    """Return every line of the gate, measured on the photos through the deployed path."""
    tiles = cut_parity_tiles(photos, candidate.tile_px, GATE_TILES)
    recall, duels = compare_with_active(candidate, active, photos, rules)
    runtimes, agreements = compare_runtimes(candidate, tiles)
    pace, speed = compare_speed(candidate, active, tiles, rules)
    return GateReport(
        model=candidate.name,
        version=candidate.version,
        against=active.version if active else "",
        photos=len(photos),
        lines=(*recall, *extra, *runtimes, *pace),
        duels=duels,
        agreements=agreements,
        speed=speed,
        forced=force,
    )


def draft_manifest(
    settings: TrainingSettings, exported: Exported, measured: Measured
) -> ModelManifest:
    """Return the manifest of a measured model whose files still lie in its run."""
    int8 = exported.int8_path
    draft = replace(
        build_manifest(settings, exported.onnx_path),
        thresholds=measured.thresholds,
        score_floor=min(SHIPPED_FLOOR, *measured.thresholds.values()),
        int8_weights_path=int8,
        int8_weights_sha256=hash_file(int8) if int8 else "",
    )
    return replace(draft, version=compute_version(describe_answers(draft)))


def _export(
    run_dir: Path, photos: Sequence[AnnotatedPhoto], settings: TrainingSettings, order: Order
) -> Exported:
    """Export a run, with INT8 weights where they are wanted and hold what they must."""
    val = [photo for photo in photos if photo.split == "val"]
    onnx_path, parity = export_run(run_dir, cut_parity_tiles(val, settings.tile_px))
    check_export(onnx_path, parity)
    if not order.int8:
        return Exported(onnx_path, parity)
    from training.promotion.quantize import cut_calibration_tiles, quantize_model  # noqa: PLC0415 - needs onnx, which the light install lacks

    tiles = cut_calibration_tiles(photos, settings.tile_px)
    int8_path = quantize_model(onnx_path, tiles, run_dir / "export" / "model.int8.onnx")
    both = replace(
        build_manifest(settings, onnx_path),
        int8_weights_path=int8_path,
        int8_weights_sha256=hash_file(int8_path),
        score_floor=SHIPPED_FLOOR,
    )
    good, line, _ = judge_int8(
        both, val, cut_parity_tiles(val, settings.tile_px, GATE_TILES), settings.promotion
    )
    return Exported(onnx_path, parity, int8_path if good else None, (line,))


def _parity_line(parity: Parity) -> GateLine:
    masks = "" if parity.mask_iou is None else f", masks overlap by {parity.mask_iou:.4f}"
    text = (
        f"checkpoint, ONNX Runtime: {parity.boxes - parity.unmatched} of {parity.boxes} boxes "
        f"matched over {parity.tiles} tiles, largest score error "
        f"{parity.max_score_difference:.5f}{masks}."
    )
    return GateLine("export", parity.holds, text)


def _gate_folder(manifest: ModelManifest) -> Path:
    return RUNS_DIR / f"gate-{manifest.name}-{manifest.version}"
