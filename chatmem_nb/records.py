"""One stored message: JSON text <-> `BaseMessage`, and `StoredMessage` in between. No I/O.

A record is `{"type": ..., "data": message.model_dump()}`, as `langchain_community` writes it, with two
keys beside them that it and LangChain's JavaScript class ignore: `record_id` and `stored_at`.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from langchain_core import messages as lc
from langchain_core.messages import (
    BaseMessage,
    convert_to_messages,
    convert_to_openai_messages,
    message_chunk_to_message,
)
from pydantic import ValidationError
from pydantic_core import from_json
from pydantic_core import to_json as from_plain

from .errors import InvalidInputError, RecordError
from .json_text import parse_json
from .plain_text import is_utf8

MESSAGE_CLASSES: dict[str, type[BaseMessage]] = {
    "human": lc.HumanMessage,
    "ai": lc.AIMessage,
    "system": lc.SystemMessage,
    "chat": lc.ChatMessage,
    "function": lc.FunctionMessage,
    "tool": lc.ToolMessage,
    "remove": lc.RemoveMessage,
    # Never written here, but others stored pieces of a stream as they came.
    "AIMessageChunk": lc.AIMessageChunk,
    "HumanMessageChunk": lc.HumanMessageChunk,
    "SystemMessageChunk": lc.SystemMessageChunk,
    "ChatMessageChunk": lc.ChatMessageChunk,
    "FunctionMessageChunk": lc.FunctionMessageChunk,
    "ToolMessageChunk": lc.ToolMessageChunk,
}

# The classes that serialise their fields as they are, and whose constructors do no more than validate.
_FLAT = frozenset({lc.HumanMessage, lc.AIMessage, lc.SystemMessage, lc.ToolMessage})
_JSON = json.JSONEncoder(ensure_ascii=False)
_TEXT = frozenset({str})
_SCALARS = frozenset({str, int, float, bool, type(None)})
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One record of a session, readable or not.

    `index` counts from the oldest record, 0. `raw` is the text exactly as stored. Where the record cannot
    be read, `error` says why, and `type` and `data` hold what could be told, or None. `record_id` and
    `stored_at` (UTC) are None for records that something else wrote.

    >>> history = UpstashRedisChatMessageHistory.from_store(store, "one-broken-record")
    >>> [(record.index, record.type, record.error is None) for record in history.records()][:2]
    [(0, 'human', True), (1, None, False)]
    """

    index: int
    raw: str
    type: str | None
    data: dict[str, Any] | None
    error: str | None = None
    record_id: str | None = None
    stored_at: datetime | None = None

    @property
    def message(self) -> BaseMessage:
        """The message, built anew at each access.

        Raises: RecordError, with `index` and `reason`, and without the chat's words.
        """
        if self.error is not None or self.type is None or self.data is None:
            raise RecordError(self.error or "no data", index=self.index)
        return _message(self.type, dict(self.data), self.index)


def encode(message: BaseMessage, *, stored_at: datetime | None = None) -> str:
    """Return `message` as the text of a record, with a new `record_id` and `stored_at` (default: now).

    A message chunk is stored as the message that it makes up.

    Raises: InvalidInputError, where `message` is none, or holds what JSON cannot.
    """
    return _encode(message, _stamp(stored_at or datetime.now(UTC)))


def _encode(message: BaseMessage, stamp: str) -> str:
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
    data, record_id = _data_json(message), os.urandom(16).hex()
    return f'{{"type": "{message.type}", "data": {data}, "record_id": "{record_id}", "stored_at": "{stamp}"}}'


def _data_json(message: BaseMessage) -> str:
    """`message.model_dump()` as JSON text."""
    try:
        if type(message) in _FLAT and not message.__pydantic_extra__ and _is_plain(message.__dict__):
            # The fields as they are, in a third of the time. What is not plain, this would make text of in
            # silence, where json refuses it: dates, bytes, sets.
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
    beside = "" if record_id is None else f', "record_id": {to_json(record_id)}'
    if stored_at is not None:
        beside += f', "stored_at": "{_stamp(stored_at)}"'
    return f'{{"type": {to_json(kind)}, "data": {text}{beside}}}'


def unreadable_text(reason: str) -> str:
    """Return the text of a record in the place of one that its source cannot read; `parse` gives `reason`."""
    return to_json({"unreadable": reason})


def unreadable_reason(raw: str) -> str | None:
    """Return the reason that `unreadable_text` was given; None if `raw` is another record."""
    return parse(raw).error if raw.startswith('{"unreadable":') else None


def encode_all(messages: Iterable[BaseMessage]) -> list[str]:
    """Return the records of `messages`, in order, all with the same `stored_at`.

    Raises: InvalidInputError, naming the first message that cannot be stored; nothing is half done.
    """
    stamp = _stamp(datetime.now(UTC))
    records = []
    for position, message in enumerate(messages):
        try:
            records.append(_encode(message, stamp))
        except InvalidInputError as exc:
            raise InvalidInputError(f"message {position}: {exc}") from exc.__cause__
    return records


