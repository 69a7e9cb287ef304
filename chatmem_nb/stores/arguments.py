"""Checks of the arguments of a store's verbs. They raise InvalidInputError before anything is sent."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import SupportsIndex

from ..errors import InvalidInputError
from ..records import javascript_error


def checked_text(value: object, field: str) -> str:
    """Return `value` as given. Raises: InvalidInputError if it is not text, or cannot be sent as UTF-8."""
    if not isinstance(value, str):
        raise InvalidInputError(f"{field} must be text, got {type(value).__name__}", field=field)
    if not value.isascii():
        _check_utf8(value, field, field)
    return value


def _check_utf8(
    text: str, name: str, field: str, *, position: int | None = None, advice: str = "remove it"
) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidInputError(
            f"{name} contains a lone surrogate at character {exc.start}, which cannot be sent; {advice}",
            field=field,
            position=position,
        ) from None


def checked_session_id(session_id: object) -> str:
    """Return `session_id` as given.

    Raises: InvalidInputError if it is not text, is empty, or cannot be sent as UTF-8.
    """
    if not isinstance(session_id, str) or not session_id:
        raise InvalidInputError(
            f"session_id must be a non-empty string, got {session_id!r:.40}; pass the id of a session",
            field="session_id",
        )
    if not session_id.isascii():
        _check_utf8(session_id, "session_id", "session_id")
    return session_id


def checked_session_ids(session_ids: Iterable[str]) -> Iterator[str]:
    """Yield each of `session_ids`, checked. Raises: InvalidInputError."""
    if isinstance(session_ids, str):
        raise InvalidInputError(
            "session_ids must be a list of session ids, not a single one", field="session_ids"
        )
    return map(checked_session_id, session_ids)


def checked_records(records: object) -> list[str]:
    """Return `records` as a list.

    Raises: InvalidInputError if they are not a sequence of texts, or cannot be sent as UTF-8.
    """
    if isinstance(records, str) or not isinstance(records, Sequence):
        raise InvalidInputError(
            "records must be a list of texts, one for each message; see chatmem_nb.records.encode",
            field="records",
        )
    for position, record in enumerate(records):
        if not isinstance(record, str):
            raise InvalidInputError(
                f"record {position} is {type(record).__name__}, not text", field="records", position=position
            )
        if not record.isascii():
            advice = "write it by chatmem_nb.records.to_json, which escapes it"
            _check_utf8(record, f"record {position}", "records", position=position, advice=advice)
    return list(records)


def checked_for_javascript(records: Sequence[str]) -> None:
    """Raise InvalidInputError, with the `position`, if `@langchain/community` of npm cannot read a record."""
    for position, record in enumerate(checked_records(records)):
        if reason := javascript_error(record):
            raise InvalidInputError(
                f"record {position} would make LangChain's JavaScript class fail for the whole session: "
                f"{reason}. Leave it out or convert it, or open the store without javascript=True",
                field="records",
                position=position,
                reason=reason,
            )


def checked_index(index: object, field: str = "index") -> int:
    """Return `index` as given. Raises: InvalidInputError if it is not an integer."""
    if isinstance(index, bool) or not isinstance(index, SupportsIndex):
        raise InvalidInputError(f"{field} must be an integer, got {type(index).__name__}", field=field)
    return operator.index(index)


def checked_ttl(ttl: object) -> timedelta | None:
    """Return `ttl` as given. Raises: InvalidInputError if it is not a timedelta of a millisecond or more."""
    if ttl is None or (isinstance(ttl, timedelta) and ttl >= timedelta(milliseconds=1)):
        return ttl
    raise InvalidInputError(
        f"ttl must be a timedelta of at least a millisecond, or None, got {ttl!r:.60}", field="ttl"
    )


def checked_number(value: object, field: str) -> float:
    """Return `value` as given. Raises: InvalidInputError if it is not a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InvalidInputError(f"{field} must be a number above 0, got {value!r:.40}", field=field)
    return value


def checked_condition(count: object, last: object) -> tuple[int, str] | None:
    """Return the condition of a delete, or None if it has none. Raises: InvalidInputError."""
    if count is None and last is None:
        return None
    if not isinstance(last, str) or isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidInputError(
            "count and last go together: the number of records to delete, 1 or more, and the newest of them",
            field="count",
        )
    return count, checked_text(last, "last")
