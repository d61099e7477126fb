"""What the machine lets this process use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import cv2

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
CPU_INFO = Path("/proc/cpuinfo")

BF16_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16"})


def count_cpus() -> int:
    """Return how many processors this process can keep busy, at least one.

    These are the processors that it may run on, or fewer where a control group (a container, a
    unit of systemd) gives it less time than they have; a part of one counts as one.
    """
    allowed = len(os.sched_getaffinity(0))
    quota = read_cpu_quota()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


@contextmanager
def picture_in_one_thread() -> Iterator[None]:
    """Let OpenCV work on a picture in the thread that asks, and in no other, while this is open.

    Where photos are looked at side by side every processor is busy, and its own threads, which
    wait for their part of a picture without sleeping, take time from the models.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def read_cpu_quota(cgroups: Path = CGROUPS, own: Path = OWN_CGROUPS) -> float | None:
    """Return the least processor time per time of the own control group and those above it.

    Version 2 (``cpu.max``) and 1 (``cpu.cfs_quota_us``) are read; None where nothing is bounded
    or nothing can be read.
    """
    shares = [_read_share(folder) for folder in _list_folders(cgroups, own)]
    return min((share for share in shares if share is not None), default=None)


def _list_folders(cgroups: Path, own: Path) -> Iterator[Path]:
    """Yield the folder of each control group of processor time, from the own one upwards.

    In a container the path may be that outside of it, where its own group is mounted on top: what
    does not exist bounds nothing, and the top is always looked at.
    """
    for line in _read_text(own).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        for name in (controllers, "cpu", "cpu,cpuacct") if controllers else ("", "unified"):
            top = cgroups / name
            inner = PurePosixPath(path.lstrip("/"))
            yield from (top / parent for parent in (inner, *inner.parents))


def _read_share(folder: Path) -> float | None:
    """Return processor time per time that one control group may use."""
    quota, _, period = _read_text(folder / "cpu.max").strip().partition(" ")
    if not quota:
        quota = _read_text(folder / "cpu.cfs_quota_us").strip()
        period = _read_text(folder / "cpu.cfs_period_us").strip()
    if not (quota.isdigit() and period.isdigit() and int(quota) and int(period)):
        return None  # "max", -1, or no such file
    return int(quota) / int(period)


def has_bf16_instructions() -> bool:
    """Whether the processor multiplies in bfloat16 (AVX-512 or AMX)."""
    return bool(_read_cpu_flags() & BF16_INSTRUCTIONS)


def _read_cpu_flags() -> set[str]:
    return set(_read_text(CPU_INFO).split())


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
