"""What the browser changes, and how it comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import HistoryBrowser, InvalidInputError, StoreConflictError, StoreError
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all, parse_all
from chatmem_nb.stores.protocol import SessionStore
from chatmem_nb.widgets import undo
from tests.wire.browser_page import Page, Refused, kept_comms

# What is refused before anything is sent does not depend on the service.
ONE_SERVICE = pytest.mark.parametrize("server", ["upstash"], indirect=True)

TALK = encode_all([HumanMessage("one"), AIMessage("two"), HumanMessage("three"), AIMessage("four")])
ODD = ['{"type": "human",   "data": {"content": "\\u00e9"}}', "not json at all", TALK[0], "", "漢字 \\ud800"]


@pytest.fixture
def store(server: Any, prefix: str) -> Iterator[SessionStore]:
    with server.store(key_prefix=prefix, timeout_s=1.0) as store:
        yield store


@pytest.mark.parametrize("role", ["human", "ai", "system", "tool"])
def test_a_message_of_each_role_is_appended(page: Page, store: SessionStore, role: str) -> None:
    text = "several\nlines  with *stars*\n"
    page.ask("append", session_id="a", role=role, content=text, tool_call_id="c1", name="n")
    [record] = parse_all(store.read("a"))
    assert record.error is None
    assert (record.message.type, record.message.content, record.message.name) == (role, text, "n")
    assert record.stored_at is not None


@ONE_SERVICE
@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"role": "human", "content": "  \n "}, "content"),
        ({"role": "human"}, "content"),
        ({"role": "tool", "content": "x"}, "tool_call_id"),
        ({"role": "robot", "content": "x"}, "role"),
        ({"role": "human", "content": 5}, "content"),
    ],
)
def test_what_cannot_be_appended_is_said_beside_its_field(
    page: Page, store: SessionStore, params: dict[str, Any], field: str
) -> None:
    assert page.refused("append", session_id="a", **params).field == field
    assert store.length("a") == 0


OPENAI = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": "u"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "r"},
]


@pytest.mark.parametrize(
    ("text", "types"),
    [
        (json.dumps(OPENAI), ["system", "human", "ai", "tool"]),
        (json.dumps(OPENAI[1]), ["human"]),
        ("\n".join(map(json.dumps, OPENAI[:2])), ["system", "human"]),
        (json.dumps({"messages": OPENAI}, indent=2), ["system", "human", "ai", "tool"]),
        ('{"type": "human", "data": {"content": "x"}}', ["human"]),
        (f"[{TALK[0]},\n{TALK[1]}]", ["human", "ai"]),
        ('  [{"type": "ai", "content": "flat"}]  ', ["ai"]),
    ],
    ids=["array", "one message", "lines", "conversation", "record", "records", "without data"],
)
def test_pasted_json_is_appended(page: Page, store: SessionStore, text: str, types: list[str]) -> None:
    dry = page.ask("append_json", session_id="a", text=text, dry_run=True)
    assert (dry["count"], dry["errors"], store.length("a")) == (len(types), [], 0)
    answer = page.ask("append_json", session_id="a", text=text, dry_run=False)
    assert (answer["count"], answer["index"], answer["total"]) == (len(types), 0, len(types))
    assert [record.type for record in parse_all(store.read("a"))] == types


@ONE_SERVICE
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [1]),
        ("   \n  ", [1]),
        ("[]", [1]),
        ("hello", [1]),
        ('[{"role": "user", "content": "secret words"},\n {"role": "user" "content"}]', [2]),
        ('[{"role": "user", "content": "secret words"},\n\n 5,\n {"no": "secret words"}]', [3, 4]),
        ('{"role": "user", "content": "x"}\n{"role": "secret words", "content": "x"}', [2]),
        ('[{"type": "human", "data": {"content": {"secret words": 1}}}]', [1]),
        ('[{"type": "human", "data": {"content": [{"type": 5}, 6]}}]', [1]),
        ('[{"role": "user", "content": "x"}] secret words', [1]),
        ('[{"role": "user", "content": "x"}', [1]),
        ("[" * 100_000, [1]),
        ('{"a":' * 100_000, [1]),
        ('{"role": "user", "content": ' + "9" * 10_000 + "}", [1]),
        ('{"messages": [{"role": "user", "content": "x"}, null]}', [1]),
        ("NaN", [1]),
    ],
)
def test_json_that_is_no_message_is_named_by_its_line_and_nothing_is_sent(
    page: Page, store: SessionStore, text: str, lines: list[int]
) -> None:
    before = store.commands.requests
    answer = page.ask("append_json", session_id="a", text=text, dry_run=False)
    assert [error["line"] for error in answer["errors"]] == lines
    assert answer["count"] == 0
    assert store.commands.requests == before
    assert "secret words" not in json.dumps(answer)


def test_one_message_is_deleted_and_comes_back_in_its_place(page: Page, store: SessionStore) -> None:
    records = [TALK[0], ODD[0], ODD[1], TALK[1], ODD[0]]
    store.append("a", records)
    at = page.message("a", 1)
    answer = page.ask("remove", **at)
    assert store.read("a") == [TALK[0], ODD[1], TALK[1], ODD[0]]
    assert answer["total"] == 4
    assert answer["epoch"] != at["epoch"]
    assert "message 2" in answer["undo"]["label"]
    undone = page.ask("undo")
    assert store.read("a") == records
    assert (undone["session_id"], undone["total"], undone["undo"]) == ("a", 5, None)


def test_a_message_is_removed_once(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    at = page.message("a", 0)
    page.ask("remove", **at)
    assert page.refused("remove", **at).type == "stale"
    assert store.read("a") == TALK[1:]


@pytest.mark.parametrize("then_appended", [0, 1], ids=["shorter", "as long as before"])
@pytest.mark.parametrize(
    ("method", "extra"),
    [
        ("remove", {}),
        ("raw", {}),
        ("full", {"offset": 0}),
        ("image", {"block": 0}),
        ("calls", {"start": 0, "stop": 5}),
        ("copy", {"format": "text"}),
    ],
)
def test_a_row_never_stands_for_the_message_that_took_its_place(
    page: Page, store: SessionStore, method: str, extra: dict[str, Any], then_appended: int
) -> None:
    store.append("a", TALK)
    at = page.message("a", 1)
    store.remove("a", 0, TALK[0])  # another client
    store.append("a", TALK[:then_appended])
    rest = store.read("a")
    lists = {"indexes": [1], "identities": [at["identity"]]} if method == "copy" else {}
    page.forget()
    refused = page.refused(method, **at, **extra, **lists)
    assert (refused.type, store.read("a")) == ("changed", rest)
    assert page.event(event="changed", what="session", session="a", total=len(rest))["epoch"] != at["epoch"]
    assert "three" not in page.everything()
    page.ask("remove", **page.message("a", 1))
    assert store.read("a") == [rest[0], *rest[2:]]


def test_of_several_equal_messages_the_one_meant_is_removed(page: Page, store: SessionStore) -> None:
    store.append("a", [ODD[0], TALK[0], ODD[0]])
    page.ask("remove", **page.message("a", 2))
    assert store.read("a") == [ODD[0], TALK[0]]


@pytest.mark.parametrize("verb", ["aread", "aremove"])
def test_python_removes_no_message_but_the_one_it_read(
    browser: HistoryBrowser, store: SessionStore, other: Callable[..., None], verb: str
) -> None:
    store.append("a", TALK)
    browser.select("a")
    other(verb, remove_oldest)
    with pytest.raises(StoreConflictError, match="changed or moved meanwhile"):
        browser.remove(0)
    assert store.read("a") == TALK[1:]
    browser.remove(-1)
    assert store.read("a") == TALK[1:3]


def test_sessions_are_measured_before_they_are_cleared(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    store.append("b", ODD[:2])
    measured = page.ask("measure_clear", session_ids=["a", "b", "nobody"])
    assert measured["sessions"] == [
        {"session_id": "a", "length": 4},
        {"session_id": "b", "length": 2},
        {"session_id": "nobody", "length": 0},
    ]
    assert measured["messages"] == 6
    assert measured["bytes"] == sum(len(record.encode()) for record in [*TALK, *ODD[:2]])
    assert measured["undoable"] is True


def test_cleared_sessions_come_back_byte_for_byte_with_their_ttl(
    page: Page, server: Any, store: SessionStore
) -> None:
    with server.store(key_prefix=store.key_prefix, ttl=timedelta(hours=2)) as short_lived:
        short_lived.append("a", ODD)
    store.append("b", TALK)
    at = page.open("a")
    answer = page.ask("clear", session_ids=["a", "nobody", "b"])
    assert (answer["cleared"], answer["missing"]) == (["a", "b"], ["nobody"])
    assert store.length("a") == store.length("b") == 0
    event = page.event(event="changed", what="session", total=0)
    assert event["epoch"] != at["epoch"]
    assert page.ask("sessions")["rows"] == []
    undone = page.ask("undo")
    assert undone["label"] == "2 sessions"
    assert (undone["session_id"], undone["total"]) == ("a", 5)
    assert store.read("a") == ODD
    assert store.read("b") == TALK
    first, second = store.summaries(["a", "b"])
    assert first.ttl is not None
    assert timedelta(hours=1.9) < first.ttl <= timedelta(hours=2)
    assert second.ttl is None or second.ttl > timedelta(hours=2)
    assert {row["session_id"] for row in page.ask("sessions")["rows"]} == {"a", "b"}


def test_undos_are_taken_back_one_after_another(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    page.ask("remove", **page.message("a", 3))
    page.ask("remove", **page.message("a", 0))
    page.ask("clear", session_ids=["a"])
    for length in (2, 3, 4):
        page.ask("undo")
        assert store.length("a") == length
    assert store.read("a") == TALK
    assert "nothing to undo" in page.refused("undo").message


def test_what_was_written_after_a_clear_stays_behind_what_comes_back(page: Page, store: SessionStore) -> None:
    store.append("a", TALK[:2])
    page.ask("clear", session_ids=["a"])
    store.append("a", TALK[2:])
    page.ask("undo")
    assert store.read("a") == TALK


Change = Callable[[SessionStore], object]


@pytest.fixture
def other(server: Any, store: SessionStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Makes another client change the service right before each of the next calls of a verb."""
    with server.store(key_prefix=store.key_prefix) as client:

        def changes_before(verb: str, *changes: Change) -> None:
            left, call = list(changes), getattr(store, verb)

            async def after_the_change(*args: Any, **options: Any) -> Any:
                if left:
                    await asyncio.to_thread(left.pop(0), client)
                return await call(*args, **options)

            monkeypatch.setattr(store, verb, after_the_change)

        yield changes_before


