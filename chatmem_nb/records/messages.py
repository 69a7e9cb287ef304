"""Records to LangChain messages."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from itertools import chain

from langchain_core.messages import BaseMessage

from ..errors import RecordError
from ..json_text import parse_json
from .message_types import build_message, shape_error
from .parsing import StoredMessage, parse


def build_messages(records: Iterable[StoredMessage], session_id: str) -> list[BaseMessage]:
    """Return the messages of all `records`.

    Raises: RecordError, naming the session, the index and the reason of the first that cannot be read.
    """
    messages = []
    for record in records:
        try:
            messages.append(record.message)
        except RecordError as exc:
            reason, index, field = exc.reason, exc.index, exc.field
            break
    else:
        return messages
    # Outside the handler: an error of langchain_core as context would print the chat's words.
    raise RecordError(reason, session_id=session_id, index=index, field=field)


def messages_with_ids(session_id: str, records: Sequence[StoredMessage]) -> list[BaseMessage]:
    """Return the messages of `records`, each with an id of its own that is the same each time.

    It is the id of the message, else its `record_id`, else a digest of its text. Raises: RecordError.
    """
    messages = build_messages(records, session_id)
    for message, message_id in zip(messages, stable_ids(records), strict=True):
        message.id = message_id
    return messages


def stable_ids(records: Sequence[StoredMessage]) -> list[str]:
    """Return the id that `messages_with_ids` gives to each of `records`, readable or not."""
    taken: dict[str, None] = {}
    for record in records:
        own = record.data.get("id") if record.data is not None else None
        digests = (_digest(record.raw, twin) for twin in range(len(records)))
        ids = chain((None if own is None else str(own), record.record_id), digests)
        taken[next(found for found in ids if found and found not in taken)] = None
    return list(taken)


def is_same_message(raw: str, other: str) -> bool:
    """Whether two records hold the same message: that one of them has no id, or another time, is no edit."""
    try:
        messages = [parse(text).message for text in (raw, other)]
    except RecordError:
        return False
    ids = {message.id for message in messages}
    for message in messages:
        message.id = None
    return (len(ids) == 1 or None in ids) and messages[0] == messages[1]


def _digest(raw: str, twin: int) -> str:
    return blake2b(f"{twin} {raw}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def messages_of(raws: Iterable[str], session_id: str, start: int = 0) -> list[BaseMessage]:
    """Return the messages that `raws` hold: what `build_messages` of `parse_all` is, in less time and memory.

    Raises: RecordError, naming the session, the index and the reason of the first that cannot be read.
    """
    with _collector_paused():
        return _messages_of(raws, session_id, start)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause garbage collection while messages are built.

    Each message allocates a dozen containers that stay alive, which would trigger one collection after
    another, some of them of the whole heap.
    """
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
        if kind is None or shape_error(kind, data) is not None:
            messages += build_messages([parse(raw, index)], session_id)  # says what is wrong
            continue
        try:
            messages.append(build_message(kind, data, index))
        except RecordError as exc:
            reason, field = exc.reason, exc.field
            break
    else:
        return messages
    raise RecordError(reason, session_id=session_id, index=index, field=field)
