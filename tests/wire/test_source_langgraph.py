"""Threads of LangGraph as sessions: four checkpointers, sync and async, written by real graphs."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from chatmem_nb import (
    InvalidInputError,
    LangGraphSource,
    to_dataframe,
)
from chatmem_nb.records import messages_of, parse, parse_all
from chatmem_nb.stores.protocol import SessionReader, SessionStore
from tests.colours import ColouredSource
from tests.langgraph_threads import (
    TURNS,
    asking,
    config,
    delta_channel,
    filled,
    put,
    run,
    state_of,
    with_subgraph,
)


def test_a_thread_is_a_session_of_the_messages_that_its_graph_has(saver: Any, colour: str) -> None:
    graph = filled(saver)
    with ColouredSource(LangGraphSource(saver), colour) as source:
        assert sorted(source.session_ids()) == sorted(TURNS)
        for name, turns in TURNS.items():
            raws = source.read(name)
            assert messages_of(raws, name) == state_of(graph, name)
            assert source.length(name) == len(raws) == 4 * turns
        assert {name: raws for name, _, raws in source.read_many(TURNS)} == {
            name: source.read(name) for name in TURNS
        }


def test_the_reading_verbs_are_those_of_a_store(saver: Any, colour: str) -> None:
    filled(saver)
    with ColouredSource(LangGraphSource(saver), colour) as source:
        whole = source.read("alice")
        for start, stop in [(0, 3), (2, None), (-3, None), (-5, -1), (7, 99), (99, 100)]:
            assert source.read("alice", start, stop) == whole[start:stop], (start, stop)
        alice, none = source.summaries(["alice", "nobody"])
        assert (alice.length, alice.first, alice.last, alice.ttl) == (8, whole[0], whole[-1], None)
        assert abs((datetime.now(UTC) - alice.last_write).total_seconds()) < 600
        assert (none.length, none.first, none.last_write) == (0, None, None)
        assert source.read("nobody") == list(source.read_many(["nobody"])) == []
        assert list(source.session_ids("*b")) == ["bob"]
        assert sorted(source.session_ids()) == sorted(TURNS), "asking for a thread made it"
        for call in (lambda: source.read(""), lambda: source.summaries([7]), lambda: source.length("\ud800")):
            with pytest.raises(InvalidInputError):
                call()


def test_a_source_is_a_reader_and_no_store(memory: InMemorySaver) -> None:
    source = LangGraphSource(memory)
    assert isinstance(source, SessionReader)
    assert not isinstance(source, SessionStore)
    for name in ("session_ids", "summaries", "length", "read", "read_many", "facts"):
        sync, twin = getattr(LangGraphSource, name), getattr(LangGraphSource, f"a{name}")
        assert inspect.signature(sync).parameters == inspect.signature(twin).parameters
        assert sync.__doc__ == twin.__doc__


def test_the_time_of_a_message_is_that_of_the_checkpoint_where_it_first_appears(
    saver: Any, colour: str
) -> None:
    graph = filled(saver)
    first: dict[str, str] = {}
    for state in graph.get_state_history(config("alice")):
        first |= {message.id: state.created_at for message in state.values.get("messages", [])}
    with ColouredSource(LangGraphSource(saver).dated(), colour) as source:
        records = parse_all(source.read("alice"))
        assert source.read("alice", -2) == source.read("alice")[-2:]
    assert [record.stored_at for record in records] == [
        datetime.fromisoformat(first[str(record.record_id)]) for record in records
    ]
    assert len({record.stored_at for record in records}) >= 6
    run(graph, "alice", ("user", "and then?"))
    assert len(parse_all(LangGraphSource(saver).dated().read("alice"))) == 12


class Counting(InMemorySaver):
    """A checkpointer that counts how often its checkpoints were listed."""

    listed = 0

    def list(self, *args: Any, **options: Any) -> Any:
        self.listed += 1
        return super().list(*args, **options)


def test_times_are_read_only_where_they_are_asked_for(tmp_path: Path) -> None:
    saver = Counting()
    filled(saver)
    source = LangGraphSource(saver)
    counted: Any = source._saver.plain  # a copy of the checkpointer, with another serializer
    list(source.session_ids())
    source.summaries(TURNS)
    assert len(to_dataframe(source, columns=["role", "content"])) == 16
    assert counted.listed == 0
    assert to_dataframe(source)["stored_at"].notna().all()
    assert counted.listed == len(TURNS)


def test_a_thread_says_what_it_waits_for(saver: Any, colour: str) -> None:
    run(asking(saver), "trip", ("user", "book it"))
    with ColouredSource(LangGraphSource(saver), colour) as source:
        facts = source.facts("trip")
        assert facts["Interrupted"] == "May I book the ferry?"
        assert facts["Next"] == "ask, note"
        assert facts["Pending"] == "1 writes to messages"
        assert len(source.read("trip")) == 1
        assert source.facts("nobody") == {}


def test_a_subgraph_is_a_session_of_its_own_if_asked(saver: Any, colour: str) -> None:
    graph = with_subgraph(saver)
    run(graph, "a|b\\", ("user", "hello"))
    with ColouredSource(LangGraphSource(saver), colour) as source:
        assert list(source.session_ids()) == ["a|b\\"]
        assert len(source.read("a|b\\")) == 2
    with ColouredSource(LangGraphSource(saver, subgraphs=True), colour) as source:
        assert sorted(source.session_ids()) == ["a\\|b\\\\", "a\\|b\\\\|child"]
        assert [len(source.read(name)) for name in sorted(source.session_ids())] == [2, 2]
        assert source.read("a|b\\") == []


def test_a_thread_without_messages_is_listed_and_says_so(memory: InMemorySaver) -> None:
    put(memory, "empty", topic="ferries")
    source = LangGraphSource(memory)
    assert list(source.session_ids()) == ["empty"]
    assert source.read("empty") == []
    assert source.facts("empty")["Messages"] == "none in channel 'messages'; it has topic"
    assert to_dataframe(source).empty


def test_a_delta_channel_is_put_together(saver: Any, colour: str) -> None:
    class State(TypedDict):
        messages: Annotated[list, delta_channel(snapshot_frequency=4)]

    def answer(state: State) -> dict[str, Any]:
        last = state["messages"][-1]
        said: list[BaseMessage] = [
            AIMessage(f"answer {len(state['messages'])}", id=f"a{len(state['messages'])}")
        ]
        if last.content == "forget":
            said.append(RemoveMessage(id=state["messages"][0].id))
        return {"messages": said}

    graph = StateGraph(State).add_node("answer", answer).add_edge(START, "answer").compile(checkpointer=saver)
    with ColouredSource(LangGraphSource(saver), colour) as source:
        for turn, text in enumerate(["one", "two", "forget", "four", "five"]):
            run(graph, "t", HumanMessage(text, id=f"h{turn}"))
            assert messages_of(source.read("t"), "t") == state_of(graph, "t"), text
    assert to_dataframe(saver)["stored_at"].notna().all()


def test_the_names_are_those_that_the_checkpointer_lists(saver: Any) -> None:
    """The pages of names rest on how these checkpointers store threads: this pins it."""
    filled(saver)
    run(with_subgraph(saver), "sub", ("user", "hello"))
    listed = [found.config["configurable"] for found in saver.list(None)]
    roots = {found["thread_id"] for found in listed if not found["checkpoint_ns"]}
    everything = {(found["thread_id"], found["checkpoint_ns"]) for found in listed}
    source = LangGraphSource(saver, subgraphs=True)
    assert set(LangGraphSource(saver).session_ids()) == roots
    assert {source._names.thread_of(name) for name in source.session_ids()} == everything


def test_a_checkpointer_of_others_is_listed_as_it_lists_itself() -> None:
    class Theirs(InMemorySaver):
        """A checkpointer that keeps its threads elsewhere."""

        hidden: ClassVar[dict[str, Any]] = {}

        @property
        def storage(self) -> Any:
            return Wrapped(self.hidden)

        @storage.setter
        def storage(self, value: Any) -> None:
            self.hidden["value"] = value

    class Wrapped:
        """The threads, but not as a dict."""

        def __init__(self, hidden: dict[str, Any]) -> None:
            self._threads = hidden["value"]

        def __getitem__(self, name: str) -> Any:
            return self._threads[name]

        def __iter__(self) -> Iterator[str]:
            return iter(list(self._threads))

    saver = Theirs()
    filled(saver)
    source = LangGraphSource(saver)
    assert sorted(source.session_ids()) == sorted(TURNS)
    assert to_dataframe(source)["stored_at"].notna().all()


def test_a_list_of_plain_values_is_a_channel_too(memory: InMemorySaver) -> None:
    class State(TypedDict):
        messages: Annotated[list, operator.add]

    graph = (
        StateGraph(State).add_node("a", lambda state: {"messages": [AIMessage("hi")]}).add_edge(START, "a")
    )
    compiled = graph.compile(checkpointer=memory)
    compiled.invoke({"messages": [HumanMessage("hello")]}, config("t"))
    compiled.invoke({"messages": [HumanMessage("hello")]}, config("t"))
    records = parse_all(LangGraphSource(memory).dated().read("t"))
    assert [record.message.content for record in records] == ["hello", "hi", "hello", "hi"]
    assert [record.record_id for record in records] == [None] * 4
    assert parse(LangGraphSource(memory).read("t")[0]).stored_at is None
