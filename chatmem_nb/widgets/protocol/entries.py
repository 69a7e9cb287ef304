"""A message as the transcript shows it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Failure, Payload, Role
from .parts import Label


class Block(Payload):
    """A content block other than text, without its data."""

    kind: Literal["image", "audio", "file", "reasoning", "other"]
    label: str
    bytes: int | None = None
    html: str | None = None
    showable: bool = False


class CallResult(Payload):
    """The result of a tool call."""

    index: int
    text: str
    clipped: int | None = None
    """Length of the whole text in characters, if it was truncated; `identity` is then set too."""
    identity: str | None = None
    failure: Failure | None = None


class Call(Payload):
    """A tool call with its result, if there is one."""

    name: str
    line: str | None = None
    """The arguments on one line, truncated if they are long."""
    args: str | None = None
    """The whole arguments as JSON, if `line` was truncated."""
    error: str | None = None
    result: CallResult | None = None


class CallOfResult(Payload):
    """The tool call that a tool message responds to."""

    name: str
    index: int


class Tokens(Payload):
    """Token counts of one message or of many."""

    input: int | None
    output: int | None
    total: int | None


class Entry(Payload):
    """A record as the transcript shows it. One with an `error` has its `raw` text and no other content.

    One with `answers` is the result of that call, whose entry shows the text.
    """

    index: int
    identity: str
    role: Role
    stored_at: str | None = None
    error: str | None = None
    name: str | None = None
    html: str | None = None
    clipped: int | None = None
    """Length of the whole text in characters, if it was truncated."""
    blocks: list[Block] = Field(default_factory=list)
    tool_calls: list[Call] = Field(default_factory=list)
    tool_calls_total: int | None = None
    """How many there are, if `tool_calls` is truncated."""
    answers: CallOfResult | None = None
    failure: Failure | None = None
    raw: str | None = None
    model: str | None = None
    finish_reason: str | None = None
    tokens: Tokens | None = None
    label: Label | None = None