def remove_oldest(client: SessionStore) -> None:
    client.remove("a", 0, client.read("a", 0, 1)[0])


def test_messages_appended_during_a_clear_stay_and_survive_its_undo(
    page: Page, store: SessionStore, other: Callable[..., None]
) -> None:
    store.append("a", TALK[:2])
    at = page.open("a")
    page.forget()
    other("adelete", lambda client: client.append("a", TALK[2:]))
    answer = page.ask("clear", session_ids=["a"])
    assert store.read("a") == TALK[2:]
    assert (answer["cleared"], answer["later"]) == (["a"], [{"session_id": "a", "length": 2}])
    assert page.event(event="changed", what="session", session="a", total=2)["epoch"] != at["epoch"]
    assert [row["length"] for row in page.ask("sessions")["rows"]] == [2]
    page.ask("undo")
    assert store.read("a") == TALK


def test_a_session_that_changes_during_a_clear_is_copied_again(
    page: Page, store: SessionStore, other: Callable[..., None]
) -> None:
    store.append("a", TALK)
    other("adelete", remove_oldest)
    answer = page.ask("clear", session_ids=["a"])
    assert (answer["cleared"], answer["later"], store.read("a")) == (["a"], [], [])
    page.ask("undo")
    assert store.read("a") == TALK[1:]


