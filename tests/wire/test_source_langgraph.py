"""Threads of LangGraph as sessions: four checkpointers, sync and async, written by real graphs."""

from __future__ import annotations

import asyncio
import inspect
import json
import operator
import pickle
import sqlite3
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar

import ormsgpack
import pandas as pd
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage
from langchain_core.messages.ai import UsageMetadata
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from chatmem_nb import (
    HistoryBrowser,
    InvalidInputError,
    LangGraphSource,
    StoreError,
    copy_sessions,
    export,
    sessions_frame,
    to_dataframe,
    tool_calls_frame,
)
from chatmem_nb.columns.schema import COLUMNS
from chatmem_nb.errors import RecordErrors, StoreClosedError
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import messages_of, parse, parse_all
from chatmem_nb.stores.protocol import SessionReader, SessionStore
from tests.colours import Coloured
from tests.langgraph_threads import (
    SAVERS,
    agent,
    asking,
    config,
    delta_channel,
    run,
    running_loop,
    saver_of,
    state_of,
    with_subgraph,
)
from tests.wire.browser_page import Page, kept_comms

USAGE: UsageMetadata = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
TURNS = {"alice": 2, "bob": 1, "über|mut\\": 1}


@pytest.fixture(params=SAVERS)
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    with saver_of(request.param, tmp_path) as saver:
        yield saver


@pytest.fixture
def memory() -> InMemorySaver:
    return InMemorySaver()


class Twins(Coloured):
    """A source behind one face, in either colour. It has nothing to close."""

    def end(self) -> None:
        self._runner.close()


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


def test_a_thread_is_a_session_of_the_messages_that_its_graph_has(saver: Any, colour: str) -> None:
    graph = filled(saver)
    with Twins(LangGraphSource(saver), colour) as source:
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
    with Twins(LangGraphSource(saver), colour) as source:
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


WITHOUT_TEXTS = [name for name in COLUMNS if name not in ("raw", "checksum")]


def assert_both_roads_agree(source: LangGraphSource) -> pd.DataFrame:
    """Check that a frame without texts, which needs no JSON, is that of the records; return it."""
    frame = to_dataframe(source, columns=WITHOUT_TEXTS)
    pd.testing.assert_frame_equal(frame, to_dataframe(source)[WITHOUT_TEXTS])
    untimed = [name for name in WITHOUT_TEXTS if name != "stored_at"]
    pd.testing.assert_frame_equal(to_dataframe(source, columns=untimed), frame[untimed])
    return frame


def test_a_frame_without_texts_is_that_of_the_records(saver: Any) -> None:
    filled(saver)
    frame = assert_both_roads_agree(LangGraphSource(saver))
    assert len(frame) == 4 * sum(TURNS.values())
    assert frame["tool_calls"].notna().sum() == sum(TURNS.values())


def test_a_frame_without_texts_tells_odd_messages_as_the_records_do(memory: InMemorySaver) -> None:
    odd: list[Any] = [
        HumanMessage("żółć ✓ \u0000", id="1"),
        AIMessage("x", additional_kwargs={"bytes": b"\xff\x00", "n": 2**63, "f": 0.1}),
        AIMessage("x", additional_kwargs={"keys": {1: "one", None: "none"}, "nan": float("nan")}),
        AIMessage("x", additional_kwargs={"at": datetime(2026, 1, 1, tzinfo=UTC), "deep": [[[[]]]]}),
        AIMessage([{"type": "text", "text": "blocks"}], usage_metadata=USAGE),
        RemoveMessage(id="gone"),
    ]
    put(memory, "all", messages=odd)
    for number, message in enumerate(odd):
        put(memory, f"only {number}", messages=[message])
        put(memory, f"beside {number}", messages=[HumanMessage("hello"), message])
    put(memory, "none", messages=[])
    put(memory, "other", messages=[HumanMessage("hello"), {"no": "message"}])
    put(memory, "plain", messages="a text")
    assert_both_roads_agree(LangGraphSource(memory))


