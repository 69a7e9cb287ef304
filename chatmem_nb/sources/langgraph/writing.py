"""Writes messages to the threads of a checkpointer, for a graph to continue from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from langchain_core.messages import BaseMessage

from .checkpoints import thread_state
from .messages import id_of
from .requests import Load, Plan, Put
from .saver import Saver
from .threads import Thread

_CHANNEL: Final = "messages"


class ThreadWriter:
    """Writes sessions as threads, each by one checkpoint.

    Raises: InvalidInputError if `checkpointer` is not a checkpointer.
    """

    def __init__(self, checkpointer: Any) -> None:
        self._saver = Saver(checkpointer)

    def ids(self, session_id: str) -> tuple[list[str], str | None]:
        """Return the ids of the messages in a thread, and why it cannot be added to, or None."""
        return self._saver.run(self._ids(Thread(session_id)))

    def write(self, session_id: str, messages: Sequence[BaseMessage], order: Sequence[int]) -> None:
        """Write a checkpoint that holds the messages of the thread and `messages`, in the given order.

        In `order`, 0 and more are indexes of messages in the thread; -1 is the first of `messages`, -2 the
        second. Raises: StoreError.
        """
        self._saver.run(self._write(Thread(session_id), messages, order))

    def _ids(self, thread: Thread) -> Plan[tuple[list[str], str | None]]:
        state = yield from thread_state(self._saver, thread, _CHANNEL)
        if state.problem is not None:
            return [], state.problem
        facts = state.facts(_CHANNEL)
        if nodes := facts.get("Next"):
            return [], f"its thread waits for {nodes}; let the graph finish, and call again"
        if state.items and _CHANNEL not in state.checkpoint.checkpoint["channel_values"]:
            return (
                [],
                "its thread keeps its messages in a DeltaChannel; add to it with the graph's update_state",
            )
        return [
            id_of(item) or f"message {place} without an id" for place, item in enumerate(state.items)
        ], None

    def _write(self, thread: Thread, messages: Sequence[BaseMessage], order: Sequence[int]) -> Plan[None]:
        from langgraph.checkpoint.base import create_checkpoint, empty_checkpoint

        found = yield Load(thread.config)
        before = empty_checkpoint() if found is None else found.checkpoint
        metadata = {} if found is None else found.metadata or {}
        step = 0 if found is None else metadata.get("step", 0) + 1
        stored = before["channel_values"].get(_CHANNEL) or []
        versions = before["channel_versions"]
        version = self._saver.checkpointer.get_next_version(max(versions.values(), default=None), None)
        checkpoint = {
            **create_checkpoint(before, None, step),
            "channel_values": {
                **before["channel_values"],
                _CHANNEL: [stored[place] if place >= 0 else messages[-place - 1] for place in order],
            },
            "channel_versions": {**versions, _CHANNEL: version},
        }
        written = {"source": "update", "step": step, "parents": metadata.get("parents", {})}
        yield Put(thread.config if found is None else found.config, checkpoint, written, {_CHANNEL: version})
