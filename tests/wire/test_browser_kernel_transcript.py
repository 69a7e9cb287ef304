"""Windows of the open session: its rows, tool calls, copies and dates."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from chatmem_nb.records import encode, encode_all
from chatmem_nb.stores.protocol import SessionStore
from tests.wire.browser_page import TALK, Page, store_long

pytestmark = pytest.mark.usefixtures("comms")


def test_a_window_holds_the_rows_that_were_asked_for(page: Page, store: SessionStore) -> None:
    store_long(store)
    at = page.open("long")
    answer = page.ask("window", **at, start=250, stop=275)
    assert (answer["start"], answer["total"]) == (250, 300)
    assert [row["index"] for row in answer["rows"]] == list(range(250, 275))
    assert answer["rows"][0]["html"] == "<p>message 250</p>\n"
    assert len(page.ask("window", **at, start=0, stop=10**6)["rows"]) == 200
    assert page.ask("window", **at, start=299, stop=400)["rows"][0]["index"] == 299
    assert page.ask("window", **at, start=10**9, stop=10**9 + 5)["rows"] == []


def test_a_window_stays_small_though_its_messages_are_long(page: Page, store: SessionStore) -> None:
    store.append("wide", [encode(HumanMessage("**many** words " * 2_000)) for _ in range(25)])
    rows = page.rows("wide")
    assert len(json.dumps(rows)) < 25 * 4_000 * 2
    assert all(row["clipped"] == 30_000 for row in rows)


def test_one_long_message_is_clipped_and_read_on_in_parts(page: Page, store: SessionStore) -> None:
    text = "0123456789" * 10_000
    store.append("a", [encode(HumanMessage(text))])
    at = page.open("a")
    [row] = page.ask("window", **at, start=0, stop=1)["rows"]
    assert row["clipped"] == len(text)
    assert len(row["html"]) < 20_000
    full = page.ask("full", **at, index=0, identity=row["identity"], offset=50_000)
    assert full["text"] == text[50_000:]
    assert full["next"] is None


def test_a_whole_message_is_rendered_when_asked_for(page: Page, store: SessionStore) -> None:
    store.append("a", [encode(AIMessage("*x* " * 5_000))])
    assert page.ask("full", **page.message("a", 0), offset=0)["html"].count("<em>") == 5_000


def test_the_raw_record_is_as_it_is_stored(page: Page, store: SessionStore) -> None:
    store.append("a", ['{"type": "human",  "data": {"content": "x", "n": 12345678901234567890123}}'])
    raw = page.ask("raw", **page.message("a", 0))
    assert raw["raw"] == store.read("a")[0]
    assert '"n": 12345678901234567890123' in raw["pretty"]


def test_a_broken_record_keeps_its_place(page: Page, store: SessionStore) -> None:
    store.append("a", [TALK[0], "{broken <b>", TALK[1]])
    rows = page.rows("a")
    assert ["error" not in row for row in rows] == [True, False, True]
    assert rows[1]["raw"] == "{broken <b>"
    assert rows[1]["role"] == "other"


def test_a_call_finds_its_result_outside_of_the_window(page: Page, store: SessionStore) -> None:
    call = AIMessage("", tool_calls=[{"name": "look", "args": {"at": "sky"}, "id": "c1"}])
    answer = ToolMessage("blue", tool_call_id="c1", name="look")
    store.append("a", encode_all([HumanMessage("?"), call, answer, AIMessage("It is blue.")]))
    at = page.open("a")
    [row] = page.ask("window", **at, start=1, stop=2)["rows"]
    [shown] = row["tool_calls"]
    assert shown == {"name": "look", "line": 'at="sky"', "result": {"index": 2, "text": "blue"}}
    [row] = page.ask("window", **at, start=2, stop=3)["rows"]
    assert row["answers"] == {"name": "look", "index": 1}


def test_a_window_without_calls_costs_one_request(page: Page, store: SessionStore) -> None:
    store_long(store, 100)
    at = page.open("long")
    before = store.commands.requests
    page.ask("window", **at, start=20, stop=45)
    assert store.commands.requests == before + 1


def test_many_calls_of_one_message_are_paged(page: Page, store: SessionStore) -> None:
    calls = [{"name": f"t{number}", "args": {"n": number}, "id": f"c{number}"} for number in range(1_000)]
    results = [ToolMessage(f"r{number}", tool_call_id=f"c{number}") for number in range(100)]
    store.append("a", encode_all([AIMessage("", tool_calls=calls), *results]))
    at = page.open("a")
    [row] = page.ask("window", **at, start=0, stop=1)["rows"]
    assert row["tool_calls_total"] == 1_000
    assert len(row["tool_calls"]) <= 20
    assert len(json.dumps(row)) < 25_000
    more = page.ask("calls", **page.message("a", 0), start=40, stop=60)
    assert [call["name"] for call in more["tool_calls"]] == [f"t{number}" for number in range(40, 60)]
    assert more["tool_calls"][0]["result"]["text"] == "r40"
    assert more["total"] == 1_000


def test_messages_are_copied_as_text_markdown_and_json(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    at = page.open("a")
    rows = page.ask("window", **at, start=0, stop=3)["rows"]

    def copied(*indexes: int, form: str) -> str:
        identities = [rows[index]["identity"] for index in indexes]
        return str(page.ask("copy", **at, indexes=list(indexes), identities=identities, format=form)["text"])

    assert copied(0, 2, form="text") == "hello *you*\n\n漢字 👋"
    assert copied(1, form="markdown") == "**AI**\n\nhi"
    assert json.loads(copied(0, 1, form="json")) == [json.loads(raw) for raw in TALK[:2]]
    wrong = page.refused("copy", **at, indexes=[0, 1], identities=["x"], format="text")
    assert (wrong.type, wrong.field) == ("invalid", "identities")


def test_the_copy_of_a_tool_call_is_its_name_and_arguments(page: Page, store: SessionStore) -> None:
    calls = [{"name": "search", "args": {"origin": "SFO", "long": "x" * 900}, "id": "c1"}]
    store.append("a", encode_all([AIMessage("", tool_calls=calls), AIMessage("Wait.", tool_calls=calls)]))
    at = page.open("a")
    rows = page.ask("window", **at, start=0, stop=2)["rows"]

    def copied(index: int) -> str:
        identities = [rows[index]["identity"]]
        return str(page.ask("copy", **at, indexes=[index], identities=identities, format="text")["text"])

    line = f'search(origin="SFO", long="{"x" * 900}")'
    assert copied(0) == line
    assert copied(1) == f"Wait.\n{line}"


def test_failed_calls_are_counted_and_found(page: Page, store: SessionStore) -> None:
    def call(number: int, text: str, status: str = "success") -> list[BaseMessage]:
        asks = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": f"c{number}"}])
        return [asks, ToolMessage(text, tool_call_id=f"c{number}", status=status)]

    talk = [*call(0, "fine"), *call(1, "Error: no seat"), *call(2, "declined", "error"), *call(3, "")]
    store.append("a", encode_all([HumanMessage("?"), *talk]))
    at = page.open("a")
    assert page.ask("stats", **at)["failed"] == [4, 6]
    found = page.ask("find", scope="session", session_id="a", errors_only=True)["hits"]
    assert [hit["index"] for hit in found] == [4, 6]


def test_a_window_of_a_whole_session_brings_its_figures(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    at = page.open("a")
    before = store.commands.requests
    answer = page.ask("window", **at, start=0, stop=50)
    assert answer["stats"]["messages"] == len(TALK)
    assert answer["stats"]["facts"]["Turns"] == "2"
    assert store.commands.requests == before + 1
    assert "stats" not in page.ask("window", **at, start=1, stop=50)


def test_a_date_is_found(page: Page, store: SessionStore) -> None:
    stamps = [f"2026-01-{day:02}T12:00:00+00:00" for day in range(1, 21)]
    undated = '{"type": "human", "data": {"content": "old"}}'
    records = [
        json.dumps({"type": "human", "data": {"content": "x"}, "stored_at": stamp}) for stamp in stamps
    ]
    store.append("a", [undated, undated, *records])
    at = page.open("a")
    found = page.ask("locate", **at, date="2026-01-05")
    assert (found["index"], found["identity"]) == (6, page.message("a", 6)["identity"])
    assert page.ask("locate", **at, date="2020-01-01T00:00:00Z")["index"] == 2
    assert page.ask("locate", **at, date="2030-01-01")["index"] == 21
    assert page.refused("locate", **at, date="yesterday").field == "date"
    store.append("b", [undated])
    assert "stored" in page.refused("locate", **page.open("b"), date="2026-01-05").message


def test_text_that_no_message_can_carry_is_mended(page: Page, store: SessionStore) -> None:
    store.append("a", ['{"type": "human", "data": {"content": "\\ud800 x", "name": "\\udfff\\u0000"}}'])
    [row] = page.rows("a")
    assert row["html"] == "<p>\ufffd x</p>\n"
    assert row["name"] == "\ufffd\ufffd"
    page.ask("raw", **page.message("a", 0))
    page.ask("sessions")
