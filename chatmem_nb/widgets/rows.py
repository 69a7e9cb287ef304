"""A run of records as rows of the transcript: calls paired with results, within a budget of bytes."""

from __future__ import annotations

import functools
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..content import tool_calls
from ..records import StoredMessage
from ..stores.protocol import SessionStore
from .entries import CALLS_SHOWN, TEXT_CLIP, UNCUT, UNCUT_OTHERS, entry, role_of, short, shown_text, uncut
from .message_parts import Content, read_content
from .reading import identity_of
from .reading import records as read

ROW_BUDGET: Final = 1_600
"""Bytes of JSON that one row may take on average, so that 25 rows come to 40 kB; more only for texts that are
never cut."""
LOOK_AROUND: Final = 20
"""Records beside a window that are searched for the other half of a tool call."""
# (characters of a text, tool calls and blocks) of a row, tried until the rows fit: long texts give way first.
_LEVELS: Final = (
    (TEXT_CLIP, CALLS_SHOWN),
    (12_000, CALLS_SHOWN),
    (8_000, CALLS_SHOWN),
    (6_000, CALLS_SHOWN),
    (UNCUT, CALLS_SHOWN),
    (3_000, CALLS_SHOWN),
    (UNCUT_OTHERS, CALLS_SHOWN),
    (UNCUT_OTHERS, 10),
    (UNCUT_OTHERS, 5),
    (UNCUT_OTHERS, 2),
)


async def with_neighbours(
    store: SessionStore, session_id: str, records: Sequence[StoredMessage], total: int
) -> list[StoredMessage]:
    """Return the records beside `records` with the other halves of its tool calls; at most two requests."""
    found: list[StoredMessage] = []
    if records and _asks_behind(records):
        start = max(0, records[0].index - LOOK_AROUND)
        found += await read(store, session_id, start, records[0].index)
    if records and _asks_ahead(records):
        start = records[-1].index + 1
        stop = min(total, start + LOOK_AROUND)
        if start < stop:
            found += await read(store, session_id, start, stop)
    return found


def rows_of(
    records: Sequence[StoredMessage], neighbours: Sequence[StoredMessage] = ()
) -> list[dict[str, Any]]:
    """Return the entries of `records`, cut so far that they keep to the budget together.

    Short texts are never cut, so that many of them may take more.
    """
    budget = ROW_BUDGET * max(len(records), 25)
    drafts = _drafts(records, neighbours)
    rows: list[dict[str, Any]] = []
    render = functools.cache(shown_text)  # levels differ in what else they show, more than in their texts
    for text_clip, shown in _LEVELS:
        # HTML is no shorter than its text, so what cannot fit is not even rendered.
        if sum(draft.length(text_clip) for draft in drafts) > budget and (text_clip, shown) != _LEVELS[-1]:
            continue
        rows = [draft.entry(text_clip, shown, render) for draft in drafts]
        if sum(map(size_of, rows)) <= budget:
            break
    return rows


def entries_of(records: Sequence[StoredMessage], *, text_clip: int = TEXT_CLIP) -> list[dict[str, Any]]:
    """Return the entries of `records`, tool calls paired with results among them, whatever their size."""
    return [draft.entry(text_clip, CALLS_SHOWN) for draft in _drafts(records)]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A record read once, to be made an entry of several sizes."""

    record: StoredMessage
    identity: str
    content: Content
    results: dict[str, StoredMessage] | None
    answers: tuple[str, int] | None

    def length(self, text_clip: int) -> int:
        """Return how many characters of its text an entry holds that is cut at `text_clip`."""
        if self.answers is not None:
            return 0
        return min(len(self.content.text), max(text_clip, uncut(role_of(self.record))))

    def entry(
        self, text_clip: int, shown: int, render: Callable[[str, str, int], dict[str, Any]] = shown_text
    ) -> dict[str, Any]:
        shown_entry = entry(
            self.record,
            content=self.content,
            text_clip=text_clip,
            shown=shown,
            results=self.results,
            answers=self.answers,
            render=render,
        )
        return {"identity": self.identity, **shown_entry}


def _drafts(records: Sequence[StoredMessage], neighbours: Sequence[StoredMessage] = ()) -> list[_Draft]:
    results, answers = _pairs([*neighbours, *records])
    return [
        _Draft(
            record,
            identity_of(record),
            Content() if record.error is not None else read_content(record),
            results.get(record.index),
            answers.get(record.index),
        )
        for record in records
    ]


def _pairs(
    records: Sequence[StoredMessage],
) -> tuple[dict[int, dict[str, StoredMessage]], dict[int, tuple[str, int]]]:
    """Return results by the index of their call and its id, and (tool, index) of a call by its result's.

    A call id that comes again is answered in order, as the frames have it.
    """
    waiting: dict[str, deque[tuple[str, int]]] = {}
    results: dict[int, dict[str, StoredMessage]] = {}
    answers: dict[int, tuple[str, int]] = {}
    for record in sorted(records, key=lambda record: record.index):
        for call_id, named in _called(record):
            waiting.setdefault(call_id, deque()).append(named)
        call_id = _answered(record) or ""
        if waiting.get(call_id):
            answers[record.index] = waiting[call_id].popleft()
            results.setdefault(answers[record.index][1], {})[call_id] = record
    return results, answers


def size_of(value: object) -> int:
    """Return how many bytes `value` takes as JSON on the wire."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _answered(record: StoredMessage) -> str | None:
    if record.error is not None or record.data is None or role_of(record) != "tool":
        return None
    call_id = record.data.get("tool_call_id")
    return call_id if isinstance(call_id, str) and call_id else None


def _called(record: StoredMessage) -> list[tuple[str, tuple[str, int]]]:
    if record.error is not None or record.data is None or role_of(record) != "ai":
        return []
    return [
        (call.id, (short(call.name) or "unnamed tool", record.index))
        for call in tool_calls(record.data)
        if call.id
    ]


def _asks_behind(records: Sequence[StoredMessage]) -> bool:
    """Whether a result without its call precedes the first human message."""
    called: set[str] = set()
    for record in records:
        if role_of(record) == "human":
            return False
        if (call_id := _answered(record)) and call_id not in called:
            return True
        called.update(call_id for call_id, _ in _called(record))
    return False


def _asks_ahead(records: Sequence[StoredMessage]) -> bool:
    """Whether a call without its result follows the last human message."""
    answered: set[str] = set()
    for record in reversed(records):
        if role_of(record) == "human":
            return False
        if call_id := _answered(record):
            answered.add(call_id)
        if any(call_id not in answered for call_id, _ in _called(record)[:CALLS_SHOWN]):
            return True
    return False
