from __future__ import annotations

import os
from pathlib import Path

import pytest

from detection import machine
from detection.machine import count_cpus, has_bf16_instructions, read_cpu_quota


class Groups:
    """A cgroup file system of drawn files, as the kernel, docker and systemd lay it out."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cgroup"
        self.own = folder / "own"
        self.root.mkdir()
        self.own.write_text("", encoding="ascii")

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{text}\n", encoding="ascii")

    def bound(self, path: str, quota_us: int, period_us: int = 100_000) -> None:
        self.write(f"{path}/cpu.cfs_quota_us", str(quota_us))
        self.write(f"{path}/cpu.cfs_period_us", str(period_us))

    def quota(self) -> float | None:
        return read_cpu_quota(self.root, self.own)


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    return Groups(tmp_path)


def test_without_control_groups_nothing_is_bounded(tmp_path: Path) -> None:
    assert read_cpu_quota(tmp_path / "none", tmp_path / "neither") is None


def test_version_2_is_read(groups: Groups) -> None:
    groups.own.write_text("0::/system.slice/hazardlens.service\n", encoding="ascii")
    groups.write("system.slice/hazardlens.service/cpu.max", "150000 100000")
    assert groups.quota() == 1.5


def test_the_least_of_all_groups_above_counts(groups: Groups) -> None:
    groups.own.write_text("0::/a/b/c\n", encoding="ascii")
    groups.write("a/cpu.max", "200000 100000")
    groups.write("a/b/cpu.max", "max 100000")
    groups.write("a/b/c/cpu.max", "800000 100000")
    assert groups.quota() == 2.0


def test_in_a_container_the_own_group_is_mounted_on_top(groups: Groups) -> None:
    groups.own.write_text("0::/docker/0123abcd\n", encoding="ascii")  # a path of the host
    groups.write("cpu.max", "300000 100000")
    assert groups.quota() == 3.0


def test_version_1_is_read_where_it_is_mounted(groups: Groups) -> None:
    groups.own.write_text("7:cpu,cpuacct:/kubepods/pod1\n4:memory:/kubepods/pod1\n", "ascii")
    groups.bound("cpu,cpuacct/kubepods", -1)
    groups.bound("cpu,cpuacct/kubepods/pod1", 50_000)
    assert groups.quota() == 0.5


def test_a_group_of_memory_bounds_no_processor(groups: Groups) -> None:
    groups.own.write_text("4:memory:/small\n", encoding="ascii")
    groups.bound("memory/small", 50_000)
    assert groups.quota() is None


@pytest.mark.parametrize("text", ["max 100000", "-1", "", "a b", "100000", "0 100000", "100000 0"])
def test_what_is_no_bound_is_none(groups: Groups, text: str) -> None:
    groups.own.write_text("0::/\n", encoding="ascii")
    groups.write("cpu.max", text)
    assert groups.quota() is None


@pytest.mark.parametrize(
    ("allowed", "quota", "count"),
    [(4, None, 4), (4, 1.5, 2), (4, 0.2, 1), (2, 16.0, 2), (1, None, 1)],
)
def test_a_process_has_its_processors_or_what_time_it_is_given(
    monkeypatch: pytest.MonkeyPatch, allowed: int, quota: float | None, count: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)))
    monkeypatch.setattr(machine, "read_cpu_quota", lambda: quota)
    assert count_cpus() == count


@pytest.mark.parametrize(
    ("flags", "bf16"),
    [
        ("flags : sse2 avx512_vnni avx512_bf16", True),
        ("flags : sse2 amx_bf16", True),
        ("Features : fp asimd asimddp", False),
        ("flags : sse2 avx2", False),
    ],
)
def test_instructions_are_those_that_the_processor_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, *, bf16: bool
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor : 0\n{flags}\n", encoding="ascii")
    monkeypatch.setattr(machine, "CPU_INFO", path)
    assert has_bf16_instructions() == bf16
