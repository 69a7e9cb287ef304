"""Checkpoints of LangGraph that are damaged, hostile or encrypted, and what is not a checkpointer."""

from __future__ import annotations

import asyncio
import json
import pickle
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from chatmem_nb import (
    InvalidInputError,
    LangGraphSource,
    StoreError,
    sessions_frame,
    to_dataframe,
)
from chatmem_nb.errors import RecordErrors, StoreClosedError
from chatmem_nb.records import parse_all
from tests.colours import ColouredSource
from tests.langgraph_threads import (
    agent,
    config,
    filled,
    messages,
    only,
    put,
    run,
    running_loop,
    state_of,
)


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
    with ColouredSource(LangGraphSource(saver), colour) as source:
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
            ColouredSource(LangGraphSource(saver), colour) as source,
            pytest.raises(StoreClosedError, match="open it again"),
        ):
            source.read("bob")
    with ColouredSource(LangGraphSource(saver), colour) as source:
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
