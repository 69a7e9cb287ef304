"""Plans that change a session: each by one script, so that all of it happens once, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from json.encoder import encode_basestring
from typing import Literal
from uuid import uuid4

from ...errors import InvalidInputError, RecordTooLargeError
from .. import scripts
from .requests import Command, Plan, Request, as_number, single

Mode = Literal["append", "replace", "insert"]
_SCRIPT_BYTES = 4_096
"""Room for a script, its numbers and brackets in a request."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, known to the database by its token, however often it is sent."""

    key: str
    aside: str
    """Prefix of the keys that this package needs besides sessions."""
    marker_ms: int
    max_request_bytes: int
    token: str = ""

    @classmethod
    def of(cls, key: str, aside: str, timeout_s: float, max_request_bytes: int) -> Change:
        # Longer than any retry; a request that a proxy held back may come later still.
        return cls(key, aside, int(3_000 * timeout_s) + 60_000, max_request_bytes, uuid4().hex)

    @property
    def marker(self) -> str:
        return f"{self.aside}done:{self.token}"

    def stage(self, part: int | str) -> str:
        return f"{self.aside}part:{self.token}:{part}"

    def script(self, script: str, *arguments: str | int, stages: tuple[str, ...] = ()) -> Request:
        keys = (self.key, self.marker, *stages)
        return single("EVAL", script, len(keys), *keys, self.marker_ms, *arguments)


def append(change: Change, records: list[str], ttl: timedelta | None) -> Plan[int]:
    """Return the new length."""
    parts = parts_of(records, room(change))
    if len(parts) > 1:
        return (yield from _place_staged(change, parts, ttl, "append", 0))
    return as_number((yield change.script(scripts.APPEND, milliseconds(ttl), *records)))


def place(change: Change, records: list[str], ttl: timedelta | None, mode: Mode, index: int = 0) -> Plan[int]:
    """Replace the session by `records`, or insert them before `index`; return the new length."""
    parts = parts_of(records, room(change))
    if len(parts) > 1:
        return (yield from _place_staged(change, parts, ttl, mode, index))
    arguments = (milliseconds(ttl), mode, index, len(records), *records)
    return as_number((yield change.script(scripts.PLACE, *arguments)))


def _place_staged(
    change: Change, parts: list[list[str]], ttl: timedelta | None, mode: Mode, index: int
) -> Plan[int]:
    yield from stage(change, parts)
    stages = tuple(change.stage(part) for part in range(len(parts)))
    total = sum(map(len, parts))
    request = change.script(scripts.PLACE, milliseconds(ttl), mode, index, total, stages=stages)
    return as_number((yield request))


def stage(change: Change, parts: list[list[str]]) -> Plan[None]:
    """Put `parts` where no reader looks, for as long as a marker stands; to send a part again is harmless."""
    for number, part in enumerate(parts):
        yield Request(stage_commands(change, change.stage(number), part), "multi", renews=True)


def stage_commands(change: Change, staged: str, part: list[str]) -> list[Command]:
    """Return what makes the list `staged` hold `part`, for as long as a marker stands."""
    return [["DEL", staged], ["RPUSH", staged, *part], ["PEXPIRE", staged, change.marker_ms]]


def delete(change: Change) -> Plan[bool]:
    """Return whether the session existed."""
    return as_number((yield change.script(scripts.DELETE))) == 1


def remove(change: Change, index: int, record: str) -> Plan[bool]:
    """Return whether `record` stood at `index`, and was removed."""
    return as_number((yield change.script(scripts.REMOVE, -index - 1, record))) == 1


def milliseconds(ttl: timedelta | None) -> int:
    """Return `ttl` as Redis takes it; 0 where there is none."""
    return 0 if ttl is None else max(1, round(ttl / timedelta(milliseconds=1)))


def parts_of(records: list[str], room: int, *, each: int = 0) -> list[list[str]]:
    """Return `records` in parts of at most `room` bytes, as a request counts them; one part mostly.

    `each`: bytes that go with every record.

    Raises: RecordTooLargeError, where one record alone is larger; InvalidInputError for lone surrogates.
    """
    characters = sum(map(len, records))
    if 6 * characters + (each + 3) * len(records) <= room:  # a character takes six bytes at most
        for position, record in enumerate(records):
            if not record.isascii():
                _wire_bytes(record, position)
        return [records]
    return list(_split(records, room, each))


def _split(records: list[str], room: int, each: int) -> Iterator[list[str]]:
    part: list[str] = []
    used = 0
    for position, record in enumerate(records):
        size = _wire_bytes(record, position) + each
        if size > room:
            raise RecordTooLargeError(
                f"record {position} takes {size:,} bytes of a request, and {room:,} are free for it: "
                "shorten the message, or raise max_request_bytes where the database's plan allows it"
            )
        if used + size > room:
            yield part
            part, used = [], 0
        part.append(record)
        used += size
    yield part


def _wire_bytes(record: str, position: int) -> int:
    """What `record` takes in the JSON of a request, its quotes and comma included."""
    try:
        return len(encode_basestring(record).encode()) + 1
    except UnicodeEncodeError as exc:
        raise InvalidInputError(
            f"record {position} holds a lone surrogate at character {exc.start - 1}: "
            "chatmem_nb.records.to_json writes it in a form that can be sent"
        ) from None


def room(change: Change) -> int:
    """Return how many bytes of a request are free for records."""
    return change.max_request_bytes - _SCRIPT_BYTES - 6 * len(change.key)