@pytest.mark.parametrize("kind", ["sqlite", "async-sqlite"])
def test_threads_of_sqlite_are_read_together_as_one_by_one(tmp_path: Path, kind: str, colour: str) -> None:
    with saver_of("sqlite", tmp_path) as saver:
        filled(saver)
        for number in range(60):
            put(saver, f"thread {number:02}", messages=[HumanMessage(f"hello {number}")])
        put(saver, "large", messages=[HumanMessage("x" * 1_200_000)])
        put(saver, "other", messages="a text")
        put(saver, "none", other=["of another channel"])
        for name, column in (("thread 07", "checkpoint"), ("thread 33", "metadata"), ("thread 41", "type")):
            saver.conn.execute(f"UPDATE checkpoints SET {column} = ? WHERE thread_id = ?", (b"\xc1", name))
        saver.conn.commit()
    with saver_of(kind, tmp_path) as saver, Twins(LangGraphSource(saver), colour) as source:
        names = [*source.session_ids(), "unknown", "alice", "thread 01"]
        assert len(names) == 60 + 3 + len(TURNS) + 3
        together = list(source.read_many(names))
        assert together == [(name, 0, found) for name in names if (found := source.read(name))]
        broken = [name for name, _, found in together if parse(found[0]).error]
        assert broken == ["other", "thread 07", "thread 33", "thread 41"]
        assert_both_roads_agree(LangGraphSource(saver))


def test_one_query_reads_the_threads_of_a_batch(tmp_path: Path) -> None:
    with saver_of("sqlite", tmp_path) as saver:
        for number in range(50):
            put(saver, f"thread {number:02}", messages=[HumanMessage(f"hello {number}")])
        asked: list[str] = []
        saver.conn.set_trace_callback(asked.append)
        assert len(to_dataframe(LangGraphSource(saver), columns=["content"])) == 50
        assert len([query for query in asked if "SELECT" in query]) == 3  # the names, and two batches


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
    with Twins(LangGraphSource(saver).dated(), colour) as source:
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
    with Twins(LangGraphSource(saver), colour) as source:
        facts = source.facts("trip")
        assert facts["Interrupted"] == "May I book the ferry?"
        assert facts["Next"] == "ask, note"
        assert facts["Pending"] == "1 writes to messages"
        assert len(source.read("trip")) == 1
        assert source.facts("nobody") == {}


def test_a_subgraph_is_a_session_of_its_own_if_asked(saver: Any, colour: str) -> None:
    graph = with_subgraph(saver)
    run(graph, "a|b\\", ("user", "hello"))
    with Twins(LangGraphSource(saver), colour) as source:
        assert list(source.session_ids()) == ["a|b\\"]
        assert len(source.read("a|b\\")) == 2
    with Twins(LangGraphSource(saver, subgraphs=True), colour) as source:
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


@pytest.mark.parametrize(
    ("value", "found"),
    [("text", "a str"), ({"a": 1}, "a dict"), ([1, 2], "a list of a int"), (None, "nothing")],
)
def test_a_channel_of_another_shape_is_named(memory: InMemorySaver, value: Any, found: str) -> None:
    put(memory, "odd", messages=value)
    put(memory, "good", messages=[HumanMessage("hello")], notes=[AIMessage("aside")])
    source = LangGraphSource(memory)
    assert only(source, "odd").error == (
        f"channel 'messages' holds {found}, not messages; name the channel that holds them: "
        "LangGraphSource(checkpointer, channel=...)"
    )
    assert messages(source, "good") == [HumanMessage("hello")]
    assert messages(LangGraphSource(memory, channel="notes"), "good") == [AIMessage("aside")]
    frame = to_dataframe(source)
    assert frame["error"].notna().tolist() == [True, False]
    with pytest.raises(RecordErrors, match="channel 'messages' holds"):
        to_dataframe(source, strict=True)


class Loud(HumanMessage):
    """A message class of an application."""

    volume: int = 11


class Robot(BaseMessage):
    """A message class of an application, of a type of its own."""

    type: str = "robot"


