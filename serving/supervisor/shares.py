"""How the processors of this machine are shared among the workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

THREADS: Final = "HAZARDLENS_DETECTION_THREADS"

CPUS_PER_WORKER = 8
"""One process keeps four busy, as measured; what Python does one at a time bounds it somewhere
above. Eight is an assumption, not a measurement."""


def choose_workers(cpus: int) -> int:
    """Return how many workers look at photos where nobody says a number.

    As few as keep the processors busy, because every worker holds the models in memory.
    """
    return max(1, round(cpus / CPUS_PER_WORKER))


def share_threads(cpus: int, workers: int) -> int:
    """Return how many threads each of several workers computes with."""
    return max(1, cpus // workers)


def worker_environment(
    environment: Mapping[str, str], *, cpus: int, workers: int
) -> dict[str, str]:
    """Return the environment of a worker among several: its share, where nobody set another."""
    if workers == 1 or environment.get(THREADS):
        return dict(environment)
    return {**environment, THREADS: str(share_threads(cpus, workers))}
