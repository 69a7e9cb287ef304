"""Plans that read a thread: its newest checkpoint, and the times of its messages."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ...json_text import json_text
from ...records import RecordFields, parse_fields, unreadable_text
from .messages import MessageKeys, checked_messages, fields_of, records_of, replay
from .newest import newest_checkpoints
from .requests import DeltaHistory, Get, Plan, Visit
from .saver import Saver
from .serialisation import UnreadableError, plain, snapshot_value
from .threads import Thread, is_unknown

_FACT_LIMIT: Final = 200
_NEXT: Final = "branch:to:"


@dataclass(frozen=True, slots=True)
class ThreadState:
    """The newest checkpoint of a thread."""

    checkpoint: Any = None
    """LangGraph's CheckpointTuple; None if there is no such thread, or it cannot be read."""
    items: Sequence[Any] = ()
    """The items of its channel, not unpacked yet."""
    problem: str | None = None
    """Why it cannot be read."""

    def __len__(self) -> int:
        return 1 if self.problem is not None else len(self.items)

    @property
    def checkpoint_id(self) -> str | None:
        return (
            None if self.checkpoint is None else self.checkpoint.config["configurable"].get("checkpoint_id")
        )

    @property
    def written_at(self) -> datetime | None:
        """When the checkpoint was written."""
        return None if self.checkpoint is None else _time_of(self.checkpoint)

    def records(self, selected: slice, times: Sequence[datetime | None] = ()) -> list[str]:
        """Return the records of a slice; for a thread that cannot be read, one record with the reason."""
        if self.problem is not None:
            return [unreadable_text(self.problem)][selected]
        return records_of(self.items[selected], times[selected])

    def fields(self, selected: slice, times: Sequence[datetime | None] = ()) -> RecordFields:
        """Return the fields of the records of a slice."""
        if self.problem is not None:
            return parse_fields(self.records(selected))
        return fields_of(self.items[selected], times[selected])

    def facts(self, channel: str) -> dict[str, str]:
        """Return facts about the thread besides its messages, by label."""
        if self.checkpoint is None:
            return {}
        values = self.checkpoint.checkpoint["channel_values"]
        writes = self.checkpoint.pending_writes or []
        interrupts = [value for _, name, value in writes if name == "__interrupt__"]
        pending = [name for _, name, _ in writes if not name.startswith("__")]
        words = {
            "Checkpoint": str(self.checkpoint_id or ""),
            "Next": ", ".join(sorted(name.removeprefix(_NEXT) for name in values if name.startswith(_NEXT))),
            "Interrupted": "; ".join(_interrupt_text(value) for value in interrupts),
            "Pending": f"{len(pending)} writes to {', '.join(dict.fromkeys(pending))}" if pending else "",
            "Messages": "" if self.items else _no_messages(channel, values),
        }
        return {label: text[:_FACT_LIMIT] for label, text in words.items() if text}


def thread_state(saver: Saver, thread: Thread, channel: str) -> Plan[ThreadState]:
    """Return the newest checkpoint of `thread`, or the problem if it cannot be read."""
    if is_unknown(saver, thread):
        return ThreadState()
    try:
        found = yield Get(thread.config)
        if found is None:
            return ThreadState()
        return ThreadState(found, (yield from _channel_items(found, channel)))
    except UnreadableError as exc:
        return ThreadState(problem=exc.reason)


def thread_states(saver: Saver, threads: Sequence[Thread], channel: str) -> Plan[dict[Thread, ThreadState]]:
    """Return the states of those `threads` that can be read together: from SQLite, by one query.

    Large, damaged and unusual checkpoints are left to `thread_state`.
    """
    found: dict[Thread, ThreadState] = {}
    for thread, checkpoint in (yield from newest_checkpoints(saver, threads)):
        try:
            values = _values_of(checkpoint)
            if channel in values:
                items = checked_messages(snapshot_value(values[channel]), channel)
                found[thread] = ThreadState(checkpoint, items)
        except UnreadableError:
            continue
    return found


def _channel_items(found: Any, channel: str) -> Plan[list[Any]]:
    values = _values_of(found)
    if channel in values:
        return checked_messages(snapshot_value(values[channel]), channel)
    if channel not in (found.metadata or {}).get("counters_since_delta_snapshot", {}):
        return []
    history = yield DeltaHistory(found.config, channel)
    seed = checked_messages(snapshot_value(history.get("seed", [])), channel)
    return replay(seed, [value for _, _, value in history.get("writes", [])])


def message_times(
    saver: Saver, thread: Thread, channel: str, state: ThreadState
) -> Plan[list[datetime | None]]:
    """Return the time of each message in `state`: that of the checkpoint in which it first appears.

    Reads all checkpoints of the thread, one at a time.
    """
    keys = MessageKeys()
    first: dict[Hashable, datetime | None] = {}
    oldest: set[Hashable] = set()
    later: datetime | None = None

    def visit(found: Any) -> None:  # newest first
        nonlocal later
        time = _time_of(found)
        # Writes to a DeltaChannel are stored with one checkpoint, and take effect in the next.
        for _, name, value in found.pending_writes or []:
            if name == channel and later is not None:
                first.update(dict.fromkeys(keys.of(value if type(value) is list else [value]), later))
        value = snapshot_value(_values_of(found).get(channel))
        oldest.clear()
        if type(value) is list:
            oldest.update(keys.of(value))
            first.update(dict.fromkeys(oldest, time))
        later = time

    try:
        yield Visit(thread.config, visit)
    except UnreadableError:  # messages in the oldest checkpoint that was read may be older than it
        for key in oldest:
            first[key] = None
    return [first.get(key) for key in keys.of(state.items)]


def _values_of(found: Any) -> dict[str, Any]:
    values = found.checkpoint.get("channel_values") if type(found.checkpoint) is dict else None
    if type(values) is not dict:
        raise UnreadableError(
            "its checkpoint is corrupt, or of another version of LangGraph: no channel values"
        )
    return values


def _time_of(found: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(found.checkpoint["ts"])
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _interrupt_text(value: object) -> str:
    found = plain(value)
    items = found if type(found) is list else [found]
    return "; ".join(
        text if type(text := item.get("value") if type(item) is dict else item) is str else json_text(text)
        for item in items
    )


def _no_messages(channel: str, values: dict[str, Any]) -> str:
    names = ", ".join(name for name in values if not name.startswith((_NEXT, "__")))
    return f"none in channel {channel!r}" + (f"; it has {names}" if names else "")
