"""Threads of LangGraph in frames, exports, copies and the browser, and many of them at once."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langchain_core.messages.ai import UsageMetadata
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from chatmem_nb import (
    HistoryBrowser,
    InvalidInputError,
    LangGraphSource,
    copy_sessions,
    export,
    sessions_frame,
    to_dataframe,
    tool_calls_frame,
)
from chatmem_nb.columns.schema import COLUMNS
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import messages_of, parse, parse_all
from tests.colours import ColouredSource
from tests.langgraph_threads import (
    TURNS,
    asking,
    filled,
    put,
    run,
    saver_of,
    state_of,
)
from tests.wire.browser_page import Page, kept_comms

USAGE: UsageMetadata = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
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
    with saver_of(kind, tmp_path) as saver, ColouredSource(LangGraphSource(saver), colour) as source:
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
        assert (again["problem"] == "").all()
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
