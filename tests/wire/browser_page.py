"""The page of a HistoryBrowser, as far as its kernel can tell: a comm that keeps what was sent, and asks."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import comm
from comm.base_comm import BaseComm
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import HistoryBrowser
from chatmem_nb.records import encode, encode_all
from chatmem_nb.stores.protocol import SessionStore
from chatmem_nb.widgets.protocol import EVENTS, METHODS
from chatmem_nb.widgets.protocol.results import Error

WAIT_S = 20.0
TALK = encode_all([HumanMessage("hello *you*"), AIMessage("hi", id="a1"), HumanMessage("漢字 👋")])


def store_long(store: SessionStore, count: int = 300, session_id: str = "long") -> None:
    """Store `count` numbered messages."""
    store.append(session_id, [encode(HumanMessage(f"message {index}")) for index in range(count)])


class KeptComm(BaseComm):
    """A comm with nobody at its other end; every message is encoded as a kernel encodes it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.arrived = threading.Condition()
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        super().__init__(*args, **kwargs)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        text = json.dumps(data or {}, ensure_ascii=False, allow_nan=False).encode().decode()
        check_event(json.loads(text).get("content"))
        with self.arrived:
            self.sent.append((json.loads(text), [bytes(buffer) for buffer in buffers or []]))
            self.arrived.notify_all()


def check_event(content: Any) -> None:
    """Raises: ValidationError if `content` is an event that the protocol does not know."""
    if isinstance(content, dict) and "event" in content:
        EVENTS[content.get("what", content["event"])].model_validate(content)


class Refused(Exception):
    """A reply that is an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['type']}: {error['message']}")
        self.type, self.message, self.field = error["type"], error["message"], error["field"]


class Page:
    """One view of a browser."""

    numbers = itertools.count(1)

    def __init__(self, browser: HistoryBrowser, view: str = "view-1") -> None:
        self.browser, self.view = browser, view
        self.asked: dict[int, str] = {}
        self.comm: KeptComm = browser.comm

    def send(self, content: Any) -> None:
        """Deliver `content` as a custom message, whatever it is."""
        data = {"method": "custom", "content": content}
        self.comm.handle_msg({"content": {"data": data}, "buffers": []})

    def start(self, method: str, **params: Any) -> int:
        rid = next(self.numbers)
        self.asked[rid] = method
        self.send({"rid": rid, "view": self.view, "method": method, "params": params})
        return rid

    def reply(self, rid: int) -> dict[str, Any]:
        """Return what `rid` was answered; with the bytes that came along as `buffers`."""
        content, buffers = self._wait(
            lambda content: content.get("rid") == rid and content.get("view") == self.view and "ok" in content
        )
        if not content["ok"]:
            Error.model_validate(content["error"])
            raise Refused(content["error"])
        if rid in self.asked:
            METHODS[self.asked[rid]].result.model_validate(content["result"])
        return {**content["result"], "buffers": buffers} if buffers else content["result"]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self.reply(self.start(method, **params))

    def refused(self, method: str, **params: Any) -> Refused:
        """Return the error that `method` is answered with."""
        try:
            answer = self.ask(method, **params)
        except Refused as error:
            return error
        raise AssertionError(f"{method} was answered: {answer}")

    def refusal_of(self, rid: int) -> str:
        """Return the type of the error that `rid` was answered with."""
        try:
            self.reply(rid)
        except Refused as error:
            return str(error.type)
        raise AssertionError("it was answered")

    def open(self, session_id: str, **params: Any) -> dict[str, Any]:
        """Open a session, and return what asks about it must say."""
        opened = self.ask("open", session_id=session_id, **params)
        return {"session_id": session_id, "epoch": opened["epoch"]}

    def rows(self, session_id: str, start: int = 0, stop: int = 25) -> list[dict[str, Any]]:
        return list(self.ask("window", **self.open(session_id), start=start, stop=stop)["rows"])

    def message(self, session_id: str, index: int) -> dict[str, Any]:
        """Open a session, and return what asks about its message `index` must say."""
        at = self.open(session_id)
        [row] = self.ask("window", **at, start=index, stop=index + 1)["rows"]
        return {**at, "index": index, "identity": row["identity"]}

    def event(self, **wanted: Any) -> dict[str, Any]:
        """Wait for an event that holds `wanted`."""
        content, _ = self._wait(lambda content: "event" in content and wanted.items() <= content.items())
        return content

    def forget(self) -> None:
        """Look no more at what was sent so far."""
        with self.comm.arrived:
            self.comm.sent.clear()

    def everything(self) -> str:
        """Return all that was ever sent, as text."""
        return json.dumps([content for content, _ in self.comm.sent], ensure_ascii=False)

    def _wait(self, fits: Callable[[dict[str, Any]], bool]) -> tuple[dict[str, Any], list[bytes]]:
        found: list[tuple[dict[str, Any], list[bytes]]] = []

        def look() -> bool:
            for data, buffers in self.comm.sent:
                content = data.get("content")
                if isinstance(content, dict) and fits(content):
                    found.append((content, buffers))
                    return True
            return False

        with self.comm.arrived:
            assert self.comm.arrived.wait_for(look, WAIT_S), "no such message came"
        return found[0]


@contextmanager
def kept_comms() -> Iterator[None]:
    """Give every widget that is made meanwhile a comm that keeps what it sends."""
    before = comm.create_comm
    comm.create_comm = KeptComm  # how a kernel puts its own in
    try:
        yield
    finally:
        comm.create_comm = before
