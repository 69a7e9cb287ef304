"""What each extra is for, in a few calls: run by the Python of an environment with that extra alone.

python -W error tests/extras.py EXTRA
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from chatmem_nb import FileSource, export, to_dataframe

CALL = {"name": "ferries", "args": {"island": "Naxos"}, "id": "call-1", "type": "tool_call"}
TALK: list[BaseMessage] = [
    HumanMessage("When is there a ferry?", id="m1"),
    AIMessage("", tool_calls=[CALL], id="m2"),
    ToolMessage("at nine", tool_call_id="call-1", id="m3"),
    AIMessage("At nine.", id="m4"),
]


def source() -> FileSource:
    """Return the talk in a file, as a source."""
    frame = to_dataframe(TALK).assign(session_id="talk")
    path = Path(tempfile.mkdtemp(), "talk.jsonl")
    export(frame, path, progress=False)
    return FileSource(path)


class History:
    """A chat message history of the user's own."""

    def __init__(self) -> None:
        self.messages: list[BaseMessage] = []
        self.add_messages = self.messages.extend


def langgraph() -> None:
    from langgraph.checkpoint.memory import InMemorySaver

    from chatmem_nb import LangGraphSource, to_langgraph

    saver = InMemorySaver()
    report = to_langgraph(source(), saver, progress=False)
    assert report["action"].tolist() == ["create"], report
    threads = LangGraphSource(saver)
    assert list(threads.session_ids()) == ["talk"]
    frame = to_dataframe(threads)
    assert frame["content"].tolist() == [message.content for message in TALK], frame
    assert frame["stored_at"].notna().all(), frame


def agents() -> None:
    from langchain.agents import create_agent
    from langchain_core.language_models import GenericFakeChatModel

    from chatmem_nb import HistoryMiddleware

    class Model(GenericFakeChatModel):
        def bind_tools(self, tools: Any, **options: Any) -> Any:
            return self

    def ferries(island: str) -> str:
        """Return when the next ferry leaves."""
        return "at nine"

    history = History()
    model = Model(messages=iter([AIMessage("", tool_calls=[CALL]), AIMessage("At nine."), AIMessage("Yes.")]))
    agent = create_agent(model, [ferries], middleware=[HistoryMiddleware(lambda name: history)])
    for text in ("When?", "Sure?"):
        agent.invoke({"messages": [HumanMessage(text)]}, {"configurable": {"session_id": "talk"}})
    types = [message.type for message in history.messages]
    assert types == ["human", "ai", "tool", "ai", "human", "ai"], types


def plot() -> None:
    from chatmem_nb import plot_sessions

    assert plot_sessions(source()).to_dict()["$schema"]


def dask() -> None:
    from chatmem_nb import to_dask

    file = source()
    frame = to_dask(file, open_store=lambda: nullcontext(FileSource(file.path)))
    assert len(frame.compute(scheduler="synchronous")) == len(TALK)


def demo() -> None:
    from chatmem_nb.histories.base import StoreHistory
    from chatmem_nb.local import open_store

    for service in ("upstash", "momento"):
        with open_store(service) as store:
            StoreHistory.from_store(store, "talk").add_messages(TALK)
            assert StoreHistory.from_store(store, "talk").messages == TALK
            assert store.length("trip-planner") == 10
    agents()
    langgraph()


EXTRAS: dict[str, Callable[[], None]] = {
    function.__name__: function for function in (langgraph, agents, plot, dask, demo)
}

if __name__ == "__main__":
    EXTRAS[sys.argv[1]]()
