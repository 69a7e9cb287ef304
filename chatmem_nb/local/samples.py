"""Conversations to fill a store with: the samples of this package, or those of a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError
from ..records import encode, encode_all, from_openai

if TYPE_CHECKING:
    from ..stores.protocol import SessionStore

SAMPLES = Path(__file__).with_name("samples.jsonl")

_LONG_SESSION = "a-long-lesson"
_LONG_QUESTIONS = 300
_FIRST_TIME = datetime(2026, 3, 2, 9, tzinfo=UTC)
_MESSAGE_INTERVAL = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A session's id and its records, oldest first."""

    session_id: str
    records: list[str]


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line of a file that is not a conversation: its number, from 1, and the reason."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


def sample_conversations() -> list[Conversation]:
    """Return the samples: short and long, with tools, code, many languages, and one damaged record."""
    found = read_conversations(SAMPLES, first_time=_FIRST_TIME)
    return [line for line in found if isinstance(line, Conversation)] + [_long_lesson()]


def read_conversations(
    path: str | Path, *, first_time: datetime | None = None
) -> Iterator[Conversation | BrokenLine]:
    """Yield the conversation of each line of the JSONL file `path`, or why the line is invalid.

    A line is `{"session_id": ..., "messages": [...]}` with messages in OpenAI's format, or with `records`
    as they are stored instead. Empty lines are skipped. `stored_at` is now, or, with `first_time`, that time
    and 20 seconds more for each message.

    Raises: OSError if the file cannot be read.
    """
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield _conversation(line, first_time)
            except InvalidInputError as exc:
                yield BrokenLine(number, str(exc))


def seed(store: SessionStore, conversations: Iterable[Conversation]) -> int:
    """Append the `conversations` whose sessions do not exist in `store`; return how many were appended."""
    written = 0
    for conversation in conversations:
        if conversation.records and not store.length(conversation.session_id):
            store.append(conversation.session_id, conversation.records)
            written += 1
    return written


def _conversation(line: bytes, first_time: datetime | None) -> Conversation:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise InvalidInputError(f"not JSON ({getattr(exc, 'msg', type(exc).__name__)})") from None
    if not isinstance(value, dict):
        raise InvalidInputError("not an object with session_id and messages")
    session_id = value.get("session_id")
    if not isinstance(session_id, str) or not session_id:
        raise InvalidInputError("session_id is missing or empty")
    records = value.get("records")
    if records is not None:
        if not isinstance(records, list) or not all(isinstance(record, str) for record in records):
            raise InvalidInputError("records is not a list of strings")
        return Conversation(session_id, records)
    messages = value.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise InvalidInputError("messages is not a list of objects")
    return Conversation(session_id, _encode(messages, first_time))


def _encode(messages: list[dict[str, Any]], first_time: datetime | None) -> list[str]:
    if first_time is None:
        return encode_all(from_openai(messages))
    return [
        encode(message, stored_at=first_time + position * _MESSAGE_INTERVAL)
        for position, message in enumerate(from_openai(messages))
    ]


def _long_lesson() -> Conversation:
    """Return a conversation that is too long for one page."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You practise mental arithmetic with a pupil, one step at a time."}
    ]
    for step in range(1, _LONG_QUESTIONS + 1):
        a, b = 3 + step * 7 % 89, 2 + step * 13 % 97
        messages += [
            {"role": "user", "content": f"Question {step}: what is {a} × {b}?"},
            {
                "role": "assistant",
                "content": f"{a} × {b} = {a} × {b // 10 * 10} + {a} × {b % 10} = **{a * b}**",
            },
        ]
    return Conversation(_LONG_SESSION, _encode(messages, _FIRST_TIME))
