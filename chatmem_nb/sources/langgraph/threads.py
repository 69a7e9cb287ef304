"""The threads of a checkpointer, as session ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from .requests import Members, Plan, Rows, Visit
from .saver import Saver

_PAGE: Final = 1_000
SQLITE: Final = "langgraph.checkpoint.sqlite"
_UPSTASH: Final = "langgraph.checkpoint.upstash_redis"


class Thread(NamedTuple):
    """A thread, or with a namespace the part of it that belongs to a subgraph."""

    thread_id: str
    namespace: str = ""

    @property
    def config(self) -> dict[str, Any]:
        """The config that checkpointers take."""
        return {"configurable": {"thread_id": self.thread_id, "checkpoint_ns": self.namespace}}


class ThreadNames:
    """Maps threads to session ids and back.

    A session id is the thread id. With `subgraphs`, the namespace of a subgraph follows it after a `|`, which
    also separates its parts in LangGraph; a `|` or a backslash in a thread id is escaped by a backslash.
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
    """Return a page of the threads after `after`, and whether there may be more.

    Checkpointers can only list the checkpoints of all threads, and SqliteSaver holds its lock meanwhile. So
    SQLite, Upstash and memory are queried for the threads themselves; with any other checkpointer, all
    checkpoints are read once, and only the names of threads are kept.
    """
    if saver.is_from(SQLITE):
        page = yield from _sqlite_page(after, subgraphs)
        return page, len(page) == _PAGE
    if after is not None:
        return [], False
    if saver.is_from(_UPSTASH):
        return (yield from _upstash_threads(subgraphs)), False
    storage = getattr(saver.checkpointer, "storage", None)
    if isinstance(storage, dict):
        return list(_stored_threads(storage, subgraphs)), False
    return (yield from _listed_threads(subgraphs)), False


def _sqlite_page(after: Thread | None, subgraphs: bool) -> Plan[list[Thread]]:
    last = after or Thread("")
    if subgraphs:
        sql = (
            "SELECT DISTINCT thread_id, checkpoint_ns FROM checkpoints "
            "WHERE (thread_id, checkpoint_ns) > (?, ?) OR ? ORDER BY thread_id, checkpoint_ns LIMIT ?"
        )
        rows = yield Rows(sql, (*last, after is None, _PAGE))
    else:
        sql = (
            "SELECT DISTINCT thread_id, '' FROM checkpoints "
            "WHERE (thread_id > ? OR ?) AND checkpoint_ns = '' ORDER BY thread_id LIMIT ?"
        )
        rows = yield Rows(sql, (last.thread_id, after is None, _PAGE))
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
    """Yield the threads of an InMemorySaver, except empty ones, which merely reading a thread creates."""
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
    """Whether an InMemorySaver does not have the thread, which reading it would create."""
    storage = getattr(saver.checkpointer, "storage", None)
    return isinstance(storage, dict) and not dict.get(storage.get(thread.thread_id) or {}, thread.namespace)
