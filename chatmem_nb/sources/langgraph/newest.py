"""Reads the newest checkpoints of several threads by one query, from a SQLite checkpointer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...json_text import parse_json
from .requests import Plan, Rows
from .saver import Saver
from .serialisation import UnreadableError
from .threads import SQLITE, Thread

_LARGEST: Final = 1_000_000
"""Maximum size in bytes of a checkpoint that is read together with others."""
# As in SqliteSaver.get_tuple of langgraph-checkpoint-sqlite 3.1, without pending writes.
_QUERY: Final = """
SELECT wanted.column1, wanted.column2, checkpoint_id, type, checkpoint, metadata
FROM (VALUES {}) AS wanted JOIN checkpoints
ON thread_id = wanted.column1 AND checkpoint_ns = wanted.column2 AND checkpoint_id = (
    SELECT max(newer.checkpoint_id) FROM checkpoints AS newer
    WHERE newer.thread_id = wanted.column1 AND newer.checkpoint_ns = wanted.column2
)
WHERE length(checkpoint) <= ?
"""


def newest_checkpoints(saver: Saver, threads: Sequence[Thread]) -> Plan[list[tuple[Thread, Any]]]:
    """Return the newest checkpoint of those of `threads` that can be read together."""
    if not saver.is_from(SQLITE):
        return []
    query = _QUERY.format(", ".join(["(?, ?)"] * len(threads)))
    values = [value for thread in threads for value in thread]
    try:
        rows = yield Rows(query, (*values, _LARGEST))
    except UnreadableError:  # one of them is damaged, and the error does not say which
        return []
    found = []
    for thread_id, namespace, *row in rows:
        thread = Thread(thread_id, namespace)
        checkpoint = _checkpoint(saver, thread, *row)
        if checkpoint is not None:
            found.append((thread, checkpoint))
    return found


def _checkpoint(
    saver: Saver, thread: Thread, checkpoint_id: Any, kind: Any, content: Any, metadata: Any
) -> Any:
    from langgraph.checkpoint.base import CheckpointTuple

    config: Any = {"configurable": {**thread.config["configurable"], "checkpoint_id": checkpoint_id}}
    try:
        parsed: Any = {} if metadata is None else parse_json(bytes(metadata).decode())
        return CheckpointTuple(config, saver.plain.serde.loads_typed((kind, content)), parsed)
    except (UnreadableError, ValueError, TypeError, RecursionError):
        return None
