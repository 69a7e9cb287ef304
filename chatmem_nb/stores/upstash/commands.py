"""Requests of Redis commands, batches of records that fit into them, and checks of responses. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from json.encoder import encode_basestring
from typing import Any, Literal, TypeAlias

from ...errors import RecordTooLargeError
from .errors import UpstashResponseError

Command: TypeAlias = list[str | int]

_BESIDES_RECORDS = 4_096
"""Bytes of a request for the script, its numbers and brackets."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request of one command or several; each command is billed."""

    commands: Sequence[Command]
    form: Literal["single", "pipeline", "multi"] = "single"
    """A pipeline sends several commands together; a multi also runs all of them or none."""
    idempotent: bool = True
    """Whether making it twice has the same effect as making it once: scripts by their idempotency key, all
    else by nature."""


def milliseconds(ttl: timedelta | None) -> int:
    """Return `ttl` in milliseconds, as the scripts take it; 0 for None."""
    return 0 if ttl is None else max(1, round(ttl / timedelta(milliseconds=1)))


def split(records: Sequence[str], max_request_bytes: int, key: str) -> list[list[str]]:
    """Split `records` into as few batches as fit into requests with `key`.

    Raises: RecordTooLargeError if one record alone is too large.
    """
    if request_bytes(records, key) > max_request_bytes:
        return list(_batches(records, max_request_bytes - _BESIDES_RECORDS - 6 * len(key)))
    return [list(records)]


def request_bytes(records: Sequence[str], key: str) -> int:
    """Return the maximum size of a request with these records: a character takes up to six bytes."""
    return _BESIDES_RECORDS + 6 * len(key) + 6 * sum(map(len, records)) + 3 * len(records)


def _batches(records: Sequence[str], room: int) -> Iterator[list[str]]:
    batch: list[str] = []
    used = 0
    for position, record in enumerate(records):
        size = len(encode_basestring(record).encode()) + 1  # in JSON, with its quotes and comma
        if size > room:
            raise RecordTooLargeError(
                f"record {position} takes {size:,} bytes of a request, of which {room:,} are left for it; "
                "shorten the message, or raise max_request_bytes if the database's plan allows it",
                field="records",
                position=position,
            )
        if used + size > room:
            yield batch
            batch, used = [], 0
        batch.append(record)
        used += size
    yield batch


def as_number(response: Any) -> int:
    """Return `response` if it is an integer. Raises: UpstashResponseError."""
    if not isinstance(response, int):
        raise _unexpected("an integer")
    return response


def as_texts(response: Any) -> list[str]:
    """Return `response` if it is a list of texts. Raises: UpstashResponseError."""
    if not isinstance(response, list) or not all(isinstance(text, str) for text in response):
        raise _unexpected("a list of texts")
    return response


def as_list(response: Any, length: int) -> list[Any]:
    """Return `response` if it is a list of this length. Raises: UpstashResponseError."""
    if not isinstance(response, list) or len(response) != length:
        raise _unexpected(f"a list of {length}")
    return response


def _unexpected(expected: str) -> UpstashResponseError:
    return UpstashResponseError(
        f"invalid response: expected {expected}; check that the url is that of an Upstash Redis database"
    )
