"""The arguments of HistoryBrowser, checked."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Final, SupportsIndex, cast

from ..errors import InvalidInputError
from ..labels import Labels
from ..sources import as_reader
from ..stores.arguments import checked_session_id
from ..stores.protocol import SessionStore, is_reader

_HEIGHT: Final = re.compile(r"\d{1,5}(\.\d+)?(px|em|rem|vh|%)")


def store_and_session(source: object) -> tuple[SessionStore | None, str | None]:
    """Return the store of `source`, and the session that it is about. Raises: InvalidInputError."""
    if source is None:
        return None, None
    reader = as_reader(source)
    if reader is not None:
        return cast(SessionStore, reader), None
    store, session_id = getattr(source, "store", None), getattr(source, "session_id", None)
    if is_reader(store) and session_id is not None:
        return cast(SessionStore, store), checked_session_id(session_id)
    raise InvalidInputError(
        "HistoryBrowser takes a store or another source, the path of a file, a DataFrame of messages, a "
        "history of this package, a checkpointer of LangGraph, or nothing to show a form; "
        f"got {type(source).__name__}"
    )


def checked_height(height: object) -> str:
    """Return `height` as a CSS length; a number is one of pixels. Raises: InvalidInputError."""
    text = f"{height}px" if isinstance(height, int) and not isinstance(height, bool) else height
    if not isinstance(text, str) or not _HEIGHT.fullmatch(text):
        raise InvalidInputError(f"height must be a CSS length such as '560px' or '70vh', got {height!r:.40}")
    return text


def checked_flag(name: str, value: object) -> bool:
    """Return `value` as given. Raises: InvalidInputError if it is not True or False."""
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name} must be True or False, got {value!r:.40}")
    return value


def checked_labels(labels: object) -> Labels | None:
    """Return `labels` as given. Raises: InvalidInputError if they are something else."""
    if labels is None or isinstance(labels, Labels):
        return labels
    raise InvalidInputError(f"labels must be Labels(path), got {type(labels).__name__}")


def checked_names(name: str, values: object) -> list[str]:
    """Return the session ids in `values`. Raises: InvalidInputError."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidInputError(f'{name} must be a list of session ids, as in ["alice"]; got {values!r:.40}')
    return [checked_session_id(value) for value in values]


def checked_moment(name: str, value: object) -> str:
    """Return a time as text; what a text says is checked where it is used. Raises: InvalidInputError."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value
    raise InvalidInputError(f"{name} must be a datetime, or text as in '2026-01-31'; got {value!r:.40}")


def checked_path(path: object) -> Path:
    """Return `path`. Raises: InvalidInputError if it does not name a file."""
    if not isinstance(path, (str, PathLike)) or not str(path):
        raise InvalidInputError(f"path must name a file, as in 'chats.jsonl'; got {path!r:.40}")
    return Path(path)


def checked_count(name: str, value: object, *, high: int | None = None) -> int:
    """Return `value` as a number of messages, from 1 to `high`. Raises: InvalidInputError."""
    count = checked_index(value, name)
    if count < 1 or (high is not None and count > high):
        limits = "1 or more" if high is None else f"from 1 to {high:,}"
        raise InvalidInputError(f"{name} must be a number of messages, {limits}; got {count}")
    return count


def checked_index(index: object, name: str = "index") -> int:
    """Return `index` as a whole number. Raises: InvalidInputError."""
    if not isinstance(index, bool) and isinstance(index, SupportsIndex):
        try:
            return operator.index(index)
        except TypeError:  # numpy's bool has `__index__`, and refuses it
            pass
    raise InvalidInputError(f"{name} must be a whole number, got {index!r:.40}")
