"""Photos per second on a GPU from end to end, and how busy the GPU is; nothing without one.

    python -m tests.bench.speed_gpu FOLDER [--device cuda:1] [--runtime torch] [--batch 64]

prints one JSON object as its last line, ``null`` with the reason before it where there is no GPU.
The photos are decoded on CPU threads; each is looked at by every active model with the settings in
force. Run it in the environment that `make test-gpu` makes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from detection.detectors.devices import Device, find_device
from detection.detectors.manifest import select_manifests
from detection.detectors.registry import load_detector
from detection.domain.errors import ConfigurationError
from detection.domain.photo import FlightKind, Photo
from detection.ingest.flight import read_flight
from detection.pipeline import detect_photos
from detection.settings import DetectionSettings, load_settings

WARM_UP = 8
"""Photos looked at before the clock starts: libraries choose their algorithms by the first."""

ROUNDS = 3
SAMPLE_S = 0.3

Figures = dict[str, float | int | str]


def measure_gpu(photos: Sequence[Photo], settings: DetectionSettings) -> Figures:
    """Return photos per second (median of the rounds), busy share and CPU seconds per photo.

    Raises:
        ConfigurationError: there is no GPU, or the runtime cannot use it.
    """
    device = find_device(settings.runtime, settings.device)
    detectors = [
        load_detector(
            one,
            runtime=settings.runtime,
            precision=settings.precision,
            device=settings.device,
            batch=settings.batch,
        )
        for one in select_manifests(settings.models)
    ]
    list(detect_photos(photos[:WARM_UP], detectors, settings))
    rates, busy, cpu_s = [], [], []
    for _ in range(ROUNDS):
        started, cpu_started = time.perf_counter(), time.process_time()
        with watch_gpu(device) as samples:
            count = sum(1 for _ in detect_photos(photos, detectors, settings))
        rates.append(count / (time.perf_counter() - started))
        cpu_s.append((time.process_time() - cpu_started) / count)
        busy += samples
    return {
        "gpu": ask_gpu(device, "name"),
        "gpu_runtime": settings.runtime,
        "gpu_precision": detectors[0].manifest.precision,
        "gpu_photos": len(photos),
        "gpu_photos_per_s": round(statistics.median(rates), 2),
        "gpu_busy_share": round(statistics.fmean(busy) / 100, 3) if busy else -1.0,
        "gpu_memory_mb": float(ask_gpu(device, "memory.used")),
        "gpu_cpu_s_per_photo": round(statistics.median(cpu_s), 4),
    }


@contextmanager
def watch_gpu(device: Device) -> Iterator[list[float]]:
    """Give a list that holds, afterwards, the shares of time in which a kernel ran, percent."""
    samples: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(SAMPLE_S):
            samples.append(float(ask_gpu(device, "utilization.gpu")))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield samples
    finally:
        over.set()
        watcher.join()


def ask_gpu(device: Device, field: str) -> str:
    """Return one field of what nvidia-smi knows of a GPU."""
    layout = "--format=csv,noheader,nounits"
    command = ["nvidia-smi", f"--id={device.index}", f"--query-gpu={field}", layout]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main(arguments: Sequence[str] | None = None) -> Figures | None:
    """Measure the photos of a folder and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--runtime", default="onnx", choices=["onnx", "torch"])
    parser.add_argument("--batch", type=int)
    parser.add_argument("--precision")
    chosen = vars(parser.parse_args(arguments))
    folder = chosen.pop("folder")
    settings = load_settings(**chosen)
    figures: Figures | None = None
    try:
        find_device(settings.runtime, settings.device)
        photos = read_flight(folder, FlightKind.DRONE, "bench").photos
        figures = measure_gpu(photos, settings)
    except ConfigurationError as error:
        sys.stdout.write(f"No figures of a GPU: {error}\n")
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return figures


if __name__ == "__main__":
    main()
