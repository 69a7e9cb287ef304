"""Messages that someone pasted as JSON: one, a list, or one a line; LangChain's form or OpenAI's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from ..errors import InvalidInputError, RecordError
from ..records import MESSAGE_CLASSES, from_openai, parse, to_json
from .request_errors import RequestError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[\s]*")
_ERRORS_TOLD: Final = 20


class PasteError(Exception):
    """What was pasted cannot be used; `errors` are {line, message}, without the words that were pasted."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"{len(errors)} of the pasted messages cannot be used")
        self.errors = errors


def read_messages(text: str) -> list[BaseMessage]:
    """Return the messages that `text` holds, in order.

    Raises: PasteError, with the line of each invalid message; then no message is used.
    """
    messages: list[BaseMessage] = []
    errors: list[dict[str, Any]] = []
    try:
        for line, value in _items(text):
            try:
                messages += _as_messages(value)
            except (InvalidInputError, RecordError, RequestError) as exc:
                errors.append({"line": line, "message": _reason(exc)})
                if len(errors) >= _ERRORS_TOLD:
                    break
    except PasteError as exc:
        errors += exc.errors
    if not errors and not messages:
        errors.append({"line": 1, "message": "Paste a message or a list of messages."})
    if errors:
        raise PasteError(errors)
    return messages


def _items(text: str) -> Iterator[tuple[int, Any]]:
    """Yield the line and value of each message: of the elements of a list, or of values one after another."""
    at = _skip(text, 0)
    if not text.startswith("[", at):
        while at < len(text):
            value, end = _value(text, at)
            yield _line(text, at), value
            at = _skip(text, end)
        return
    at = _skip(text, at + 1)
    while not text.startswith("]", at):
        value, end = _value(text, at)
        yield _line(text, at), value
        at = _skip(text, end)
        if text.startswith(",", at):
            at = _skip(text, at + 1)
        elif not text.startswith("]", at):
            raise _broken(text, at, "a comma or the end of the list is missing")
    if _skip(text, at + 1) < len(text):
        raise _broken(text, _skip(text, at + 1), "something stands after the end of the list")


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as exc:
        raise _broken(text, exc.pos, exc.msg) from None
    except RecursionError:
        raise _broken(text, at, "nested too deeply") from None
    except ValueError:  # a number of more digits than Python reads
        raise _broken(text, at, "a value out of range") from None


def _as_messages(value: object) -> list[BaseMessage]:
    if not isinstance(value, dict):
        raise RequestError("invalid", "A message is a JSON object, with `type` and `data` or with `role`.")
    if "role" in value and "data" not in value:
        return _from_openai(value)
    if isinstance(value.get("messages"), list) and "type" not in value:
        return [message for item in value["messages"] for message in _as_messages(item)]
    if value.get("type") in MESSAGE_CLASSES and "data" not in value:
        value = {"type": value["type"], "data": value}  # a message dumped without its envelope
    if "type" not in value:
        raise RequestError(
            "invalid", "It has neither `role` (OpenAI's form) nor `type` and `data` (LangChain's)."
        )
    return [parse(to_json(value)).message]


def _from_openai(value: dict[str, Any]) -> list[BaseMessage]:
    try:
        return from_openai([value])
    except InvalidInputError as exc:
        # Its number among those of one call is of no use to someone who reads line numbers.
        raise RequestError("invalid", f"This message is {exc.reason}.") from None


def _reason(exc: Exception) -> str:
    if isinstance(exc, RecordError):
        return f"Not a message: {exc.reason}."
    return str(exc)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _broken(text: str, at: int, reason: str) -> PasteError:
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return PasteError([{"line": _line(text, at), "message": f"Invalid JSON: {reason} (column {column})."}])
