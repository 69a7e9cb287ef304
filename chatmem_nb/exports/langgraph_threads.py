"""`to_langgraph`: writes sessions as threads of a LangGraph checkpointer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from ..errors import InvalidInputError, RecordError
from ..frames.alignment import ORDER_CONFLICT, missing_records
from ..frames.outcomes import Outcome, outcomes_frame
from ..plain_text import utf8_size
from ..records import messages_with_ids, parse_all
from ..sources import as_reader, scope_ids
from ..sources.langgraph import ThreadWriter
from ..stores.protocol import SessionReader
from .whole_sessions import joined_pages

if TYPE_CHECKING:
    import pandas as pd
    from langchain_core.messages import BaseMessage


def to_langgraph(
    store: SessionReader,
    checkpointer: Any,
    session_ids: Iterable[str] | None = None,
    *,
    dry_run: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Write sessions as threads of a LangGraph checkpointer; return a frame like that of `copy_sessions`.

    `store` is a store or another source, `session_ids` are some of its sessions (None: all). The thread has
    the id of the session, and a graph with a `messages` channel can continue it. Messages keep their ids; a
    message without one gets its `record_id`, or a digest of its text, so that a second run adds only what is
    new. The row of a session says `create`, `merge` with `n_messages` added, or `skip`; `different` with the
    problem if both versions cannot be merged, or the thread cannot be read or has nodes still to run;
    `failed` if a record is unreadable. Each thread is written by one checkpoint. With `dry_run`, nothing is
    written.

    To write to an async checkpointer, call this in a thread other than that of its event loop:
    `await asyncio.to_thread(to_langgraph, store, checkpointer)`.

    Raises: InvalidInputError if `store` is not a source or `checkpointer` is not a checkpointer; StoreError.

    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> checkpointer = InMemorySaver()
    >>> to_langgraph(store, checkpointer, ["trip-planner"])["action"].tolist()
    ['create']
    >>> LangGraphSource(checkpointer).length("trip-planner")
    10
    """
    reader = as_reader(store)
    if reader is None:
        raise InvalidInputError(f"expected a store or another source, got {type(store).__name__}")
    if isinstance(session_ids, str):
        raise InvalidInputError('session_ids must be a list of session ids, as in ["alice"]')
    writer = ThreadWriter(checkpointer)
    ids = dict.fromkeys(scope_ids(reader, session_ids))
    rows: list[Outcome] = []
    with tqdm(total=len(ids), desc="to LangGraph", unit=" sessions", disable=not progress) as bar:
        for name, raws in joined_pages(reader.read_many(ids)):
            rows.append(_written(writer, name, raws, dry_run))
            bar.update()
    return outcomes_frame(rows)


def _written(writer: ThreadWriter, session_id: str, raws: Sequence[str], dry_run: bool) -> Outcome:
    outcome = Outcome(session_id, "failed", 0)
    try:
        messages = messages_with_ids(session_id, parse_all(raws))
    except RecordError as exc:
        outcome.problem = f"record {exc.index} cannot be read: {exc.reason}"
        return outcome
    thread_ids, problem = writer.ids(session_id)
    outcome.there_before = len(thread_ids)
    order = None if problem is not None else _order(messages, thread_ids)
    if order is None:
        outcome.action, outcome.problem = "different", problem or ORDER_CONFLICT
        return outcome
    added = [-place - 1 for place in order if place < 0]
    outcome.action = "skip" if not added else "merge" if thread_ids else "create"
    outcome.n_messages, outcome.bytes = len(added), sum(utf8_size(raws[place]) for place in added)
    if added and not dry_run:
        writer.write(session_id, messages, order)
    return outcome


def _order(messages: Sequence[BaseMessage], thread_ids: Sequence[str]) -> list[int] | None:
    """Return the merged order: positions of the thread's own messages, and -1, -2, ... for `messages`."""
    missing = missing_records([str(message.id) for message in messages], thread_ids)
    if missing is None:
        return None
    order: list[int] = []
    start = 0
    for place, indexes in missing:
        order += [*range(start, place), *(-index - 1 for index in indexes)]
        start = place
    return [*order, *range(start, len(thread_ids))]
