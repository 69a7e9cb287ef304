"""Sessions to threads and back: a real graph goes on from what was a history."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from chatmem_nb import InvalidInputError, LangGraphSource, copy_sessions, to_langgraph
from chatmem_nb.histories import StoreHistory
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all
from chatmem_nb.stores.protocol import SessionStore
from tests.langgraph_threads import agent, asking, config, delta_channel, run, state_of

CALL = {"name": "search", "args": {"q": "ferry"}, "id": "c1"}
TALK = [
    HumanMessage("When does the ferry leave? 👋", id="mine"),
    AIMessage("", tool_calls=[CALL], additional_kwargs={"k": [1, None]}),
    ToolMessage("at nine", tool_call_id="c1", artifact={"n": 1}),
    AIMessage(
        [{"type": "text", "text": "At nine."}],
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    ),
]


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


def moved(store: SessionStore, saver: Any, **options: Any) -> list[tuple[str, int]]:
    report = to_langgraph(store, saver, progress=False, **options)
    return list(zip(report["action"], report["n_messages"], strict=True))


def test_a_graph_goes_on_from_a_history_and_back_it_is_a_history(store: Any, other: Any, saver: Any) -> None:
    history = StoreHistory(store, "alice")
    history.add_messages(TALK)
    assert moved(store, saver) == [("create", 4)]
    graph = agent(saver)
    there = state_of(graph, "alice")
    assert [message.model_copy(update={"id": None}) for message in there] == [
        message.model_copy(update={"id": None}) for message in TALK
    ]
    assert there[0].id == "mine"
    assert [message.id for message in there[1:]] == [record.record_id for record in history.records(1)]

    run(graph, "alice", ("user", "And back?"))
    after = state_of(graph, "alice")
    assert len(after) == 8
    assert after[:4] == there
    assert after[-1].content == "answer 7 ✓"
    copy_sessions(LangGraphSource(saver), other, progress=False)
    assert StoreHistory(other, "alice").messages == after


def test_the_thread_of_a_history_is_merged_back_into_it(store: Any, saver: Any) -> None:
    history = StoreHistory(store, "alice")
    foreign = ['{"type": "human", "data": {"content": "of another program"}}'] * 2
    store.append("alice", foreign)  # nothing identifies them but their text
    history.add_messages([*TALK, AIMessage("with an id of its own", id="run-1")])
    before = store.read("alice")
    moved(store, saver)
    for _ in range(2):
        run(agent(saver), "alice", ("user", "go on"))
        threads = LangGraphSource(saver)
        report = copy_sessions(threads, store, on_conflict="merge", progress=False)
        assert report[["action", "n_messages"]].values.tolist() == [["merge", 4]]
    report = copy_sessions(threads, store, on_conflict="merge", progress=False)
    assert report[["action", "n_messages"]].values.tolist() == [["skip", 0]]
    assert store.read("alice")[: len(before)] == before
    assert moved(store, saver) == [("skip", 0)]
    after = state_of(agent(saver), "alice")
    assert [message.content for message in history.messages] == [message.content for message in after]
    moved(store, fresh := InMemorySaver())  # where all messages are as old as its one checkpoint
    assert state_of(agent(fresh), "alice") == after
    report = copy_sessions(LangGraphSource(fresh), store, on_conflict="merge", progress=False)
    assert report[["action", "n_messages"]].values.tolist() == [["skip", 0]]


def test_an_edit_on_either_side_is_no_merge(store: Any, memory: InMemorySaver) -> None:
    StoreHistory(store, "alice").add_messages(TALK)
    moved(store, memory)
    [raw] = store.read("alice", -1)
    store.remove("alice", 3, raw)
    store.append("alice", [raw.replace("At nine", "At ten")])
    report = copy_sessions(LangGraphSource(memory), store, on_conflict="merge", progress=False)
    assert report[["action", "problem"]].values.tolist() == [
        ["different", "record 3 has another text in the store"]
    ]


def test_a_second_run_adds_only_what_is_new(store: Any, saver: Any) -> None:
    history = StoreHistory(store, "alice")
    history.add_messages(TALK)
    moved(store, saver)
    assert moved(store, saver) == [("skip", 0)]
    run(agent(saver), "alice", ("user", "on the graph's side"))
    assert moved(store, saver) == [("skip", 0)]
    StoreHistory(store, "bob").add_user_message("new")
    assert sorted(moved(store, saver)) == [("create", 1), ("skip", 0)]
    history = StoreHistory(store, "bob")
    history.add_ai_message("newer")
    assert sorted(moved(store, saver)) == [("merge", 1), ("skip", 0)]
    assert [message.content for message in state_of(agent(saver), "bob")] == ["new", "newer"]
    run(agent(saver), "bob", ("user", "hello"))
    assert len(state_of(agent(saver), "bob")) == 6


def test_a_dry_run_writes_nothing(store: Any, saver: Any) -> None:
    StoreHistory(store, "alice").add_messages(TALK)
    assert moved(store, saver, dry_run=True) == [("create", 4)]
    assert list(LangGraphSource(saver).session_ids()) == []


def test_other_channels_of_a_thread_are_kept(store: Any, memory: InMemorySaver) -> None:
    class State(TypedDict):
        messages: Annotated[list, lambda left, right: [*left, *right]]
        topic: str

    graph = StateGraph(State).add_node("a", lambda state: {"topic": "ferries"}).add_edge(START, "a")
    compiled = graph.compile(checkpointer=memory)
    compiled.invoke({"messages": [HumanMessage("one", id="1")]}, config("t"))
    store.append("t", encode_all([HumanMessage("one", id="1"), AIMessage("two", id="2")]))
    assert moved(store, memory) == [("merge", 1)]
    values = compiled.get_state(config("t")).values
    assert values["topic"] == "ferries"
    assert [message.content for message in values["messages"]] == ["one", "two"]
    assert len(list(compiled.get_state_history(config("t")))) == 4


def test_a_message_that_came_twice_comes_twice(store: Any, memory: InMemorySaver) -> None:
    plain = '{"type": "human", "data": {"content": "again", "type": "human"}}'
    store.append("t", [plain, plain, *encode_all([HumanMessage("x", id="same"), AIMessage("y", id="same")])])
    assert moved(store, memory) == [("create", 4)]
    assert moved(store, memory) == [("skip", 0)]
    assert [message.content for message in state_of(agent(memory), "t")] == ["again", "again", "x", "y"]


def test_what_is_missing_in_between_is_inserted_and_what_conflicts_is_left_alone(
    store: Any, other: Any, memory: InMemorySaver
) -> None:
    records = encode_all([HumanMessage(str(number), id=str(number)) for number in range(4)])
    other.append("t", [records[0], records[3]])
    moved(other, memory)
    store.append("t", records)
    assert moved(store, memory) == [("merge", 2)]
    assert [message.content for message in state_of(agent(memory), "t")] == ["0", "1", "2", "3"]
    store.replace("t", [records[2], records[1]])
    report = to_langgraph(store, memory, progress=False)
    assert report["action"].tolist() == ["different"]
    assert "cannot merge: shared records are in a different order" in report["problem"][0]


def test_a_thread_that_waits_is_left_alone(store: Any, saver: Any) -> None:
    run(asking(saver), "t", ("user", "book it"))
    store.append("t", encode_all([HumanMessage("more")]))
    report = to_langgraph(store, saver, progress=False)
    assert report["problem"].tolist() == [
        "its thread waits for ask, note; let the graph finish, and call again"
    ]
    assert LangGraphSource(saver).facts("t")["Interrupted"] == "May I book the ferry?"


def test_a_thread_with_a_delta_channel_is_left_alone(store: Any, memory: InMemorySaver) -> None:
    class State(TypedDict):
        messages: Annotated[list, delta_channel()]

    graph = (
        StateGraph(State).add_node("a", lambda state: {"messages": [AIMessage("hi")]}).add_edge(START, "a")
    )
    graph.compile(checkpointer=memory).invoke({"messages": [HumanMessage("one")]}, config("t"))
    store.append("t", encode_all([HumanMessage("more")]))
    report = to_langgraph(store, memory, progress=False)
    assert report["action"].tolist() == ["different"]
    assert "DeltaChannel" in report["problem"].iloc[0]


def test_what_cannot_be_read_fails_alone(store: Any, tmp_path: Path) -> None:
    store.append("bad", ["no JSON"])
    store.append("corrupt", encode_all([HumanMessage("x")]))
    store.append("good", encode_all([HumanMessage("x")]))
    with SqliteSaver.from_conn_string(str(tmp_path / "x.sqlite")) as saver:
        run(agent(saver), "corrupt", ("user", "hi"))
        with saver.cursor() as cursor:
            cursor.execute("UPDATE checkpoints SET checkpoint = x'80'")
        report = to_langgraph(store, saver, progress=False).set_index("session_id")
        assert report["action"].to_dict() == {"bad": "failed", "corrupt": "different", "good": "create"}
        assert "not JSON" in report.loc["bad", "problem"]
        assert "corrupt" in report.loc["corrupt", "problem"]
        back = copy_sessions(LangGraphSource(saver), store, on_conflict="replace", progress=False)
        assert back.set_index("session_id")["action"].to_dict() == {"corrupt": "failed", "good": "replace"}
        assert store.length("corrupt") == 1


def test_arguments_are_checked_before_anything_is_written(store: Any, memory: InMemorySaver) -> None:
    for arguments in ((store, "sqlite"), ("store", memory), (store, memory, "alice"), (store, InMemorySaver)):
        with pytest.raises(InvalidInputError):
            to_langgraph(*arguments)
    assert list(LangGraphSource(memory).session_ids()) == []


def test_an_async_checkpointer_is_written_from_a_thread(store: Any, tmp_path: Path) -> None:
    StoreHistory(store, "alice").add_messages(TALK)

    async def use() -> int:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "x.sqlite")) as saver:
            await asyncio.to_thread(to_langgraph, store, saver, progress=False)
            with pytest.raises(InvalidInputError, match="use a thread"):
                to_langgraph(store, saver, progress=False)
            state = await agent(saver).ainvoke({"messages": [("user", "hi")]}, config("alice"))
            return len(state["messages"])

    assert asyncio.run(use()) == 8
