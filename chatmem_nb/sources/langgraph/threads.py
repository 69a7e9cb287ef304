"""The threads of a checkpointer, as session ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from .saver import Members, Plan, Rows, Saver, Visit

_PAGE: Final = 1_000
SQLITE: Final = "langgraph.checkpoint.sqlite"
_UPSTASH: Final = "langgraph.checkpoint.upstash_redis"


class Thread(NamedTuple):
    """A thread, or with a namespace the part of it that a subgraph keeps."""

    thread_id: str
    namespace: str = ""

    @property
    def config(self) -> dict[str, Any]:
        """What a checkpointer is asked with."""
        return {"configurable": {"thread_id": self.thread_id, "checkpoint_ns": self.namespace}}


class ThreadNames:
    """Threads to session ids and back.

    A session id is the thread id. With `subgraphs`, the namespace of a subgraph follows it after a `|`, as
    LangGraph separates its parts, and a `|` or a backslash in a thread id has a backslash before it.
    """

    def __init__(self, subgraphs: bool) -> None:
        self.subgraphs = subgraphs

    def thread_of(self, session_id: str) -> Thread:
        """Return the thread that `session_id` names."""
        if not self.subgraphs:
            return Thread(session_id)
        thread_id, at = "", 0
        while at < len(session_id) and session_id[at] != "|":
            at += session_id[at] == "\\"
            thread_id += session_id[at : at + 1]
            at += 1
        return Thread(thread_id, session_id[at + 1 :])

    def id_of(self, thread: Thread) -> str:
        """Return the session id of `thread`."""
        if not self.subgraphs:
            return thread.thread_id
        escaped = thread.thread_id.replace("\\", "\\\\").replace("|", "\\|")
        return f"{escaped}|{thread.namespace}" if thread.namespace else escaped


def threads_page(saver: Saver, after: Thread | None, subgraphs: bool) -> Plan[tuple[list[Thread], bool]]:
    """Return a page of threads behind `after`, and whether there may be more.

    A checkpointer lists checkpoints, of all threads, one by one, and SqliteSaver holds its lock until it has
    come to the end. So those that are known are asked for the threads alone, a page at a time; of any other,
    all checkpoints are read once, and only the names kept.
    """
    if saver.made_by(SQLITE):
        page = yield from _sqlite_page(after, subgraphs)
        return page, len(page) == _PAGE
    if after is not None:
        return [], False
    if saver.made_by(_UPSTASH):
        return (yield from _upstash_threads(subgraphs)), False
    storage = getattr(saver.given, "storage", None)
    if isinstance(storage, dict):
        return list(_stored_threads(storage, subgraphs)), False
    return (yield from _listed_threads(subgraphs)), False


def _sqlite_page(after: Thread | None, subgraphs: bool) -> Plan[list[Thread]]:
    behind = after or Thread("")
    if subgraphs:
        sql = (
            "SELECT DISTINCT thread_id, checkpoint_ns FROM checkpoints "
            "WHERE (thread_id, checkpoint_ns) > (?, ?) OR ? ORDER BY thread_id, checkpoint_ns LIMIT ?"
        )
        rows = yield Rows(sql, (*behind, after is None, _PAGE))
    else:
        sql = (
            "SELECT DISTINCT thread_id, '' FROM checkpoints "
            "WHERE (thread_id > ? OR ?) AND checkpoint_ns = '' ORDER BY thread_id LIMIT ?"
        )
        rows = yield Rows(sql, (behind.thread_id, after is None, _PAGE))
    return [Thread(*row) for row in rows]


def _upstash_threads(subgraphs: bool) -> Plan[list[Thread]]:
    # Key names of langgraph-checkpoint-upstash-redis 0.1.0, base.py.
    names = sorted((yield Members("checkpoint_threads")))
    if not subgraphs:
        return [Thread(name) for name in names]
    threads = []
    for name in names:
        threads += [Thread(name, space) for space in sorted((yield Members(f"checkpoint_ns_idx:{name}")))]
    return threads


def _stored_threads(storage: dict[str, Any], subgraphs: bool) -> Iterator[Thread]:
    """Yield the threads of an InMemorySaver, but for those that are there only since they were asked for."""
    for thread_id, namespaces in list(storage.items()):
        for namespace, checkpoints in list(namespaces.items()):
            if checkpoints and (subgraphs or not namespace):
                yield Thread(thread_id, namespace)


def _listed_threads(subgraphs: bool) -> Plan[list[Thread]]:
    found: dict[Thread, None] = {}

    def visit(checkpoint: Any) -> None:
        configurable = checkpoint.config["configurable"]
        thread = Thread(str(configurable["thread_id"]), configurable.get("checkpoint_ns") or "")
        if subgraphs or not thread.namespace:
            found[thread] = None

    yield Visit(None, visit)
    return list(found)


def is_unknown(saver: Saver, thread: Thread) -> bool:
    """Whether an InMemorySaver has no such thread: asked for one, it would make it."""
    storage = getattr(saver.given, "storage", None)
    return isinstance(storage, dict) and not dict.get(storage.get(thread.thread_id) or {}, thread.namespace)
