"""One change of one session, the same however often it is sent: its keys, and its records in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from json.encoder import encode_basestring
from uuid import uuid4

from ...errors import InvalidInputError, RecordTooLargeError
from .commands import Request, multi

_BESIDES_RECORDS = 4_096
"""Bytes of a request that a script, its numbers and brackets take."""


@dataclass(frozen=True, slots=True)
class Change:
    """The keys of one change, which the database knows by its token."""

    key: str
    """The session."""
    key_prefix: str
    """What the keys begin with that this package needs besides sessions; outside the prefix of sessions."""
    expires_ms: int
    """How long those keys live: longer than any retry, and than a proxy may hold a request back."""
    token: str

    idempotency_key: str
    batches: Sequence[Sequence[str]]
    """The records, in as few batches as requests take; mostly one."""

    @classmethod
    def of(
        cls,
        key: str,
        records: Sequence[str],
        *,
        session_prefix: str,
        timeout_s: float,
        max_request_bytes: int,
    ) -> Change:
        """Return a new change of the session at `key` by `records`.

        Raises: RecordTooLargeError if one record alone is too large; InvalidInputError for lone surrogates.
        """
        batches = _batches_of(records, max_request_bytes - _BESIDES_RECORDS - 6 * len(key))
        prefix = "_chatmem_nb:" if "chatmem_nb:".startswith(session_prefix) else "chatmem_nb:"
        token = uuid4().hex
        expires_ms = int(3_000 * timeout_s) + 60_000
        return cls(key, prefix, expires_ms, token, f"{prefix}done:{token}", batches)

    @property
    def new_list(self) -> str:
        """Where a replacement is built."""
        return f"{self.key_prefix}new:{self.token}"

    def staged(self, number: int) -> str:
        """Return where batch `number` waits until all of them are moved into the session."""
        return f"{self.key_prefix}part:{self.token}:{number}"

    def stage(self, number: int, expires_ms: int) -> Request:
        """Return the request that stages batch `number`; to make it again changes nothing."""
        key = self.staged(number)
        return multi([["DEL", key], ["RPUSH", key, *self.batches[number]], ["PEXPIRE", key, expires_ms]])


def milliseconds(ttl: timedelta | None) -> int:
    """Return `ttl` as the scripts take it; 0 for None."""
    return 0 if ttl is None else max(1, round(ttl / timedelta(milliseconds=1)))


def _batches_of(records: Sequence[str], room: int) -> list[list[str]]:
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