def test_message_classes_of_others_are_not_imported(
    memory: InMemorySaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(memory, "odd", messages=[Loud("hey"), Robot("beep"), {"role": "user"}, AIMessage("hi")])
    made: list[object] = []
    monkeypatch.setattr(Loud, "model_post_init", lambda self, context: made.append(self))
    loud, robot, mapping, plain = parse_all(LangGraphSource(memory).read("odd"))
    assert (loud.type, loud.error, loud.data["volume"]) == ("human", None, 11)
    assert robot.error == "its `type` is not a message type of langchain_core"
    assert '"beep"' in robot.raw
    assert mapping.error == "it is a dict, not a message"
    assert plain.message == AIMessage("hi")
    assert made == []


def test_what_json_has_no_place_for_is_written_as_json_would(memory: InMemorySaver) -> None:
    kwargs = {"at": datetime(2026, 1, 2, tzinfo=UTC), "tags": {"a"}, "nested": {"who": HumanMessage("x")}}
    put(
        memory,
        "t",
        messages=[
            AIMessage("hi", additional_kwargs=kwargs),
            AIMessage("b", response_metadata={"b": b"\xff"}),
        ],
    )
    hi, raw = parse_all(LangGraphSource(memory).read("t"))
    assert hi.data["additional_kwargs"]["at"] == "2026-01-02T00:00:00+00:00"
    assert hi.data["additional_kwargs"]["tags"] == ["a"]
    assert hi.data["additional_kwargs"]["nested"]["who"]["content"] == "x"
    assert raw.error == "it holds something that JSON cannot: Object of type bytes is not JSON serializable"


RAN: list[str] = []


def mark(what: str = "built") -> str:
    """Something that a hostile checkpoint would have called."""
    RAN.append(what)
    return what


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return mark, ("unpickled",)


def poisoned(kind: str) -> tuple[str, bytes]:
    name = mark.__module__
    if kind == "pickle":
        return "pickle", pickle.dumps({"channel_values": {"messages": Evil()}})
    call = ormsgpack.packb((name, "mark", "built"))
    if kind == "constructor":
        value = {"channel_values": {"messages": [ormsgpack.Ext(0, call)]}}
        return "msgpack", ormsgpack.packb(value)
    if kind == "json":
        made = {"lc": 2, "type": "constructor", "id": [*name.split("."), "mark"], "kwargs": {"what": "json"}}
        return "json", json.dumps({"channel_values": {"messages": [made]}}).encode()
    return kind, b"\xc1\x81"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("pickle", "serialised as 'pickle', which is not LangGraph's own format"),
        ("constructor", "channel 'messages' holds a list of a mark, not messages"),
        ("json", "channel 'messages' holds a list of a dict, not messages"),
        ("msgpack", "its checkpoint is corrupt: not valid msgpack"),
        ("msgpack+aes", "its checkpoint is encrypted"),
        ("marshal", "serialised as 'marshal'"),
    ],
)
def test_nothing_of_a_checkpoint_is_run(tmp_path: Path, kind: str, reason: str) -> None:
    serde = JsonPlusSerializer(pickle_fallback=True, allowed_json_modules=True)
    with SqliteSaver.from_conn_string(str(tmp_path / "x.sqlite")) as saver:
        saver.serde = serde
        run(agent(saver), "good", ("user", "hello"))
        put(saver, "evil", messages=[])
        with saver.cursor() as cursor:
            sql = "UPDATE checkpoints SET type = ?, checkpoint = ? WHERE thread_id = 'evil'"
            cursor.execute(sql, poisoned(kind))
        source = LangGraphSource(saver)
        assert reason in only(source, "evil").error
        assert len(messages(source, "good")) == 4
        assert to_dataframe(source)["error"].notna().sum() == 1
        assert RAN == []
        assert saver.serde is serde


@pytest.mark.parametrize(
    "damage",
    [
        "checkpoint = substr(checkpoint, 1, 100)",
        "checkpoint = x'80'",
        "checkpoint = NULL",
        "type = NULL",
        "metadata = x'7b'",
    ],
)
def test_a_corrupt_checkpoint_hides_no_other_thread(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        filled(saver)
        with saver.cursor() as cursor:
            cursor.execute(f"UPDATE checkpoints SET {damage} WHERE thread_id = 'bob'")
        source = LangGraphSource(saver)
        assert "corrupt" in only(source, "bob").error
        assert source.summaries(["bob"])[0].length == 1
        frame = to_dataframe(source)
        assert frame.groupby("session_id").size().to_dict() == {"alice": 8, "bob": 1, "über|mut\\": 4}
        assert frame["error"].notna().sum() == 1
        assert frame[frame["session_id"] != "bob"]["stored_at"].notna().all()
        assert sessions_frame(source)["n_bad"].sum() == 1


def test_a_corrupt_older_checkpoint_leaves_the_messages_and_takes_only_times(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "x.sqlite")) as saver:
        filled(saver)
        with saver.cursor() as cursor:
            found = cursor.execute(
                "SELECT checkpoint_id FROM checkpoints WHERE thread_id = 'alice' ORDER BY checkpoint_id"
            ).fetchall()
            sql = "UPDATE checkpoints SET checkpoint = x'80' WHERE checkpoint_id = ?"
            cursor.execute(sql, found[4])
        frame = to_dataframe((saver, ["alice"]))
        assert len(frame) == 8
        assert frame["error"].isna().all()
        assert frame["stored_at"].isna().tolist() == [True] * 4 + [False] * 4


