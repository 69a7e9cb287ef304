"""Anything that holds conversations, as an iterator of sessions and their records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from inspect import getattr_static
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union, cast

from langchain_core.messages import BaseMessage
from pydantic_core import from_json

from ..errors import InvalidInputError
from ..records import RecordFields, StoredMessage, parse_all, to_json
from ..stores.protocol import SessionReader, checked_session_id
from .frames import FrameSource, is_frame

if TYPE_CHECKING:
    import pandas as pd

Session: TypeAlias = tuple[str | None, list[StoredMessage]]

_FORMS = (
    "a store or another source, the path of a file, a pair (source, session_ids), a history, "
    "a HistoryBrowser, a checkpointer of LangGraph, a DataFrame of messages, or a list of messages or of "
    "StoredMessage"
)
_CHECKPOINTER = ("get_tuple", "list", "put", "serde")
_PIECE = 500


class StoredSession(Protocol):
    """One session of a store: our histories, and a HistoryBrowser with its selected session."""

    @property
    def store(self) -> SessionReader | None: ...

    @property
    def session_id(self) -> str | None: ...


class Checkpointer(Protocol):
    """A checkpointer of LangGraph."""

    serde: Any

    def get_tuple(self, config: Any) -> Any: ...

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any: ...


class MessageHolder(Protocol):
    """Any chat message history of LangChain."""

    @property
    def messages(self) -> Sequence[BaseMessage]: ...


Source: TypeAlias = Union[
    SessionReader,
    Checkpointer,
    str,
    PathLike[str],
    tuple[SessionReader | Checkpointer | str | PathLike[str], Iterable[str]],
    StoredSession,
    MessageHolder,
    "pd.DataFrame",
    Iterable[BaseMessage | StoredMessage],
]
"""What conversations are read from.

Some sessions of a store are a pair, `(store, ["alice", "bob"])`, and not one more parameter: so every
function that takes a source takes them, and each has one thing to say where its rows come from.
"""


def sessions(source: Source) -> Iterator[Session]:
    """Yield (session_id, records) of `source`, records oldest first.

    A long session is yielded in several consecutive parts. The
    session id is None for messages that are in no session. What cannot be read is a record with its `error`.

    Raises: InvalidInputError, at the call, where `source` holds no conversations.
    """
    scope = store_scope(source)
    if scope is not None:
        return stored_sessions(scope[0], scope_ids(*scope))
    if is_frame(source):
        return FrameSource(source).sessions()
    if _has(source, "messages"):
        session_id = getattr(source, "session_id", None)
        messages = cast(MessageHolder, source).messages
        return _given(messages, session_id if isinstance(session_id, str) else None)
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes, dict)):
        return _given(source, None)
    raise InvalidInputError(f"expected {_FORMS}; got {type(source).__name__}")


def store_scope(source: Source) -> tuple[SessionReader, Iterable[str] | None] | None:
    """Return the store that `source` reads and the ids it is limited to (None: all).

    Returns None if the source is not in a store.

    Raises: InvalidInputError, for a browser with no store or no selected session, and for invalid ids.
    """
    if is_frame(source):
        return None
    reader = as_reader(source)
    if reader is not None:
        return reader, None
    if isinstance(source, tuple) and len(source) == 2:
        if is_frame(source[0]):
            raise InvalidInputError(
                'choose rows of the frame instead, as in frame[frame["session_id"].isin(["alice"])]'
            )
        reader = as_reader(source[0])
        if reader is not None:
            return reader, _checked_ids(source[1])
    if not (_has(source, "store") and _has(source, "session_id")):
        return None
    opened = cast(StoredSession, source)
    store, session_id = opened.store, opened.session_id
    if isinstance(store, SessionReader) and session_id:
        return store, [session_id]
    if _has(source, "messages"):  # a history of others, whose `store` is something else
        return None
    raise InvalidInputError("no session is open; connect and select one, or give the store itself")


def as_reader(source: object) -> SessionReader | None:
    """Return `source` if it is a reader, or what reads it: a path, a frame or a checkpointer; else None.

    Raises: FileNotFoundError, InvalidInputError for a file that cannot be read, or a frame of no messages.
    """
    if isinstance(source, SessionReader):
        return source
    if isinstance(source, (str, PathLike)):
        from .files import as_file

        return as_file(source)
    if is_frame(source):
        return FrameSource(source)
    if all(_has(source, name) or name in getattr(source, "__dict__", ()) for name in _CHECKPOINTER):
        from .langgraph import LangGraphSource

        return LangGraphSource(source)
    return None


def dated(reader: SessionReader) -> SessionReader:
    """Return `reader` with the times of messages in its records, if it can add them; it may cost more."""
    add_times = getattr(reader, "dated", None)
    found = add_times() if callable(add_times) else reader
    return found if isinstance(found, SessionReader) else reader


def parsed_sessions(
    reader: SessionReader, ids: Iterable[str]
) -> Iterator[tuple[str, int, RecordFields]] | None:
    """Return what `read_many` yields, records as their fields, if `reader` has them without their texts."""
    read = getattr(reader, "read_fields", None)
    found: Iterator[tuple[str, int, RecordFields]] | None = read(ids) if callable(read) else None
    return found


def _has(source: object, name: str) -> bool:
    """Whether `source` has this attribute, without asking for it: that of a history would be a round trip."""
    return getattr_static(source, name, None) is not None


def scope_ids(store: SessionReader, ids: Iterable[str] | None) -> Iterable[str]:
    """Return `ids`, or those of all sessions of `store`, listed as they are asked for."""
    return store.session_ids() if ids is None else ids


def stored_sessions(store: SessionReader, ids: Iterable[str]) -> Iterator[Session]:
    """Yield (session_id, records) of these sessions of `store`, as `sessions` does."""
    for session_id, start, raws in dated(store).read_many(ids):
        # Piece by piece: parsed records that all live at once cost the garbage collector more than parsing.
        for position in range(0, len(raws), _PIECE):
            yield session_id, parse_all(raws[position : position + _PIECE], start + position)


def _checked_ids(ids: object) -> list[str]:
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise InvalidInputError('the second of a pair (store, session_ids) is a list of ids, as in ["alice"]')
    return list(dict.fromkeys(checked_session_id(session_id) for session_id in ids))


def _given(messages: Iterable[Any], session_id: str | None) -> Iterator[Session]:
    numbered = enumerate(messages)
    while piece := list(islice(numbered, _PIECE)):
        yield session_id, [_as_record(message, index) for index, message in piece]


def _as_record(message: object, index: int) -> StoredMessage:
    if isinstance(message, StoredMessage):
        return message
    if not isinstance(message, BaseMessage):
        raise InvalidInputError(f"item {index} is {type(message).__name__}, not a message; expected {_FORMS}")
    data = message.model_dump()
    try:
        raw = to_json({"type": message.type, "data": data})
    except InvalidInputError as exc:  # an artifact, mostly: the rest of the message is still worth a row
        return StoredMessage(index, "", message.type, _json_part(data), str(exc))
    return parse_all([raw], index)[0]


def _json_part(data: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for field, value in data.items():
        try:
            kept[field] = from_json(to_json(value))
        except ValueError:
            continue
    return kept
