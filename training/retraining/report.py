"""``report.json``: the candidate against the model in force, with everything that is behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detection.detectors.manifest import ModelManifest
from detection.report.messages import Text
from training.atomic import write_file
from training.fitting.curves import read_epochs, shorten_figures
from training.record import read_record
from training.retraining.build import FROZEN, read_built
from training.retraining.candidate import read_candidate
from training.retraining.compare import write_verdict
from training.retraining.order import Order
from training.retraining.page import render_page
from training.retraining.start import read_started
from training.retraining.verdict import Verdict, join_sets

REPORT_JSON = "report.json"
REPORT_PAGE = "report.html"
SCHEMA = 1
_LOSS = "train/"


def write_report(
    order: Order,
    run_dir: Path,
    models: tuple[ModelManifest, ModelManifest],
    sets: Sequence[Mapping[str, Any]],
    stages: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Write ``report.json`` and ``report.html``; return the former.

    ``models`` are the one in force and the candidate, ``sets`` what ``compare_set`` returned.
    """
    running, candidate = models
    record = read_record(run_dir / "training")
    kept = read_candidate(run_dir)
    document = {
        "schema": SCHEMA,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": run_dir.name,
        "model": order.model,
        "lang": order.lang,
        "candidate": _tell_candidate(candidate, record, run_dir, kept),
        "running": _tell_model(running),
        "verdict": write_verdict(_join(sets)),
        "sets": list(sets),
        "data": _tell_data(run_dir, record),
        "epochs": list_epochs(run_dir / "training"),
        "gate": read_gate(run_dir / "training"),
        "frozen": {
            "images": str(run_dir / FROZEN / "images"),
            "labels": str(run_dir / FROZEN / "labels"),
        },
        "stages": [{"name": row["name"], "seconds": row["seconds"]} for row in stages],
        "machine": {
            "device": record.get("device"),
            "cpu": record["environment"].get("cpu"),
            "threads": record["environment"].get("threads"),
        },
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    write_file(run_dir / REPORT_PAGE, render_page(document).encode())
    write_file(run_dir / REPORT_JSON, text.encode())
    return document


def _join(sets: Sequence[Mapping[str, Any]]) -> Verdict:
    named = [
        (Text(**one["title"]), Verdict(one["verdict"]["code"], one["verdict"]["reason"]))
        for one in sets
    ]
    return join_sets(named)


def _tell_model(manifest: ModelManifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "weights_sha256": manifest.weights_sha256,
        "thresholds": {key.value: value for key, value in manifest.thresholds.items()},
        "trained_at": manifest.trained_at,
    }


def _tell_candidate(
    manifest: ModelManifest, record: Mapping[str, Any], run_dir: Path, kept: Mapping[str, Any]
) -> dict[str, Any]:
    started = read_started(run_dir)
    plan = record["config"]["optimisation"]
    return _tell_model(manifest) | {
        "epochs": plan["epochs"],
        "image_px": plan["image_px"],
        "start_share": plan["start_share"],
        "thresholds_kept": kept["thresholds_kept"],
        "started_from": started["kind"],
        "start_sha256": started["sha256"],
        "start_parity": started["parity"],
        "device": record.get("device"),
        "seconds": record.get("seconds"),
        "interruptions": len(record.get("interruptions", [])),
    }


def _tell_data(run_dir: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    built = read_built(run_dir)
    return {
        "version": built["version"],
        "folder": built["folder"],
        "decided": built["decided"],
        "counts": built["counts"],
        "left_out": [{"code": code, "count": n} for code, n in built["left_out"].items()],
        "replay": built["replay"],
        "trained_on": record["data_counts"].get("train", {}),
    }


def list_epochs(training: Path) -> list[dict[str, Any]]:
    """Return losses and figures on val of each epoch."""
    return [
        {
            "epoch": int(row["epoch"]),
            "losses": {
                key.removeprefix(_LOSS): value
                for key, value in row.items()
                if key.startswith(_LOSS)
            },
            "val": shorten_figures(row),
        }
        for row in read_epochs(training)
    ]


def read_gate(training: Path) -> dict[str, Any] | None:
    """Return what the gate against the model in force said when the candidate was put up."""
    try:
        gate = dict(json.loads((training / "gate.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    return {key: gate[key] for key in ("passed", "against", "photos", "lines")}