def test_a_closed_checkpointer_says_so(tmp_path: Path, colour: str) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "x.sqlite")) as saver:
        filled(saver)
    with Twins(LangGraphSource(saver), colour) as source:
        for call in (lambda: list(source.session_ids()), lambda: source.read("bob")):
            with pytest.raises(StoreClosedError, match="open it again"):
                call()


def test_an_async_checkpointer_that_is_closed_says_so(tmp_path: Path, colour: str) -> None:
    with running_loop() as loop:

        async def opened_and_closed() -> AsyncSqliteSaver:
            async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "x.sqlite")) as saver:
                await saver.setup()
            return saver

        saver = asyncio.run_coroutine_threadsafe(opened_and_closed(), loop).result()
        with (
            Twins(LangGraphSource(saver), colour) as source,
            pytest.raises(StoreClosedError, match="open it again"),
        ):
            source.read("bob")
    with Twins(LangGraphSource(saver), colour) as source:
        for call in (lambda: source.read("bob"), lambda: list(source.session_ids())):
            with pytest.raises(StoreClosedError, match="no longer running"):
                call()


def test_an_async_checkpointer_is_not_waited_for_in_its_own_loop(tmp_path: Path) -> None:
    async def use() -> tuple[int, int]:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "x.sqlite")) as saver:
            await agent(saver).ainvoke({"messages": [("user", "hi")]}, config("t"))
            source = LangGraphSource(saver)
            with pytest.raises(InvalidInputError, match="await the async verbs"):
                source.read("t")
            frame = await asyncio.to_thread(to_dataframe, source)
            return len(await source.aread("t")), len(frame)

    assert asyncio.run(use()) == (4, 4)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_text("a letter to a friend, and no database at all " * 100)
    with SqliteSaver.from_conn_string(str(path)) as saver, pytest.raises(StoreError, match="not a database"):
        list(LangGraphSource(saver).session_ids())


def test_a_database_of_another_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE checkpoints (thread_id TEXT, thread_ts TEXT, checkpoint BLOB)")
        connection.execute("CREATE TABLE writes (thread_id TEXT)")
    connection.close()
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for call in (
            lambda: list(LangGraphSource(saver).session_ids()),
            lambda: LangGraphSource(saver).read("x"),
        ):
            with pytest.raises(StoreError, match="that your langgraph-checkpoint-sqlite reads"):
                call()


@pytest.mark.parametrize("given", [None, "threads.sqlite", object(), HumanMessage("x"), SqliteSaver])
def test_what_is_no_checkpointer_is_rejected(given: Any) -> None:
    with pytest.raises(InvalidInputError, match="expected a checkpointer of LangGraph"):
        LangGraphSource(given)


@pytest.mark.parametrize("channel", ["", None, 7])
def test_an_invalid_channel_is_rejected(memory: InMemorySaver, channel: Any) -> None:
    with pytest.raises(InvalidInputError, match="channel must be"):
        LangGraphSource(memory, channel=channel)


class Xor:
    """A cipher for tests."""

    def __init__(self, key: int) -> None:
        self.key = key

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "xor", bytes([self.key, *(byte ^ self.key for byte in plaintext)])

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        if ciphertext[0] != self.key:
            raise RuntimeError("MAC check failed")
        return bytes(byte ^ self.key for byte in ciphertext[1:])