def test_a_session_that_keeps_changing_is_not_cleared(
    page: Page, store: SessionStore, other: Callable[..., None]
) -> None:
    store.append("a", TALK)
    other("adelete", remove_oldest, remove_oldest, remove_oldest)
    refused = page.refused("clear", session_ids=["a"])
    assert (refused.type, store.read("a")) == ("changed", TALK[3:])
    assert "changed meanwhile by another client" in refused.message
    assert page.ask("hello")["undo"] is None


def test_a_session_that_others_delete_during_a_clear_can_be_restored(
    page: Page, store: SessionStore, other: Callable[..., None]
) -> None:
    store.append("a", TALK[:1])
    other("adelete", remove_oldest)
    assert page.ask("clear", session_ids=["a"])["cleared"] == ["a"]
    page.ask("undo")
    assert store.read("a") == TALK[:1]


def test_clear_and_undo_lose_nothing_while_another_client_appends(
    browser: HistoryBrowser, store: SessionStore
) -> None:
    acknowledged: list[str] = []
    stopped = threading.Event()

    def append() -> None:
        while not stopped.is_set():
            [record] = encode_all([HumanMessage(f"message {len(acknowledged)}")])
            store.append("a", [record])
            acknowledged.append(record)

    store.append("a", TALK)
    writer = threading.Thread(target=append)
    writer.start()
    try:
        for _ in range(15):
            browser.clear("a")
            browser.undo()
    finally:
        stopped.set()
        writer.join()
    assert sorted(store.read("a")) == sorted([*TALK, *acknowledged])


def test_above_the_limit_there_is_no_undo_and_it_must_be_confirmed(
    page: Page, store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "UNDO_LIMIT", 500)
    store.append("a", TALK)
    refused = page.refused("clear", session_ids=["a"])
    assert refused.type == "too_large"
    assert store.length("a") == 4
    measured = page.ask("measure_clear", session_ids=["a"])
    assert (measured["undoable"], measured["bytes"]) == (False, None)
    assert "cannot be undone" in measured["note"]
    answer = page.ask("clear", session_ids=["a"])
    assert (answer["cleared"], answer["undo"]) == (["a"], None)
    assert store.length("a") == 0


