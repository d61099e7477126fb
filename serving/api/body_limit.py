"""Refuse bodies that are too large before they fill the disk or the memory."""

from __future__ import annotations

import contextlib
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import answer_problem, make_problem

REMEDY = "Upload single photos or a smaller layer; the limit is HAZARDLENS_MAX_UPLOAD_MB."
SMALL_REMEDY = "Send less; only photos and layers may be large."
UPLOAD_PATH = re.compile(r"/api/v1/(flights/[^/]+/photos|layers)")
TRANSFER_PATH = re.compile(r"/api/v1/(flights/[^/]+/uploads|uploads/[^/]+)")
LIST_PATH = re.compile(r"/api/v1/flights/[^/]+/files/announce")
MAX_LIST_BYTES = 4_000_000
"""A thousand long Chinese names and their hashes, every character escaped."""


class _TooLargeError(Exception):
    """More bytes came than were announced or allowed."""


class BodyLimit:
    """ASGI middleware that counts the body's bytes, announced or not.

    Photos and layers go to disk while they arrive; everything else is read into memory, before
    anybody asks who sends it, and has a much lower limit.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, max_upload_bytes: int, max_transfer_bytes: int
    ) -> None:
        """Let bodies of up to ``max_bytes`` through, files up to the other two.

        Pieces of a transfer are limited more strictly by whoever knows the file's length.
        """
        self._app = app
        self._max_bytes = max_bytes
        self._max_upload_bytes = max_upload_bytes
        self._max_transfer_bytes = max_transfer_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        is_upload = limit > MAX_LIST_BYTES
        if _announced_bytes(scope) > limit:
            await _refuse(scope, receive, send, limit=limit, is_upload=is_upload)
            return
        seen_bytes = 0
        has_begun = False

        async def receive_counted() -> Message:
            nonlocal seen_bytes
            message = await receive()
            seen_bytes += len(message.get("body", b""))
            if seen_bytes > limit:
                raise _TooLargeError
            return message

        async def send_noted(message: Message) -> None:
            nonlocal has_begun
            # The framework takes our error for one of the parser and answers 400: not sent.
            if seen_bytes <= limit or has_begun:
                has_begun = True
                await send(message)

        with contextlib.suppress(_TooLargeError):
            await self._app(scope, receive_counted, send_noted)
        if seen_bytes > limit and not has_begun:
            await _refuse(scope, receive, send, limit=limit, is_upload=is_upload)

    def _limit_of(self, path: str) -> int:
        if TRANSFER_PATH.fullmatch(path):
            return self._max_transfer_bytes
        if UPLOAD_PATH.fullmatch(path):
            return self._max_upload_bytes
        return MAX_LIST_BYTES if LIST_PATH.fullmatch(path) else self._max_bytes


async def _refuse(
    scope: Scope, receive: Receive, send: Send, *, limit: int, is_upload: bool
) -> None:
    detail = f"The request is larger than {limit} bytes."
    remedy = REMEDY if is_upload else SMALL_REMEDY
    problem = make_problem(413, "file_too_large", detail, remedy)
    await answer_problem(problem, {"Connection": "close"})(scope, receive, send)


def _announced_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
