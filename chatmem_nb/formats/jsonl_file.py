"""JSON Lines: a line a message, in the form that LangChain's `messages_from_dict` takes.

Lines may also be conversations, in the form of OpenAI's chat API or in ShareGPT's. A label is a line of its
own after its session: `{"session_id": ..., "label": {...}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from ..json_text import parse_json
from ..plain_text import is_utf8
from ..records import StoredMessage, to_json
from . import sharegpt
from .openai_jsonl import conversation_records
from .piece import RECORDS, Piece
from .writer import JSONObject, SessionEvents, TextWriter

_OWN_KEYS = {"session_id", "index", "raw"}


class JsonlWriter(TextWriter):
    """Each line is the record with its session's id and its index before its own keys, and nothing lost."""

    holds_labels = True

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        self.write("".join(line(session_id, record) for record in records))

    def add_labels(self, session_id: str, events: SessionEvents) -> None:
        every = [*events.session, *chain.from_iterable(events.messages.values())]
        self.write("".join(to_json({"session_id": session_id, "label": event}) + "\n" for event in every))


def line(session_id: str | None, record: StoredMessage) -> str:
    """Return the line of one record, with its end.

    The record stands in it character for character, so that it comes back byte for byte. One that cannot
    (not a JSON object, or on several lines) is a text, `raw`, beside its `error`.
    """
    head = _head(session_id, record.index)
    raw = record.raw
    if record.type is not None and raw.startswith('{"') and _fits(raw):
        return f"{head}, {raw[1:]}\n"
    beside = {"raw": raw} if record.error is None else {"raw": raw, "error": record.error}
    return f"{head}, {to_json(beside)[1:]}\n"


def _head(session_id: str | None, index: int) -> str:
    return f'{{"session_id": {to_json(session_id)}, "index": {index}'


def _fits(raw: str) -> bool:
    """Whether `raw` can stand in a line: on one line itself, with no key that means another thing there."""
    if "\n" in raw or "\r" in raw or not is_utf8(raw):
        return False
    if not any(f'"{key}"' in raw for key in _OWN_KEYS):
        return True
    return not _OWN_KEYS & set(parse_json(raw))


def read(path: Path, session_id: str | None, unit: str = "line") -> Iterator[Piece]:
    """Yield the conversations of a file whose lines are messages or whole conversations.

    `unit` is what errors call a line. `session_id` is for what has none: messages become one session, and
    several conversations a session each, with the number of its line: `chat-1`, `chat-2`.

    Raises: InvalidInputError, with the line.
    """
    current: str | None = None
    records: list[str] = []
    for name, raws, label in _named(_parsed_lines(path, unit), session_id):
        if label is not None:
            yield Piece(name, [], labels=[label])
            continue
        if name != current or len(records) >= RECORDS:
            if current is not None and records:
                yield Piece(current, records)
            current, records = name, []
        records += raws
    if current is not None and records:
        yield Piece(current, records)


def conversation_messages(value: JSONObject) -> list[Any] | None:
    """Return the messages of a conversation in a line, in OpenAI's form; None if it is something else."""
    if {"type", "raw"} & set(value):
        return None
    messages = value.get("messages")
    if isinstance(messages, list):
        return messages
    return sharegpt.openai_messages(value) if sharegpt.is_sharegpt(value) else None


def line_session_id(value: JSONObject) -> Any:
    """Return the session id that a line gives; None if it gives none."""
    name = value.get("session_id")
    return sharegpt.session_id(value) if name is None and sharegpt.is_sharegpt(value) else name


class Line:
    """What a line holds: one record, or a conversation. Raises: InvalidInputError, with the line."""

    __slots__ = ("is_conversation", "label", "number", "place", "records", "session_id")

    def __init__(self, number: int, text: str, unit: str = "line") -> None:
        self.number, self.place = number, f"{unit} {number}"
        value = _object(text, self)
        name = line_session_id(value)
        if name is not None and not isinstance(name, str):
            raise self.error("has a session_id that is not a text", "session_id")
        self.session_id: str | None = name
        messages = conversation_messages(value)
        self.is_conversation = messages is not None
        label = value.get("label")
        self.label = label if isinstance(label, dict) and not {"type", "raw"} & set(value) else None
        if self.label is not None:
            self.records = []
        elif messages is not None:
            self.records = conversation_records(messages, self.place, number)
        else:
            self.records = [_record(value, text, self)]

    def error(self, problem: str, field: str | None = None) -> InvalidInputError:
        """Return the error that this line has `problem`."""
        return InvalidInputError(f"{self.place} {problem}", line=self.number, field=field)


def _parsed_lines(path: Path, unit: str) -> Iterator[Line]:
    # Only line feeds end a line of JSON: other line separators may stand inside of its texts.
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, text in enumerate(file, 1):
            text = text.rstrip("\r\n")
            if text.strip():
                yield Line(number, text, unit)


def _named(
    lines: Iterator[Line], session_id: str | None
) -> Iterator[tuple[str, list[str], JSONObject | None]]:
    """Yield each line's session id and records; the first conversation without an id waits for a second."""
    waiting: Line | None = None
    is_numbered = False
    for line in lines:
        if not line.session_id and not session_id:
            raise line.error("has no session_id; give one, as in session_id='chat'", "session_id")
        if line.session_id or not line.is_conversation:
            yield line.session_id or str(session_id), line.records, line.label
        elif waiting is None and not is_numbered:
            waiting = line
        else:
            if waiting is not None:
                yield f"{session_id}-{waiting.number}", waiting.records, None
                waiting, is_numbered = None, True
            yield f"{session_id}-{line.number}", line.records, None
    if waiting is not None:
        yield str(session_id), waiting.records, None


def _record(value: JSONObject, text: str, line: Line) -> str:
    """Return the text of the record in a line; it is what `line` made the line of, if that was ours."""
    session_id, index = value.pop("session_id", None), value.pop("index", None)
    if isinstance(value.get("raw"), str) and "data" not in value:
        return str(value["raw"])
    if "type" not in value:
        raise line.error("holds no message: it has neither `type` and `data` nor `raw`; choose the format")
    head = _head(session_id, index) + ", " if isinstance(index, int) else ""
    # A line that something else has written has no text of a record in it, only its value.
    return "{" + text[len(head) :] if head and text.startswith(head) else to_json(value)


def _object(text: str, line: Line) -> JSONObject:
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        raise line.error("is not JSON") from None
    if not isinstance(value, dict):
        raise line.error("is not a JSON object")
    return value
