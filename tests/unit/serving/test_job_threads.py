"""Every lane of the queue has its threads, however few processors there are."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from serving.jobs.queue import QUEUES
from serving.jobs.worker import SIDE_BY_SIDE, give_every_job_a_thread

JOBS = sum(SIDE_BY_SIDE.get(lane, 1) for lane in QUEUES)


def test_all_lanes_run_at_once_on_one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    all_there = threading.Barrier(JOBS)

    async def run_all() -> None:
        give_every_job_a_thread(asyncio.get_running_loop())
        await asyncio.gather(*(asyncio.to_thread(all_there.wait, 10) for _ in range(JOBS)))

    asyncio.run(run_all())