def from_openai(messages: Iterable[dict[str, Any]]) -> list[BaseMessage]:
    """Return messages in OpenAI's form (`role`, `content`, `tool_calls`, ...) as LangChain's.

    Raises: InvalidInputError, naming the first that is none.
    """
    converted: list[BaseMessage] = []
    for position, message in enumerate(messages):
        try:
            converted += convert_to_messages([message])
        except Exception as exc:  # noqa: BLE001 - langchain_core raises what comes, with the chat's words
            name = type(exc).__name__
            raise InvalidInputError(
                f"message {position} is none in OpenAI's form: it needs a `role` (system, user, assistant "
                f"or tool) and `content`; a tool's answer needs its `tool_call_id` ({name})"
            ) from None
    return converted


def to_openai(message: BaseMessage) -> dict[str, Any]:
    """Return `message` in OpenAI's form, its content as text if it is text, else as blocks.

    Raises: InvalidInputError, where that form has no place for it.
    """
    # Text blocks as one text would get line breaks between them that nobody wrote.
    text_format: Literal["string", "block"] = "string" if isinstance(message.content, str) else "block"
    try:
        return convert_to_openai_messages(message, text_format=text_format)
    except Exception as exc:  # noqa: BLE001 - langchain_core raises what comes, with the chat's words
        name = type(exc).__name__
    raise InvalidInputError(f"OpenAI's form has no place for it ({name})")


def to_json(value: object) -> str:
    """Return `value` as JSON text, readable (not escaped) but where a lone surrogate stands.

    Raises: InvalidInputError, where JSON cannot hold it.
    """
    try:
        text = _JSON.encode(value)
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidInputError(f"it holds something that JSON cannot: {_json_reason(exc)}") from exc
    return _readable(text, value)


def _readable(text: str, value: object) -> str:
    """`text`, or `value` with escapes where `text` cannot be sent."""
    return text if is_utf8(text) else json.dumps(value)  # JSON has an escape for a lone surrogate


def parse(raw: str, index: int = 0) -> StoredMessage:
    """Return the record that the text `raw` holds. Never raises: what is wrong stands in `error`."""
    try:
        value = parse_json(raw)
    except (ValueError, RecursionError) as exc:
        return StoredMessage(index, raw, None, None, f"not JSON: {_json_reason(exc)}")
    if type(value) is not dict:
        return StoredMessage(index, raw, None, None, f"a JSON {_json_type(value)}, not an object")
    kind, data, record_id = value.get("type"), value.get("data"), value.get("record_id")
    if kind is None and type(reason := value.get("unreadable")) is str:
        return StoredMessage(index, raw, None, None, reason[:_LONGEST_REASON])
    return StoredMessage(
        index,
        raw,
        kind if type(kind) is str else None,
        data if type(data) is dict else None,
        _shape_error(kind, data),
        record_id if type(record_id) is str else None,
        _timestamp(value.get("stored_at")),
    )


def parse_all(raws: Iterable[str], start: int = 0) -> list[StoredMessage]:
    """Return `parse` of each text, with indexes that count from `start`."""
    return [parse(raw, index) for index, raw in enumerate(raws, start)]


@dataclass(slots=True)
class RecordFields:
    """The fields of many records, a list for each: what `parse_all` says, in less time and memory."""

    types: list[str | None]
    datas: list[dict[str, Any] | None]
    errors: list[str | None]
    times: list[datetime | None]
    """When each was stored (UTC)."""


def parse_fields(raws: Iterable[str]) -> RecordFields:
    """Return the fields of the records that `raws` hold. Never raises: what is wrong stands in `errors`."""
    fields = RecordFields([], [], [], [])
    types, datas, errors, times = fields.types, fields.datas, fields.errors, fields.times
    for raw in raws:
        try:
            value = from_json(raw, cache_strings="keys")
            kind, data, time = value["type"], value["data"], value.get("stored_at")
            if type(kind) is not str or type(data) is not dict:
                raise TypeError
        except (ValueError, TypeError, KeyError, AttributeError):  # rare, and `parse` says what is wrong
            record = parse(raw)
            types.append(record.type)
            datas.append(record.data)
            errors.append(record.error)
            times.append(record.stored_at)
            continue
        types.append(kind)
        datas.append(data)
        errors.append(_shape_error(kind, data))
        times.append(None if time is None else _timestamp(time))
    return fields


def build_messages(records: Iterable[StoredMessage], session_id: str) -> list[BaseMessage]:
    """Return the messages of all `records`.

    Raises: RecordError, naming the session, the index and the reason of the first that cannot be read.
    """
    messages = []
    for record in records:
        try:
            messages.append(record.message)
        except RecordError as exc:
            reason, index = exc.reason, exc.index
            break
    else:
        return messages
    raise RecordError(reason, session_id=session_id, index=index)


