"""Records in batches that fit into a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring

from ...errors import InvalidInputError, RecordTooLargeError

_BESIDES_RECORDS = 4_096
"""Bytes of a request that a script, its numbers and brackets take."""


def batches_of(records: Sequence[str], max_request_bytes: int, key: str) -> list[list[str]]:
    """Return `records` in as few batches as requests that change `key` take; mostly one.

    Raises: RecordTooLargeError if one record alone is too large; InvalidInputError for lone surrogates.
    """
    room = max_request_bytes - _BESIDES_RECORDS - 6 * len(key)
    characters = sum(map(len, records))
    if 6 * characters + 3 * len(records) > room:  # a character takes six bytes at most
        return list(_split(records, room))
    for position, record in enumerate(records):
        if not record.isascii():
            _request_bytes(record, position)
    return [list(records)]


def _split(records: Sequence[str], room: int) -> Iterator[list[str]]:
    batch: list[str] = []
    used = 0
    for position, record in enumerate(records):
        size = _request_bytes(record, position)
        if size > room:
            raise RecordTooLargeError(
                f"record {position} takes {size:,} bytes of a request, of which {room:,} are left for it; "
                "shorten the message, or raise max_request_bytes if the database's plan allows it"
            )
        if used + size > room:
            yield batch
            batch, used = [], 0
        batch.append(record)
        used += size
    yield batch


def _request_bytes(record: str, position: int) -> int:
    """Return what `record` takes in the JSON of a request, its quotes and comma included."""
    try:
        return len(encode_basestring(record).encode()) + 1
    except UnicodeEncodeError as exc:
        raise InvalidInputError(
            f"record {position} holds a lone surrogate at character {exc.start - 1}; "
            "write it by chatmem_nb.records.to_json, which escapes it"
        ) from None