def test_a_read_only_browser_offers_no_changes(store: SessionStore) -> None:
    store.append("a", TALK)
    with kept_comms():
        browser = HistoryBrowser(store, read_only=True)
    page = Page(browser)
    at = page.open("a")
    for method, params in {
        "append": {"session_id": "a", "role": "human", "content": "x"},
        "append_json": {"session_id": "a", "text": TALK[0], "dry_run": False},
        "remove": {**at, "index": 0, "identity": "x"},
        "measure_clear": {"session_ids": ["a"]},
        "clear": {"session_ids": ["a"]},
        "undo": {},
    }.items():
        assert page.refused(method, **params).type == "read_only"
    for change in (lambda: browser.append("x"), browser.clear, browser.undo, lambda: browser.remove(0)):
        with pytest.raises(InvalidInputError, match="read-only"):
            change()
    assert store.read("a") == TALK
    assert len(page.ask("window", **at, start=0, stop=9)["rows"]) == 4
    browser.close()


@pytest.mark.parametrize("later", [[], ODD[:1]], ids=["alone", "others append"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_lost_response_to_a_clear_loses_no_message(
    page: Page,
    server: Any,
    store: SessionStore,
    other: Callable[..., None],
    kind: str,
    later: list[str],
) -> None:
    """Whether the service did it or not: after the undo all is as it was, once."""
    store.append("a", TALK)
    page.open("a")

    def lose_responses(client: SessionStore) -> None:
        for command in ("EVAL",) if isinstance(server, LocalUpstash) else ("Delete", "ListErase"):
            server.faults.add(kind, times=50, command=command)  # enough to outlast the retries of the store

    other("adelete", lose_responses)
    with contextlib.suppress(Refused):
        page.ask("clear", session_ids=["a"])
    assert len(server.faults) % 50 > 0  # some were met
    server.faults.clear()
    store.append("a", later)
    if page.ask("hello")["undo"]:
        page.ask("undo")
    assert store.read("a") == [*TALK, *later]


def test_a_failed_append_says_so_and_the_next_one_works(page: Page, server: Any, store: SessionStore) -> None:
    page.open("a", create=True)
    server.faults.add("drop_before", times=50)
    assert page.refused("append", session_id="a", role="human", content="x").type in (
        "unavailable",
        "timeout",
    )
    assert page.event(event="changed", what="connection", reachable=False)
    server.faults.clear()
    page.ask("append", session_id="a", role="human", content="x")
    assert page.event(event="changed", what="connection", reachable=True)


def test_a_lost_connection_is_found_again_without_being_asked_for(
    page: Page, server: Any, store: SessionStore
) -> None:
    store.append("a", TALK)
    at = page.open("a")
    server.faults.add("drop_before", times=50)
    assert page.refused("window", **at, start=0, stop=5).type in ("unavailable", "timeout")
    page.event(event="changed", what="connection", reachable=False)
    server.faults.clear()
    page.event(event="changed", what="connection", reachable=True)
    assert page.ask("window", **at, start=0, stop=5)["rows"]


def test_python_changes_what_the_page_can(browser: HistoryBrowser, page: Page, store: SessionStore) -> None:
    browser.select("a", create=True)
    assert page.event(event="changed", what="session", session="a")["total"] == 0
    assert browser.append("hello") == 1
    assert browser.append("hi", role="ai") == 2
    assert browser.append(HumanMessage("more")) == 3
    assert browser.append([AIMessage("x"), HumanMessage("y")]) == 5
    page.event(event="changed", what="session", session="a", total=5)
    browser.remove(-1)
    assert [record.type for record in browser.records] == ["human", "ai", "human", "ai"]
    assert browser.undo().startswith("message 5")
    assert browser.clear() == ["a"]
    assert browser.records == []
    assert browser.undo() == "session 'a'"
    assert len(store.read("a")) == 5
    with pytest.raises(InvalidInputError, match="no session 'nobody'"):
        browser.select("nobody")
    with pytest.raises(InvalidInputError, match="id of its call"):
        browser.append("x", role="tool")
    with pytest.raises(InvalidInputError, match="expected a langchain_core message"):
        browser.append([5])


def test_errors_of_the_service_reach_python_as_what_they_are(browser: HistoryBrowser, server: Any) -> None:
    browser.select("a", create=True)
    server.faults.add("drop_before", times=50)
    with pytest.raises(StoreError):
        browser.append("x")
    server.faults.clear()
