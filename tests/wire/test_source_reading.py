"""What frames, exports, copies and the browser ask of a source: the reading verbs, and no more."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from chatmem_nb import (
    HistoryBrowser,
    InvalidInputError,
    content_blocks_frame,
    copy_sessions,
    estimate,
    export,
    import_file,
    sessions_frame,
    to_dataframe,
    tool_calls_frame,
)
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all
from chatmem_nb.stores.protocol import SessionReader, SessionStore, is_reader, is_store
from tests.plain_reader import PlainReader
from tests.wire.browser_page import Page, kept_comms

CALL = {"name": "search", "args": {"q": "ferry"}, "id": "c1"}
SESSIONS = {
    "alice": encode_all(
        [
            HumanMessage("When does the ferry leave?"),
            AIMessage("", tool_calls=[CALL]),
            ToolMessage("at nine", tool_call_id="c1", name="search"),
            AIMessage("At nine."),
        ]
    ),
    "bob": encode_all([HumanMessage("hello")]),
}
WRITING = {"append", "append_json", "remove", "measure_clear", "clear", "undo", "preview"}


@pytest.fixture
def reader() -> PlainReader:
    return PlainReader(SESSIONS)


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


def test_the_reading_half_is_ten_verbs_and_a_store_has_them_too(reader: PlainReader, store: Any) -> None:
    verbs = {name for name in vars(SessionReader) if not name.startswith("_")}
    assert verbs == {
        a + verb for a in ("", "a") for verb in ("session_ids", "summaries", "length", "read", "read_many")
    }
    assert isinstance(reader, SessionReader)
    assert not isinstance(reader, SessionStore)
    assert isinstance(store, SessionReader)
    for verb in verbs:
        promised = inspect.signature(getattr(SessionReader, verb)).parameters
        assert list(inspect.signature(getattr(reader, verb)).parameters) == list(promised)[1:], verb


class Wrapper:
    """A store as people wrap one, to log or to count what it is asked."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_wrapper_of_a_store_is_a_store_and_one_of_a_reader_a_reader(
    reader: PlainReader, store: SessionStore
) -> None:
    assert is_store(Wrapper(store))
    assert is_reader(Wrapper(reader))
    assert not is_store(Wrapper(reader))
    assert not is_reader(Wrapper(object()))
    assert to_dataframe(Wrapper(reader))["raw"].tolist() == to_dataframe(reader)["raw"].tolist()
    store.append("s", SESSIONS["bob"])
    with pytest.raises(InvalidInputError, match="same database"):
        copy_sessions(Wrapper(store), store, on_conflict="replace")


def test_frames_read_a_reader(reader: PlainReader) -> None:
    frame = to_dataframe(reader)
    assert frame["raw"].tolist() == SESSIONS["alice"] + SESSIONS["bob"]
    assert to_dataframe((reader, ["bob"]))["content"].tolist() == ["hello"]
    assert sessions_frame(reader)["n_messages"].tolist() == [4, 1]
    assert tool_calls_frame(reader)["result"].tolist() == ["at nine"]
    assert len(content_blocks_frame(reader)) >= 4


def test_an_export_of_a_reader_comes_back_byte_for_byte(
    reader: PlainReader, store: Any, tmp_path: Path
) -> None:
    path = tmp_path / "all.parquet"
    assert export(reader, path, progress=False).messages == 5
    import_file(path, store)
    assert {name: store.read(name) for name in SESSIONS} == SESSIONS
    assert not list(tmp_path.glob(".*partial*"))


def test_an_interrupted_export_of_a_reader_starts_anew(reader: PlainReader, tmp_path: Path) -> None:
    def interrupt(record: Any) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(reader, tmp_path / "a.jsonl", where=interrupt, progress=False)
    report = export(reader, tmp_path / "a.jsonl", progress=False)
    assert (report.sessions, report.resumed) == (2, 0)


def test_an_estimate_of_a_reader_costs_nothing(reader: PlainReader) -> None:
    cost = estimate(reader)
    assert (cost.sessions, cost.messages, cost.commands, cost.usd, cost.minutes) == (2, 5, 0, None, None)


def test_a_budget_of_commands_is_rejected_for_a_reader(reader: PlainReader, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="bills no commands"):
        export(reader, tmp_path / "a.jsonl", max_commands=5, progress=False)


def test_sessions_are_copied_from_a_reader_to_a_store(reader: PlainReader, store: Any) -> None:
    report = copy_sessions(reader, store, progress=False)
    assert report["action"].tolist() == ["create", "create"]
    assert {name: store.read(name) for name in SESSIONS} == SESSIONS
    again = copy_sessions(reader, store, on_conflict="merge", progress=False)
    assert again["action"].tolist() == ["skip", "skip"]


def test_the_browser_reads_a_reader_and_offers_no_change(reader: PlainReader) -> None:
    with kept_comms():
        browser = HistoryBrowser(reader)
        page = Page(browser)
        hello = page.ask("hello")
        assert (hello["may"]["write"], hello["may"]["files"], hello["service"]) == (
            False,
            True,
            "PlainReader",
        )
        assert [row["session_id"] for row in page.ask("sessions")["rows"]] == ["alice", "bob"]
        assert [row["index"] for row in page.rows("alice")] == [0, 1, 2, 3]
        assert [hit.index for hit in browser.find("ferry", everywhere=True)] == [0, 1]
        at = page.open("alice")
        assert page.ask("stats", **at, all=True)["messages"] == 4
        for method in sorted(WRITING):
            assert (
                page.refused(method, **at, index=0, identity="x", text="x", role="human").type == "read_only"
            )
        assert repr(browser).startswith("HistoryBrowser(PlainReader")
        assert len(browser.to_dataframe()) == 4
        browser.close()
