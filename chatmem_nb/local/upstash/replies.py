"""Commands and replies, and the JSON that Upstash responds with for a reply."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Command = Sequence[bytes]
"""A command's name and its arguments."""


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error as the reply to one command; `text` begins with Redis' error code."""

    text: str


Reply = bytes | int | float | None | ErrorReply | list["Reply"]
"""The reply to one command: the types of RESP2."""


def command_name(command: Command) -> str:
    """Return the name of `command` in upper case."""
    return command[0].decode("ascii", "replace").upper()


def as_result(reply: Reply, *, encode: bool) -> dict[str, Any]:
    """Convert one reply to `{"result": ...}` or `{"error": ...}`; its strings are base64 if `encode`.

    See https://upstash.com/docs/redis/features/restapi, "Response" and "Base64 Encoded Responses".
    """
    if isinstance(reply, ErrorReply):
        return {"error": reply.text}
    if reply == b"OK":
        return {"result": "OK"}  # Upstash does not encode this one string
    return {"result": _as_json(reply, encode)}


def _as_json(reply: Reply, encode: bool) -> Any:
    if isinstance(reply, list):
        return [_as_json(element, encode) for element in reply]
    if isinstance(reply, ErrorReply):
        return _text(reply.text.encode(), encode)
    if isinstance(reply, bytes):
        return _text(reply, encode)
    if isinstance(reply, float):  # RESP2 has no floats
        return _text(repr(reply).encode(), encode)
    return reply


def _text(value: bytes, encode: bool) -> str:
    return base64.b64encode(value).decode("ascii") if encode else value.decode("utf-8", "replace")


def size(reply: Reply) -> int:
    """Return the number of bytes of text in `reply`."""
    if isinstance(reply, list):
        return sum(map(size, reply))
    return len(reply) if isinstance(reply, bytes) else 0
