"""Commands, replies, and replies as the JSON that Upstash answers with."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Command = Sequence[bytes]
"""A command's name and its arguments."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as the answer to one command; `text` begins with Redis' error code."""

    text: str


Reply = bytes | int | float | None | Refusal | list["Reply"]
"""What an engine answers to one command: the reply kinds of RESP2."""


def as_result(reply: Reply, *, encode: bool) -> dict[str, Any]:
    """Return the answer to one command, `{"result": ...}` or `{"error": ...}`; base64 if `encode`.

    See https://upstash.com/docs/redis/features/restapi, "Response" and "Base64 Encoded Responses".
    """
    if isinstance(reply, Refusal):
        return {"error": reply.text}
    if reply == b"OK":
        return {"result": "OK"}  # Upstash leaves this one string as it is
    return {"result": _as_json(reply, encode)}


def _as_json(reply: Reply, encode: bool) -> Any:
    if isinstance(reply, list):
        return [_as_json(element, encode) for element in reply]
    if isinstance(reply, Refusal):
        return _text(reply.text.encode(), encode)
    if isinstance(reply, bytes):
        return _text(reply, encode)
    if isinstance(reply, float):  # RESP2 has no numbers beside integers
        return _text(repr(reply).encode(), encode)
    return reply


def _text(value: bytes, encode: bool) -> str:
    return base64.b64encode(value).decode("ascii") if encode else value.decode("utf-8", "replace")


def size(reply: Reply) -> int:
    """Return how many bytes of text `reply` holds."""
    if isinstance(reply, list):
        return sum(map(size, reply))
    return len(reply) if isinstance(reply, bytes) else 0
