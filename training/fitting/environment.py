"""What a training ran on: versions, processor, cores, and the commit of this repository."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from training.settings import REPOSITORY_DIR

PACKAGES = ("torch", "torchvision", "ultralytics", "numpy", "opencv-python-headless")
_CPU_INFO = Path("/proc/cpuinfo")
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_GIT_SECONDS = 20


def count_cores(quota_file: Path = _CPU_QUOTA) -> int:
    """Return the cores that this process may use: its affinity, and the quota of its cgroup."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = quota_file.read_text(encoding="ascii").split()
        limit = int(quota) // int(period)
    except (OSError, ValueError):  # no cgroup, or "max": no limit
        limit = cores or 1
    return max(1, min(cores or 1, limit))


def count_threads() -> int:
    """Return the threads to train with: all cores but one, which reads and varies photos."""
    return max(1, count_cores() - 1)


def describe_environment() -> dict[str, str]:
    """Return what a repetition of the run needs to know, without the name of the machine."""
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpu": _name_cpu(),
        "threads": str(count_threads()),
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | describe_commit(REPOSITORY_DIR)


def describe_commit(folder: Path) -> dict[str, str]:
    """Return the git commit of a folder and whether files differ from it; nothing without git."""
    commit = _ask_git(folder, "rev-parse", "HEAD")
    if commit is None:
        return {}
    changed = _ask_git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "commit_dirty": str(bool(changed)).lower()}


def _ask_git(folder: Path, *arguments: str) -> str | None:
    if not (folder / ".git").exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603  # fixed arguments, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # the user's own git
            check=True,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _name_cpu() -> str:
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
