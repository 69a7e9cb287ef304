"""Checkpointers with threads in them, written by real graphs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph import channels
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.checkpoint.upstash_redis import UpstashRedisSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import messages_of, parse_all

TURNS = {"alice": 2, "bob": 1, "über|mut\\": 1}


def delta_channel(**options: Any) -> Any:
    """Return a DeltaChannel of messages; skip the test where LangGraph is too old to have one."""
    if not hasattr(channels, "DeltaChannel"):
        pytest.skip("this version of langgraph has no DeltaChannel")
    from langgraph.graph.message import _messages_delta_reducer

    return channels.DeltaChannel(_messages_delta_reducer, **options)


@contextmanager
def saver_of(kind: str, folder: Path) -> Iterator[Any]:
    """Open a checkpointer of this `kind`, empty."""
    with ExitStack() as stack:
        if kind == "memory":
            yield InMemorySaver()
        elif kind == "sqlite":
            yield stack.enter_context(SqliteSaver.from_conn_string(str(folder / "threads.sqlite")))
        elif kind == "async-sqlite":
            yield stack.enter_context(async_saver(folder / "threads.sqlite"))
        else:
            server = stack.enter_context(LocalUpstash())
            saver = UpstashRedisSaver.from_conn_info(url=server.url, token=server.token)
            yield saver
            saver.client.close()


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def async_saver(path: Path) -> Iterator[AsyncSqliteSaver]:
    """Open an AsyncSqliteSaver in an event loop that runs in another thread."""
    with running_loop() as loop:
        opened = AsyncSqliteSaver.from_conn_string(str(path))
        yield asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result()
        asyncio.run_coroutine_threadsafe(opened.__aexit__(None, None, None), loop).result()


def config(thread_id: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread_id}}


def agent(saver: Any) -> Any:
    """A graph that calls a tool at each turn, and then answers."""

    def call(state: MessagesState) -> dict[str, Any]:
        number = len(state["messages"])
        tool_call = {"name": "search", "args": {"n": number}, "id": f"call-{number}"}
        return {"messages": [AIMessage("", tool_calls=[tool_call])]}

    def tool(state: MessagesState) -> dict[str, Any]:
        last = state["messages"][-1]
        assert isinstance(last, AIMessage)
        call_id = str(last.tool_calls[0]["id"])
        return {"messages": [ToolMessage(f"found {call_id}", tool_call_id=call_id, artifact={"n": 1})]}

    def answer(state: MessagesState) -> dict[str, Any]:
        usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
        return {"messages": [AIMessage(f"answer {len(state['messages'])} ✓", usage_metadata=usage)]}

    graph = StateGraph(MessagesState)
    graph.add_sequence([("call", call), ("tool", tool), ("answer", answer)])
    graph.add_edge(START, "call")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=saver)


def asking(saver: Any) -> Any:
    """A graph that asks the person before it answers."""

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(str(interrupt("May I book the ferry?")))]}

    def note(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("noted")]}

    graph = StateGraph(MessagesState).add_node("ask", ask).add_node("note", note)
    graph.add_edge(START, "ask")
    graph.add_edge(START, "note")
    return graph.compile(checkpointer=saver)


def with_subgraph(saver: Any) -> Any:
    """A graph with a subgraph that keeps a memory of its own."""

    def inner(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("from within")]}

    child = StateGraph(MessagesState).add_node("inner", inner).add_edge(START, "inner")
    graph = StateGraph(MessagesState).add_node("child", child.compile(checkpointer=True))
    graph.add_edge(START, "child")
    return graph.compile(checkpointer=saver)


def run(graph: Any, thread_id: str, *messages: BaseMessage | tuple[str, str]) -> None:
    """Run `graph` on a thread; in the loop of its checkpointer if that has one."""
    loop = getattr(graph.checkpointer, "loop", None)
    given = {"messages": list(messages)}
    if loop is None:
        graph.invoke(given, config(thread_id))
    else:
        asyncio.run_coroutine_threadsafe(graph.ainvoke(given, config(thread_id)), loop).result()


def state_of(graph: Any, thread_id: str) -> list[BaseMessage]:
    """Return the messages that the graph itself has of a thread."""
    return list(graph.get_state(config(thread_id)).values.get("messages", []))


def filled(saver: Any) -> Any:
    """Run an agent on each of the threads, and return it."""
    graph = agent(saver)
    for name, turns in TURNS.items():
        for turn in range(turns):
            run(graph, name, ("user", f"question {turn} of {name}"))
    return graph


def put(saver: Any, thread_id: str, **values: Any) -> None:
    """Write a checkpoint with these channel values as a graph would."""
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = values
    checkpoint["channel_versions"] = dict.fromkeys(values, "1")
    where = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
    saver.put(where, checkpoint, {"source": "update", "step": 0}, dict(checkpoint["channel_versions"]))


def messages(source: Any, name: str) -> list[BaseMessage]:
    return messages_of(source.read(name), name)


def only(source: Any, name: str) -> Any:
    [record] = parse_all(source.read(name))
    return record
