"""Messages to the text of records."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import BaseMessage, message_chunk_to_message
from pydantic_core import to_json as from_plain

from ..errors import InvalidInputError
from ..plain_text import is_utf8
from .javascript import GENERIC
from .message_types import FLAT, MESSAGE_CLASSES

_JSON = json.JSONEncoder(ensure_ascii=False)
_TEXT = frozenset({str})
_SCALARS = frozenset({str, int, float, bool, type(None)})


def encode(message: BaseMessage, *, stored_at: datetime | None = None, javascript: bool = False) -> str:
    """Return `message` as the text of a record, with a new `record_id` and `stored_at` (default: now).

    A message chunk is stored as the message that it makes up. With `javascript`, a ChatMessage is stored as
    type `generic`, as `@langchain/community` does, which knows no `chat`.

    Raises: InvalidInputError, if `message` is not a LangChain message, or holds what JSON cannot.
    """
    return _encode(message, _stamp(stored_at or datetime.now(UTC)), javascript)


def _encode(message: BaseMessage, stamp: str, javascript: bool) -> str:
    if not isinstance(message, BaseMessage):
        raise InvalidInputError(
            f"expected a langchain_core message, got {type(message).__name__}; "
            "wrap text as HumanMessage(...) or AIMessage(...)"
        )
    message = message_chunk_to_message(message)
    if message.type not in MESSAGE_CLASSES:
        raise InvalidInputError(
            f"a message of type {message.type!r} cannot be read back from a store; "
            f"use one of {', '.join(list(MESSAGE_CLASSES)[:7])}"
        )
    kind = GENERIC if javascript and message.type == "chat" else message.type
    data, record_id = _data_json(message), os.urandom(16).hex()
    return f'{{"type": "{kind}", "data": {data}, "record_id": "{record_id}", "stored_at": "{stamp}"}}'


def _data_json(message: BaseMessage) -> str:
    """Return `message.model_dump()` as JSON text."""
    try:
        if type(message) in FLAT and not message.__pydantic_extra__ and _is_plain(message.__dict__):
            # The fields as they are, in a third of the time. Of what is not plain (dates, bytes, sets), this
            # would silently make text, which json refuses to.
            return from_plain(message.__dict__, inf_nan_mode="constants").decode()
    except (ValueError, RecursionError):
        pass  # lone surrogates; a list in itself
    try:
        dumped = message.model_dump()
    except (TypeError, ValueError, RecursionError) as exc:
        name = type(exc).__name__
        raise InvalidInputError(f"it holds something that pydantic cannot take apart ({name})") from exc
    return to_json(dumped)


def _is_plain(value: Any) -> bool:
    """Whether `value` is made of what JSON has, and of nothing else."""
    kind = type(value)
    if kind is dict:
        if not _TEXT.issuperset(map(type, value)):
            return False
        value = value.values()
    elif kind is not list:
        return kind in _SCALARS
    for inner in value:  # noqa: SIM110 - `all()` of a generator takes twice as long
        if type(inner) not in _SCALARS and not _is_plain(inner):
            return False
    return True


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def record_text(
    kind: str, data: dict[str, Any], *, record_id: str | None = None, stored_at: datetime | None = None
) -> str:
    """Return the text of a record of a message of type `kind`, given as plain data.

    Raises: InvalidInputError if `data` holds what JSON cannot.
    """
    try:
        text = from_plain(data, inf_nan_mode="constants").decode() if _is_plain(data) else to_json(data)
    except (ValueError, RecursionError):  # lone surrogates
        text = to_json(data)
    beside = "" if record_id is None else f', "record_id": {_quoted(record_id)}'
    if stored_at is not None:
        beside += f', "stored_at": "{_stamp(stored_at)}"'
    return f'{{"type": {_quoted(kind)}, "data": {text}{beside}}}'


def encode_all(messages: Iterable[BaseMessage], *, javascript: bool = False) -> list[str]:
    """Return the records of `messages`, in order, all with the same `stored_at`. `javascript`: see `encode`.

    Raises: InvalidInputError, with the `position` of the first message that cannot be stored.
    """
    stamp = _stamp(datetime.now(UTC))
    records = []
    for position, message in enumerate(messages):
        try:
            records.append(_encode(message, stamp, javascript))
        except InvalidInputError as exc:
            raise InvalidInputError(
                f"message {position}: {exc.reason}", reason=exc.reason, position=position
            ) from exc.__cause__
    return records


def _quoted(text: str) -> str:
    """Return `to_json` of a text, in a third of the time where it is ASCII."""
    return json.encoder.encode_basestring(text) if text.isascii() else to_json(text)


def to_json(value: object) -> str:
    """Return `value` as JSON text, readable (not escaped) unless it holds a lone surrogate.

    Raises: InvalidInputError, if JSON cannot hold it.
    """
    try:
        text = _JSON.encode(value)
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidInputError(f"it holds something that JSON cannot: {json_reason(exc)}") from exc
    return _readable(text, value)


def _readable(text: str, value: object) -> str:
    """`text`, or `value` with escapes where `text` cannot be sent."""
    return text if is_utf8(text) else json.dumps(value)  # JSON has an escape for a lone surrogate


def json_reason(exc: Exception) -> str:
    """Return what went wrong, without the text around it."""
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg.removesuffix(' at')} at character {exc.pos}"  # some of json's texts end so
    if isinstance(exc, RecursionError):
        return "nested too deeply"
    return str(exc) if isinstance(exc, TypeError) else "a value out of range"
