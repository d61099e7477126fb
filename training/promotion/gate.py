"""The gate before a model may take the place of the one in force: what was held, in figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from detection.detectors.base import Detector, TileImage
from detection.detectors.manifest import ModelManifest
from detection.detectors.registry import load_detector
from detection.domain.errors import ModelError
from training.atomic import write_file
from training.data.annotation import AnnotatedPhoto
from training.promotion.agreement import MIN_SCORE, Agreement, Speed, compare_answers, measure_speed
from training.promotion.duel import ClassDuel, compare_class, let_answer, mean_ap50
from training.promotion_rules import PromotionRules

REPORT_NAME = "gate"
RUNTIME_IOU = 0.9
"""Two runtimes of the same weights: boxes and scores may differ by rounding only."""
MAX_RUNTIME_SCORE_ERROR = 0.02
INT8_IOU = 0.5
"""INT8 moves boxes; the same thing is still meant."""
ROUNDING = 1e-9
CLOSE_TO_NOTHING = MIN_SCORE / 2
"""Score from which the like of a box is sought: it may fall below that of the box."""


@dataclass(frozen=True, slots=True)
class GateLine:
    """One thing that was looked at; ``passed`` is None where it only informs."""

    name: str
    passed: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """Every line of the gate with the figures behind them."""

    model: str
    version: str
    against: str
    photos: int
    lines: tuple[GateLine, ...]
    duels: tuple[ClassDuel, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    speed: Speed | None = None
    int8_speed: Speed | None = None
    forced: str = ""

    @property
    def failures(self) -> list[GateLine]:
        """The lines that did not hold."""
        return [line for line in self.lines if line.passed is False]

    @property
    def passed(self) -> bool:
        """Whether every line holds."""
        return not self.failures


class GateRefusedError(ModelError):
    """A model that did not pass the gate; nothing was changed."""

    code = "promotion_refused"


def compare_with_active(
    candidate: ModelManifest,
    active: ModelManifest | None,
    photos: Sequence[AnnotatedPhoto],
    rules: PromotionRules,
) -> tuple[list[GateLine], tuple[ClassDuel, ...]]:
    """Return a line per class of the model in force: is its recall kept at equal false alarms."""
    if active is None:
        return [GateLine("recall", None, "No model of this name is in force to compare with.")], ()
    challenger, standing = let_answer(candidate, photos), let_answer(active, photos)
    lines, duels = [], []
    for key in active.classes:
        if key not in candidate.classes:
            text = f"The candidate does not know {key.value}."
            lines.append(GateLine(f"recall of {key.value}", passed=False, text=text))
            continue
        duel = compare_class(key, challenger, standing)
        duels.append(duel)
        lines.append(_judge(duel, rules.allowed_loss(key)))
    return [_count_evidence(duels, rules.min_boxes), *lines], tuple(duels)


def _count_evidence(duels: Sequence[ClassDuel], least: int) -> GateLine:
    """Return whether the photos show enough for the lines of the classes to mean something."""
    boxes = sum(duel.boxes for duel in duels)
    text = f"The photos show {boxes} true boxes; {least} are needed before a comparison counts."
    if boxes < least:
        text += f" Label {least - boxes} more on photos that no training sees."
    return GateLine("held-out boxes", boxes >= least, text)


def _judge(duel: ClassDuel, allowed: float) -> GateLine:
    name = f"recall of {duel.hazard_class.value}"
    if not duel.boxes:
        return GateLine(name, None, "The photos show none: nothing can be said.")
    interval = (
        "" if duel.interval is None else f" [{duel.interval[0]:+.3f}, {duel.interval[1]:+.3f}]"
    )
    text = (
        f"{duel.candidate_recall:.3f} against {duel.active_recall:.3f} of {duel.boxes} boxes at no "
        f"more than {duel.active_alarms_per_image:.3f} false alarms per image: "
        f"{duel.difference:+.3f}{interval}; a loss of {allowed:.3f} is allowed."
    )
    return GateLine(name, duel.difference >= -allowed - ROUNDING, text)


def compare_runtimes(
    manifest: ModelManifest, tiles: Sequence[TileImage]
) -> tuple[list[GateLine], tuple[Agreement, ...]]:
    """Return whether ONNX Runtime, OpenVINO and the INT8 weights say the same of the tiles."""
    onnx = _detect(_load(manifest, "onnx", "fp32"), tiles)
    openvino = _detect(_load(manifest, "openvino", "fp32"), tiles)
    plain = compare_answers("ONNX Runtime, OpenVINO FP32", onnx, openvino, iou=RUNTIME_IOU)
    holds = plain.matched == plain.boxes and plain.max_score_error <= MAX_RUNTIME_SCORE_ERROR
    lines = [GateLine("runtimes", holds, _tell_agreement(plain))]
    if manifest.int8_weights_path is None:
        return lines, (plain,)
    whole = _detect(_load(manifest, "openvino", "int8"), tiles)
    rounded = compare_answers("OpenVINO FP32, OpenVINO INT8", openvino, whole, iou=INT8_IOU)
    return [*lines, GateLine("INT8 boxes", None, _tell_agreement(rounded))], (plain, rounded)


def compare_speed(
    candidate: ModelManifest,
    active: ModelManifest | None,
    tiles: Sequence[TileImage],
    rules: PromotionRules,
) -> tuple[list[GateLine], Speed | None]:
    """Return whether the candidate is not too slow beside the model in force.

    Where the tiles of both differ in size nothing is compared: the times say different things.
    """
    if active is None:
        return [], None
    if candidate.tile_px != active.tile_px:
        text = f"Tiles of {candidate.tile_px} against {active.tile_px} px: not compared."
        return [GateLine("speed", None, text)], None
    speed = measure_speed(load_detector(candidate), load_detector(active), tiles)
    text = (
        f"{speed.first_ms:.1f} ms per tile against {speed.second_ms:.1f} ms, in turns: "
        f"{speed.ratio:.2f} times as fast [{speed.ratio_low:.2f}, {speed.ratio_high:.2f}]; "
        f"{1 / rules.max_slowdown:.2f} is the least allowed."
    )
    return [GateLine("speed", speed.ratio >= 1 / rules.max_slowdown, text)], speed


def judge_int8(
    manifest: ModelManifest,
    photos: Sequence[AnnotatedPhoto],
    tiles: Sequence[TileImage],
    rules: PromotionRules,
) -> tuple[bool, GateLine, Speed]:
    """Return whether the INT8 weights lose little enough and gain enough to be shipped."""
    plain = replace(manifest, int8_weights_path=None)
    whole = _only_int8(manifest)
    before, by_class = mean_ap50(let_answer(plain, photos, precision="fp32"))
    after, by_class_after = mean_ap50(let_answer(whole, photos, precision="fp32"))
    detectors = [_load(manifest, "openvino", precision) for precision in ("int8", "fp32")]
    speed = measure_speed(detectors[0], detectors[1], tiles)
    each = ", ".join(
        f"{key.value} {value:.3f} → {by_class_after[key]:.3f}" for key, value in by_class.items()
    )
    good = before - after <= rules.max_int8_ap50_loss + ROUNDING
    good = good and speed.ratio >= rules.min_int8_speedup
    text = (
        f"AP50 {before:.3f} → {after:.3f} ({each}), {speed.ratio:.2f} times as fast "
        f"[{speed.ratio_low:.2f}, {speed.ratio_high:.2f}]; "
        f"{'shipped' if good else 'not shipped'} (a loss of {rules.max_int8_ap50_loss:.3f} and "
        f"{rules.min_int8_speedup:.2f} times the speed are the limits)."
    )
    return good, GateLine("INT8", None, text), speed


def refuse(report: GateReport) -> GateRefusedError:
    """Return the error that names what did not hold."""
    lines = "; ".join(f"{line.name}: {line.text}" for line in report.failures)
    message = f"{report.model}@{report.version} is not put in force. {lines}"
    remedy = "Nothing was changed. Train on, or overrule with --force REASON."
    return GateRefusedError(message, remedy=remedy)


def json_from_report(report: GateReport) -> dict[str, Any]:
    """Return the report as plain values."""
    return {**asdict(report), "passed": report.passed}


def markdown_from_report(report: GateReport) -> str:
    """Return the report as a section of the card."""
    against = f"`{report.against}`" if report.against else "no model in force"
    rows = [
        f"| {line.name} | {_verdict(line)} | {line.text.replace('|', '/')} |"
        for line in report.lines
    ]
    about = (
        f"Version `{report.version}` against {against}, on {report.photos} photos, deployed "
        "path. Differences with their 95 % bootstrap interval, paired by photo."
    )
    parts = [
        "## Promotion",
        about,
        "\n".join(["| line | held | figures |", "|---|---|---|", *rows]),
    ]
    if report.agreements:
        parts.append(_agreement_table(report.agreements))
    if report.forced:
        parts.append(f"Overruled by hand: {report.forced}")
    return "\n\n".join(parts) + "\n"


def write_report(folder: Path, report: GateReport) -> Path:
    """Write the report as JSON and markdown; return the path of the latter."""
    text = json.dumps(json_from_report(report), indent=2, default=str)
    write_file(folder / f"{REPORT_NAME}.json", text.encode())
    path = folder / f"{REPORT_NAME}.md"
    write_file(path, markdown_from_report(report).encode())
    return path


def _agreement_table(agreements: Sequence[Agreement]) -> str:
    rows = [
        f"| {row.pair} | {row.tiles} | {row.matched} of {row.boxes} at IoU {row.iou} "
        f"| {row.mean_score_error:.4f} | {row.max_score_error:.4f} |"
        for row in agreements
    ]
    head = "| pair | tiles | matched boxes | mean score error | largest |"
    return "\n".join([head, "|---|---:|---|---:|---:|", *rows])


def _verdict(line: GateLine) -> str:
    return {True: "yes", False: "**no**", None: "told only"}[line.passed]


def _tell_agreement(found: Agreement) -> str:
    return (
        f"{found.pair}: {found.matched} of {found.boxes} boxes matched over {found.tiles} tiles, "
        f"largest score error {found.max_score_error:.4f}."
    )


def _only_int8(manifest: ModelManifest) -> ModelManifest:
    if manifest.int8_weights_path is None:
        message = f"Model {manifest.name} has no INT8 weights."
        raise ModelError(message, remedy="Quantise it first.")
    return replace(
        manifest,
        weights_path=manifest.int8_weights_path,
        weights_sha256=manifest.int8_weights_sha256,
        int8_weights_path=None,
    )


def _load(manifest: ModelManifest, runtime: str, precision: str) -> Detector:
    chosen = (
        _only_int8(manifest) if precision == "int8" else replace(manifest, int8_weights_path=None)
    )
    chosen = replace(chosen, score_floor=CLOSE_TO_NOTHING)
    return load_detector(chosen, runtime=runtime, precision="fp32")  # what is not INT8, too


def _detect(detector: Detector, tiles: Sequence[TileImage]) -> list[Any]:
    return list(detector.detect_tiles(tiles))
