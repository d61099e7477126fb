"""What `hazardlens retrain` leaves, small and made up, for pages and jobs that read it.

Import as ``from tests.training_reports import make_report, make_progress``.
"""

from __future__ import annotations

import json
from typing import Any


def make_report(**changed: object) -> dict[str, Any]:
    """Return a report of `retrain`: the candidate is better on the photos held out."""
    verdict = _verdict("better", "more_found", "It finds more.", "它找到的更多。")
    unknown = _verdict("cannot_tell", "too_few", "Too few photos to tell.", "照片太少")
    report: dict[str, Any] = {
        "schema": 1,
        "made_at": "2026-11-22T12:00:00+00:00",
        "run": "retrain-manhole",
        "model": "manhole",
        "lang": "zh",
        "candidate": {
            "version": "0123456789ab",
            "weights_sha256": "c" * 64,
            "thresholds": {"manhole_missing": 0.3},
            "trained_at": "2026-11-22T11:59:00+00:00",
            "epochs": 3,
            "image_px": 640,
            "started_from": "onnx",
            "start_sha256": "d" * 64,
            "device": "cpu",
        },
        "running": {
            "version": "b7cd22fed391",
            "weights_sha256": "e" * 64,
            "thresholds": {"manhole_missing": 0.25},
            "trained_at": "2026-11-21T11:59:00+00:00",
        },
        "verdict": verdict,
        "sets": [
            _set("frozen", "Photos held out", "留出照片", verdict),
            _set("last_flights", "Last 3 flights", "最近 3 个架次", unknown, is_told=False),
        ],
        "data": {
            "version": "fedcba987654",
            "folder": "versions/fedcba987654",
            "counts": {"train": {"photos": 40, "negatives": 8, "manhole_missing": 20}},
            "left_out": [{"code": "pending", "count": 2}],
            "replay": [{"source": "dataset:manholes", "in_reach": True}],
        },
        "epochs": [],
        "gate": {
            "passed": False,
            "against": "b7cd22fed391",
            "photos": 12,
            "lines": [
                {
                    "name": "recall of manhole_missing",
                    "passed": False,
                    "text": "0.500 against 0.700 of 20 boxes at no more than 0.250 false alarms "
                    "per image: -0.200 [-0.310, -0.080]; a loss of 0.020 is allowed.",
                },
                {"name": "recall of manhole_broken", "passed": None, "text": "A line of its own."},
            ],
        },
        "stages": [{"name": "build", "seconds": 3.0}, {"name": "train", "seconds": 57.5}],
        "machine": {"device": "cpu", "cpu": "test", "threads": 2},
    }
    return report | changed


def make_progress(epochs: int = 3) -> str:
    """Return the lines of a training that is over; the last one was cut off by a kill."""
    lines: list[dict[str, Any]] = [
        {"event": "start", "process": 1, "epoch": 0, "epochs": epochs, "batches": 4, "elapsed_s": 0}
    ]
    for epoch in range(1, epochs + 1):
        lines.append({"event": "batch", "epoch": epoch, "batch": 2, "elapsed_s": epoch * 10 - 5})
        losses = {"box_loss": 2.0 / epoch, "cls_loss": 1.5 / epoch}
        val = {"map50": 0.2 * epoch, "map50_95": 0.1 * epoch}
        lines.append(
            {
                "event": "epoch",
                "epoch": epoch,
                "losses": losses,
                "val": val,
                "elapsed_s": epoch * 10,
            }
        )
    return "\n".join(json.dumps(line) for line in lines) + '\n{"event": "bat'


def _verdict(code: str, reason: str, english: str, chinese: str) -> dict[str, Any]:
    return {"code": code, "reason": reason, "sentence": {"en": english, "zh": chinese}}


def _set(
    key: str, english: str, chinese: str, verdict: dict[str, Any], *, is_told: bool = True
) -> dict[str, Any]:
    compared = {
        "running": _figures(0.6, 0.2),
        "candidate": _figures(0.75, 0.1),
        "difference": {
            "recall": _difference(0.15, 0.05, 0.25) if is_told else _difference(0.15, None, None),
            "false_alarms_per_photo": _difference(-0.1, -0.2, -0.01),
            "ap50": _difference(None, None, None),
        },
        "verdict": verdict,
    }
    return {
        "key": key,
        "title": {"en": english, "zh": chinese},
        "photos": 20,
        "groups": 6,
        "negatives": 5,
        "has_truth": True,
        "note": {"en": "12 photos were trained on.", "zh": "12 张照片训练过"},
        "verdict": verdict,
        "classes": [
            {
                "class": "manhole_missing",
                "name": {"en": "Missing cover", "zh": "井盖缺失"},
                "boxes": 20,
                "groups": 6,
                **compared,
            }
        ],
        "slices": [
            {"facet": "camera", "value": "DJI FC6310", "photos": 9, "groups": 3, "boxes": 8}
            | compared
        ],
    }


def _figures(recall: float, alarms: float) -> dict[str, Any]:
    return {
        "threshold": 0.3,
        "recall": recall,
        "precision": 0.8,
        "false_alarms_per_photo": alarms,
        "ap50": None,
        "hits": round(20 * recall),
        "false_alarms": round(20 * alarms),
        "misses": 20 - round(20 * recall),
    }


def _difference(value: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "p": None if low is None else 0.01}