def messages_of(raws: Iterable[str], session_id: str, start: int = 0) -> list[BaseMessage]:
    """Return the messages that `raws` hold: what `build_messages` of `parse_all` is, in less time and memory.

    Raises: RecordError, naming the session, the index and the reason of the first that cannot be read.
    """
    with _collector_paused():
        return _messages_of(raws, session_id, start)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Let no collection run meanwhile: each message makes a dozen containers, none of them garbage, and each
    hundred messages would have the collector look through them, and at times through all of the process."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _messages_of(raws: Iterable[str], session_id: str, start: int) -> list[BaseMessage]:
    messages: list[BaseMessage] = []
    for index, raw in enumerate(raws, start):
        try:
            value = parse_json(raw)
            kind, data = value["type"], value["data"]
        except (ValueError, RecursionError, TypeError, KeyError, IndexError):
            kind = data = None
        if kind is None or _shape_error(kind, data) is not None:
            messages += build_messages([parse(raw, index)], session_id)  # says what is wrong
            continue
        try:
            messages.append(_message(kind, data, index))
        except RecordError as exc:
            reason = exc.reason
            break
    else:
        return messages
    raise RecordError(reason, session_id=session_id, index=index)


def _message(kind: str, data: dict[str, Any], index: int) -> BaseMessage:
    """The message of `data`, which its class may change."""
    kind_of = MESSAGE_CLASSES[kind]
    try:
        if kind_of not in _FLAT or "content_blocks" in data:
            return kind_of(**data)
        # What their constructors come to, but for `content_blocks`, in half the time.
        message = kind_of.__new__(kind_of)
        kind_of.__pydantic_validator__.validate_python(data, self_instance=message)
        return message
    except ValidationError as exc:
        reason = _validation_reason(exc)
    except Exception as exc:  # noqa: BLE001 - validators of message classes raise anything
        reason = f"langchain_core refuses its data ({type(exc).__name__})"
    # Outside the handlers: a pydantic error as context would print the chat's words.
    raise RecordError(reason, index=index)


def _shape_error(kind: object, data: object) -> str | None:
    """Why a record of this `kind` and `data` is no message; None where it looks like one.

    A check of shape that builds no message: the type is known, the data is an object, its content is text
    or a list of texts and objects, and the fields that this type must have are there. It does not look
    into content blocks, usage or tool arguments, which only building the message does.
    """
    if type(kind) is not str:
        return "it has no `type`"
    if kind not in MESSAGE_CLASSES:
        return "its `type` is no message type of langchain_core"
    if type(data) is not dict:
        return "it has no `data` object"
    content = data.get("content")
    if type(content) is not str and (reason := _content_error(kind, data)):
        return reason
    check = _EXTRA_CHECKS.get(kind)
    return check(data) if check else None


def _content_error(kind: str, data: dict[str, Any]) -> str | None:
    if "content" not in data:
        return None if kind == "remove" else "its `data` has no `content`"
    content = data["content"]
    if kind in ("tool", "ToolMessageChunk"):
        return None  # langchain_core turns whatever a tool returned into text
    if type(content) is not list:
        return f"its `content` is a JSON {_json_type(content)}, not text or a list"
    if not all(type(block) in (str, dict) for block in content):
        return "its `content` list holds something that is neither text nor an object"
    return None


_NO_CALLS: list[Any] = []


def _ai_error(data: dict[str, Any]) -> str | None:
    for field in ("tool_calls", "invalid_tool_calls"):
        calls = data.get(field, _NO_CALLS)
        if not calls and type(calls) is list:  # most messages: nothing to look through
            continue
        if type(calls) is not list or not all(type(call) is dict for call in calls):
            return f"its `{field}` is no list of objects"
    for call in data.get("tool_calls", _NO_CALLS):
        if type(call.get("name")) is not str or type(call.get("args")) is not dict or "id" not in call:
            return "one of its `tool_calls` lacks name, args or id"
    return None


def _requires(field: str) -> Callable[[dict[str, Any]], str | None]:
    def check(data: dict[str, Any]) -> str | None:
        return None if data.get(field) is not None else f"its `data` has no `{field}`"

    return check


_EXTRA_CHECKS: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "ai": _ai_error,
    "AIMessageChunk": _ai_error,
    "tool": _requires("tool_call_id"),
    "ToolMessageChunk": _requires("tool_call_id"),
    "chat": _requires("role"),
    "ChatMessageChunk": _requires("role"),
    "function": _requires("name"),
    "FunctionMessageChunk": _requires("name"),
    "remove": _requires("id"),
}


def _timestamp(text: object) -> datetime | None:
    if type(text) is not str:
        return None
    try:
        stamp = datetime.fromisoformat(text)
        if stamp.tzinfo is UTC:
            return stamp
        return stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # another writer's idea of a time: the record is read without it
        return None


def _json_reason(exc: Exception) -> str:
    """What went wrong, without the text around it."""
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg.removesuffix(' at')} at character {exc.pos}"  # some of json's texts end so
    if isinstance(exc, RecursionError):
        return "nested too deeply"
    return str(exc) if isinstance(exc, TypeError) else "a value out of range"


def _json_type(value: object) -> str:
    names = {str: "string", list: "array", dict: "object", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _validation_reason(exc: ValidationError) -> str:
    """Which field, and what is expected there: pydantic's own text would quote the chat."""
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    field = first["loc"][0] if first["loc"] else "data"
    detail = "an invalid value" if first["type"].endswith("_error") else first["msg"]
    return f"its `{field}` is not as langchain_core needs it: {detail}"
