"""Records for sessions of Momento, and changes that others make while a request is held."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from chatmem_nb.errors import (
    StoreError,
)
from chatmem_nb.local import LocalMomento
from chatmem_nb.local.faults import FaultKind
from chatmem_nb.stores.momento import MomentoSessionStore
from tests.colours import Coloured
from tests.waiting import until

HOUR = timedelta(hours=1)
AT_MOST = timedelta(seconds=30)
"""How long a response is held that a test releases."""
LOST = ("drop_before", "drop_after", "cut")
CACHE = "chatmem"

MakeStore = Callable[..., MomentoSessionStore]
MakeColoured = Callable[..., Coloured]


def record(name: object) -> str:
    return json.dumps({"type": "human", "data": {"content": str(name)}, "record_id": uuid4().hex})


def records(count: int, name: str = "r") -> list[str]:
    return [record(f"{name}{i}") for i in range(count)]


@contextmanager
def meanwhile(
    server: LocalMomento, call: Callable[[], Any], rpc: str, kind: FaultKind = "delay"
) -> Iterator[list[Any]]:
    """Run `call` in a thread; the body runs while its next `rpc` is held, which then comes to its fault.

    What it returned or raised is in the list, afterwards.
    """
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(call())
        except StoreError as exc:
            result.append(exc)

    server.faults.add(kind, command=rpc, delay=AT_MOST)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        until(lambda: server.faults.held)
        yield result
    finally:
        server.faults.release()
        thread.join()
