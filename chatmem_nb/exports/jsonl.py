"""JSON Lines: a line a message, in the form that LangChain's `messages_from_dict` takes."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InvalidInputError
from ..json_text import parse_json
from ..plain_text import is_utf8
from ..records import StoredMessage, to_json
from .writers import JSONObject, TextWriter


class JsonlWriter(TextWriter):
    """Each line is the record with its session's id and its index before its own keys, and nothing lost."""

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        self.write("".join(line(session_id, record) for record in records))


def line(session_id: str | None, record: StoredMessage) -> str:
    """Return the line of one record, with its end.

    The record stands in it character for character, so that it comes back byte for byte. One that has no
    such place (no JSON object, or on several lines) is a text, `raw`, beside its `error`.
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
    if '"session_id"' not in raw and '"index"' not in raw and '"raw"' not in raw:
        return True
    value = parse_json(raw)
    return not {"session_id", "index", "raw"} & set(value)


def record_of(text: str, number: int) -> tuple[str | None, str]:
    """Return the session id and the record of line `number`.

    Raises: InvalidInputError, with the line's number.
    """
    value = value_of(text, number)
    session_id, index = value.pop("session_id", None), value.pop("index", None)
    if session_id is not None and not isinstance(session_id, str):
        raise InvalidInputError(f"line {number} has a session_id that is no text")
    if isinstance(value.get("raw"), str) and "data" not in value:
        return session_id, value["raw"]
    if "type" not in value:
        raise InvalidInputError(f"line {number} holds no message: it has neither `type` and `data` nor `raw`")
    head = _head(session_id, index) + ", " if isinstance(index, int) else ""
    # A line that something else has written has no text of a record in it, only its value.
    return session_id, "{" + text[len(head) :] if head and text.startswith(head) else to_json(value)


def value_of(text: str, number: int) -> JSONObject:
    """Return the object of line `number`.

    Raises: InvalidInputError if it is not valid.
    """
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        raise InvalidInputError(f"line {number} is no JSON") from None
    if not isinstance(value, dict):
        raise InvalidInputError(f"line {number} is no JSON object")
    return value
