"""Reads any source as an iterator of sessions and their records."""

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
from ..stores.arguments import checked_session_id
from ..stores.protocol import SessionReader, is_reader
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
    """A session in a store: our histories, and a HistoryBrowser with its selected session."""

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
"""What conversations can be read from.

Some sessions of a store are a pair, `(store, ["alice", "bob"])`, rather than another parameter, so that every
function with a source supports them.
"""


def sessions(source: Source) -> Iterator[Session]:
    """Yield (session_id, records) of `source`, records oldest first.

    A long session is yielded in several consecutive parts. The session id is None for messages without a
    session. A record that cannot be parsed has an `error`.

    Raises: InvalidInputError, at the call, if `source` is not a source.
    """
    scope = store_scope(source)
    if scope is not None:
        return stored_sessions(scope[0], scope_ids(*scope))
    if is_frame(source):
        return FrameSource(source).sessions()
    if _has(source, "messages"):
        session_id = getattr(source, "session_id", None)
        messages = cast(MessageHolder, source).messages
        return _listed(messages, session_id if isinstance(session_id, str) else None)
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes, dict)):
        return _listed(source, None)
    raise InvalidInputError(f"expected {_FORMS}; got {type(source).__name__}")


def store_scope(source: Source) -> tuple[SessionReader, list[str] | None] | None:
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
    if is_reader(store) and session_id:
        return store, [session_id]
    if _has(source, "messages"):  # some other history, whose `store` is something else
        return None
    raise InvalidInputError("no session is open; connect and select one, or pass the store itself")


def as_reader(source: object) -> SessionReader | None:
    """Return `source` if it is a reader, or a reader for a path, a frame or a checkpointer; else None.

    Raises: FileNotFoundError; InvalidInputError for an unknown file format, or a frame without messages.
    """
    if is_reader(source):
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
    """Return `reader` with times in its records, if it can add them, which may be slower."""
    add_times = getattr(reader, "dated", None)
    found = add_times() if callable(add_times) else reader
    return found if is_reader(found) else reader


def parsed_sessions(
    reader: SessionReader, ids: Iterable[str]
) -> Iterator[tuple[str, int, RecordFields]] | None:
    """Return what `read_many` yields, with records as fields, if `reader` can skip their JSON; else None."""
    read = getattr(reader, "read_fields", None)
    found: Iterator[tuple[str, int, RecordFields]] | None = read(ids) if callable(read) else None
    return found


def _has(source: object, name: str) -> bool:
    """Whether `source` has this attribute, without getting it: a history's `messages` would be a request."""
    return getattr_static(source, name, None) is not None


def scope_ids(store: SessionReader, ids: Iterable[str] | None) -> Iterable[str]:
    """Return `ids`, or the ids of all sessions of `store`, which are listed lazily."""
    return store.session_ids() if ids is None else ids


def stored_sessions(store: SessionReader, ids: Iterable[str]) -> Iterator[Session]:
    """Yield (session_id, records) of these sessions of `store`, as `sessions` does."""
    for session_id, start, raws in dated(store).read_many(ids):
        # In small parts: with many parsed records alive, garbage collection takes longer than parsing.
        for position in range(0, len(raws), _PIECE):
            yield session_id, parse_all(raws[position : position + _PIECE], start + position)


def _checked_ids(ids: object) -> list[str]:
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise InvalidInputError('session_ids of a pair (store, session_ids) must be a list, as in ["alice"]')
    return list(dict.fromkeys(checked_session_id(session_id) for session_id in ids))


def _listed(messages: Iterable[Any], session_id: str | None) -> Iterator[Session]:
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
    except InvalidInputError as exc:  # usually an artifact; the rest of the message is kept
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
