"""Plans that look at many sessions."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from .. import scripts
from ..protocol import SessionSummary
from .glob import escaped
from .requests import Plan, as_list, as_number, as_texts, single

SCAN_COUNT = 1_000
SUMMARY_PAGE = 100


# Lists of staged records, of stores with any prefix: they may stand under this one.
_STAGED = re.compile(r"_?chatmem_nb:(part|new):[0-9a-f]{32}")


def scan(cursor: int, key_prefix: str, match: str | None) -> Plan[tuple[int, list[str]]]:
    """Return the next cursor (0 at the end) and a page of session ids, which may hold an id again."""
    pattern = escaped(key_prefix) + ("*" if match is None else match)
    command = ("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT, "TYPE", "list")
    following, keys = yield single(*command)  # the SDK makes a pair of it
    found = [key for key in as_texts(keys) if key.startswith(key_prefix) and not _STAGED.match(key)]
    return int(following), [key[len(key_prefix) :] for key in found if key != key_prefix]


def summaries(session_ids: list[str], key_prefix: str) -> Plan[list[SessionSummary]]:
    """Return the summaries, in order; one command for each hundred."""
    found: list[SessionSummary] = []
    for first in range(0, len(session_ids), SUMMARY_PAGE):
        page = session_ids[first : first + SUMMARY_PAGE]
        keys = [key_prefix + session_id for session_id in page]
        rows = yield single("EVAL", scripts.SUMMARIES, len(keys), *keys, renews=True)
        found += [
            summary(session_id, row) for session_id, row in zip(page, as_list(rows, len(page)), strict=True)
        ]
    return found


def summary(session_id: str, row: Any) -> SessionSummary:
    """Return the summary that `row` holds: length, remaining ms, oldest, newest; or [0]."""
    if row == [0]:
        return SessionSummary(session_id, 0)
    length, left, oldest, newest = as_list(row, 4)
    if not as_number(length):  # it went between two commands
        return SessionSummary(session_id, 0)
    as_number(left)
    as_texts([oldest, newest])
    ttl = timedelta(milliseconds=left) if left >= 0 else None
    return SessionSummary(session_id, length, ttl, oldest, newest)