def test_an_encrypted_thread_is_read_with_its_key_alone(memory: InMemorySaver) -> None:
    memory.serde = EncryptedSerializer(Xor(7))
    graph = filled(memory)
    source = LangGraphSource(memory)
    assert messages(source, "bob") == state_of(graph, "bob")
    memory.serde = EncryptedSerializer(Xor(9))
    assert "was it written with another key?" in only(LangGraphSource(memory), "bob").error


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
    with Twins(LangGraphSource(saver), colour) as source:
        for turn, text in enumerate(["one", "two", "forget", "four", "five"]):
            run(graph, "t", HumanMessage(text, id=f"h{turn}"))
            assert messages_of(source.read("t"), "t") == state_of(graph, "t"), text
    assert to_dataframe(saver)["stored_at"].notna().all()


def test_frames_exports_and_copies_take_a_checkpointer(saver: Any, tmp_path: Path) -> None:
    graph = filled(saver)
    frame = to_dataframe(saver)
    assert len(frame) == 16
    assert frame["stored_at"].notna().all()
    assert tool_calls_frame((saver, ["bob"]))["result"].tolist() == ["found call-1"]
    assert sessions_frame(saver)["total_tokens"].sum() == 4 * 5
    assert export(saver, tmp_path / "threads.parquet", progress=False).messages == 16
    with LocalUpstash() as server, server.store() as store:
        report = copy_sessions(LangGraphSource(saver), store, progress=False)
        assert set(report["action"]) == {"create"}
        for name in TURNS:
            assert messages_of(store.read(name), name) == state_of(graph, name)
        assert [record.stored_at for record in parse_all(store.read("alice"))] == list(
            frame[frame["session_id"] == "alice"]["stored_at"]
        )
        again = copy_sessions(LangGraphSource(saver), store, on_conflict="merge", progress=False)
        assert set(again["action"]) == {"skip"}
        assert again["problem"].isna().all()
        run(graph, "bob", ("user", "one more"))
        more = copy_sessions(LangGraphSource(saver), store, on_conflict="merge", progress=False)
        assert more["n_messages"].sum() == 4


def test_the_browser_shows_threads_with_times_and_what_they_wait_for(saver: Any) -> None:
    filled(saver)
    run(asking(saver), "trip", ("user", "book it"))
    with kept_comms():
        browser = HistoryBrowser(saver)
        page = Page(browser)
        hello = page.ask("hello")
        assert (hello["service"], hello["target"]) == ("LangGraph", type(saver).__name__)
        assert hello["may"]["write"] is False
        rows = {row["session_id"]: row for row in page.ask("sessions")["rows"]}
        assert {name: row["length"] for name, row in rows.items()} == {
            "alice": 8,
            "bob": 4,
            "über|mut\\": 4,
            "trip": 1,
        }
        assert all(row["last_write"] for row in rows.values())
        at = page.open("trip")
        assert page.ask("stats", **at, all=True)["facts"]["Interrupted"] == "May I book the ferry?"
        times = [row["stored_at"] for row in page.rows("alice")]
        assert all(times)
        assert times == sorted(times)
        assert page.message("alice", 3)["identity"]
        browser.select("alice")
        assert [hit.index for hit in browser.find("question 1")] == [4]
        assert len(browser.to_dataframe()) == 8
        browser.close()


def test_the_browser_opens_a_thread_without_messages(memory: InMemorySaver) -> None:
    put(memory, "empty", topic="ferries")
    with kept_comms():
        browser = HistoryBrowser(memory)
        browser.select("empty")
        assert browser.session_id == "empty"
        at = Page(browser).open("empty")
        assert "none in channel" in Page(browser).ask("stats", **at)["facts"]["Messages"]
        with pytest.raises(InvalidInputError, match="no session"):
            browser.select("nobody")
        browser.close()


@pytest.mark.slow
def test_ten_thousand_threads_are_read_in_bounded_memory(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "x.sqlite")) as saver:
        put(saver, "first", messages=[HumanMessage("x" * 1_000), AIMessage("y" * 1_000)])
        with saver.cursor() as cursor:
            cursor.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
                "INSERT INTO checkpoints SELECT 'thread-' || n.i, checkpoint_ns, checkpoint_id, "
                "parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints, n"
            )
        source = LangGraphSource(saver)
        tracemalloc.start()
        threads = sum(1 for _ in source.read_many(source.session_ids()))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert threads == 10_001
        assert peak < 2_000_000


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
