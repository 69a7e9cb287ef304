"""The same plans where a server refuses EVAL: more commands, each of which may be sent again.

Records are staged, each attempt in a list of its own, and the list that is known to be there is moved
element by element with LMOVE in one transaction: sent again, it finds nothing left to move. An element is
replaced by way of a twin, the same text with blanks after it that nothing else has: the record stays
readable at every moment, and what is done to its twin is done once. The twin itself is set once, or given
up: set again, it could replace another record. So `insert` in the middle and the `remove` of one of several
equal records fail where that one answer is lost, and change nothing that a reader would notice.
"""

from __future__ import annotations

from datetime import timedelta
from secrets import randbits
from typing import Literal
from uuid import uuid4

from ..protocol import SessionSummary
from .errors import UpstashStoreError
from .listing import SUMMARY_PAGE, summary
from .reading import length
from .requests import Command, Plan, Request, as_list, as_texts, single
from .writing import Change, Mode, milliseconds, parts_of, room, stage_commands


def append(change: Change, records: list[str], ttl: timedelta | None) -> Plan[int]:
    """Return the new length; a batch of many ten thousands is moved in several parts."""
    return (yield from _pushed(change, records, ttl, "LEFT"))


def place(change: Change, records: list[str], ttl: timedelta | None, mode: Mode, index: int = 0) -> Plan[int]:
    """Replace the session by `records`, or insert them before `index`; return the new length."""
    total = yield from length(change.key)
    if mode == "replace":
        return (yield from _replaced(change, records, ttl))
    life = None if total else ttl
    index = max(0, total + index) if index < 0 else index
    if index >= total:
        return (yield from _pushed(change, records, life, "LEFT"))
    if index == 0:
        return (yield from _pushed(change, records[::-1], life, "RIGHT"))
    return (yield from _inserted(change, records, -index - 1))


def delete(change: Change) -> Plan[bool]:
    """Return whether the session existed. A second attempt deletes nothing that was written meanwhile."""
    if not (yield from length(change.key)):
        return False
    aside = change.stage("deleted")
    renamed: list[Command] = [["RENAMENX", change.key, aside], ["PEXPIRE", aside, change.marker_ms]]
    yield from _done(Request(renamed, "multi"))
    # The name stays taken for a while: an attempt that comes late finds it, and renames nothing.
    yield single("SET", aside, "", "PX", change.marker_ms)
    return True


def remove(change: Change, index: int, record: str) -> Plan[bool]:
    """Return whether `record` stood at `index`, and was removed."""
    if (yield single("LINDEX", change.key, -index - 1)) != record:
        return False
    if (yield single("LPOS", change.key, record, "RANK", 2)) is not None:
        record = _twin(record)
        yield single("LSET", change.key, -index - 1, record, once=True)
    yield single("LREM", change.key, 1, record)
    return True


def summaries(session_ids: list[str], key_prefix: str) -> Plan[list[SessionSummary]]:
    """Return the summaries, in order; five commands each."""
    found: list[SessionSummary] = []
    for first in range(0, len(session_ids), SUMMARY_PAGE):
        page = session_ids[first : first + SUMMARY_PAGE]
        keys = [key_prefix + session_id for session_id in page]
        types = yield Request([["TYPE", key] for key in keys], "pipeline", renews=True)
        kinds = as_texts(as_list(types, len(keys)))
        lists = [key for key, kind in zip(keys, kinds, strict=True) if kind == "list"]
        looks = [command for key in lists for command in _looks(key)]
        answers = iter(as_list((yield Request(looks, "pipeline")), len(looks)) if looks else [])
        for session_id, kind in zip(page, kinds, strict=True):
            row = [next(answers) for _ in range(4)] if kind == "list" else [0]
            found.append(summary(session_id, row))
    return found


def _looks(key: str) -> list[Command]:
    return [["LLEN", key], ["PTTL", key], ["LINDEX", key, -1], ["LINDEX", key, 0]]


def _pushed(
    change: Change, records: list[str], ttl: timedelta | None, side: Literal["LEFT", "RIGHT"]
) -> Plan[int]:
    moves: list[Command] = []
    for part in parts_of(records, room(change)):
        staged = yield from _staged(change, part)
        moves += [["LMOVE", staged, change.key, "LEFT", side] for _ in part]
    yield from _moved(change, moves)
    if ttl is not None:
        yield single("PEXPIRE", change.key, milliseconds(ttl))
    return (yield from length(change.key))


def _staged(change: Change, part: list[str]) -> Plan[str]:
    """Put `part` into a list of its own, and return its key."""
    staged = ""

    def commands() -> list[Command]:
        nonlocal staged
        staged = change.stage(uuid4().hex)
        return stage_commands(change, staged, part)

    yield Request(commands(), "multi", renews=True, anew=commands)
    return staged


def _moved(change: Change, moves: list[Command]) -> Plan[None]:
    each = 6 * len(change.key) + len(change.stage(uuid4().hex)) + 80
    at_once = max(1, change.max_request_bytes // each)
    for first in range(0, len(moves), at_once):
        yield Request(moves[first : first + at_once], "multi", renews=True)


def _replaced(change: Change, records: list[str], ttl: timedelta | None) -> Plan[int]:
    if not records:
        yield from delete(change)
        return 0
    aside = Change(
        f"{change.aside}new:{change.token}",
        change.aside,
        change.marker_ms,
        change.max_request_bytes,
        change.token,
    )
    yield from _pushed(aside, records, timedelta(milliseconds=change.marker_ms), "LEFT")
    life: Command = ["PERSIST", change.key] if ttl is None else ["PEXPIRE", change.key, milliseconds(ttl)]
    yield from _done(Request([["RENAME", aside.key, change.key], life], "multi"))
    return len(records)


def _inserted(change: Change, records: list[str], place: int) -> Plan[int]:
    original = as_texts([(yield single("LINDEX", change.key, place))])[0]
    twin = _twin(original)
    yield single("LSET", change.key, place, twin, once=True)
    # Each command carries the twin and the key besides its record.
    parts = parts_of(records, room(change), each=6 * (len(twin) + len(change.key)) + 40)
    for number, part in enumerate(parts, 1):
        # Sent again, these find no twin, and do nothing.
        following = original if number == len(parts) else _twin(original)
        commands: list[Command] = [["LINSERT", change.key, "AFTER", twin, record] for record in part]
        commands += [["LINSERT", change.key, "BEFORE", twin, following], ["LREM", change.key, 1, twin]]
        yield Request(commands, "multi", renews=True)
        twin = following
    return (yield from length(change.key))


def _twin(record: str) -> str:
    """`record` with 64 blanks that no other text ends with: JSON reads over them."""
    return record + "".join(" \t"[int(bit)] for bit in f"{randbits(64):064b}")


def _done(request: Request) -> Plan[None]:
    """Send a renaming; that there is nothing to rename means that it was done before."""
    try:
        yield request
    except UpstashStoreError as error:
        if "no such key" not in str(error):
            raise
