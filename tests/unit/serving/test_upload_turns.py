"""Whoever has the turn to write is asked to stop, as often as others come."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from serving.api.upload_turns import Turn, TurnOverError


async def _wait_for_ever() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def _read_first(turn: Turn, request: Request) -> bytes:
    return await anext(turn.read(request))


def test_a_turn_that_is_ending_can_be_asked_to_end_again() -> None:
    async def ask_at_every_step() -> None:
        turn = Turn()
        request = Request({"type": "http"}, _wait_for_ever)
        reading = asyncio.create_task(_read_first(turn, request))
        await asyncio.sleep(0)
        while not reading.done():
            turn.end()
            await asyncio.sleep(0)
        with pytest.raises(TurnOverError):
            await reading

    asyncio.run(ask_at_every_step())
