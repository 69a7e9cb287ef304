"""Sessions and messages of a size that nobody expects: the page gets little, and soon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatmem_nb import HistoryBrowser
from chatmem_nb.local import LocalUpstash
from chatmem_nb.local.upstash import HttpLimits
from chatmem_nb.stores.protocol import SessionStore
from tests.redis_server import redis_server
from tests.wire.browser_page import KeptComm, Page, kept_comms

MEGA = 1_000_000


def record(content: Any, **data: Any) -> str:
    return json.dumps({"type": "ai", "data": {"content": content, **data}})


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


@pytest.fixture
def store(server: LocalUpstash, prefix: str) -> Iterator[SessionStore]:
    with server.store(key_prefix=prefix, timeout_s=60.0) as store:
        yield store


@pytest.fixture
def page(store: SessionStore) -> Iterator[Page]:
    with kept_comms():
        browser = HistoryBrowser(store)
        yield Page(browser)
        browser.close()


def sent_bytes(comm: KeptComm) -> int:
    return sum(len(json.dumps(data, ensure_ascii=False).encode()) for data, _ in comm.sent)


TEXT = "All work and no play. " * 2_272_727 + "needle"


@pytest.mark.slow
def test_a_message_of_50_megabytes_is_opened_read_and_found() -> None:
    with (
        LocalUpstash(limits=HttpLimits(request_bytes=100 * MEGA)) as server,
        server.store(max_request_bytes=100 * MEGA, timeout_s=60.0) as store,
        kept_comms(),
    ):
        store.append("huge", [record("before"), record(TEXT), record("after")])
        browser = HistoryBrowser(store)
        page = Page(browser)
        page.forget()
        page.ask("sessions")
        at = page.open("huge")
        rows = page.ask("window", **at, start=0, stop=25)["rows"]
        assert rows[1]["clipped"] == len(TEXT)
        one = {**at, "index": 1, "identity": rows[1]["identity"]}
        assert sent_bytes(page.comm) < 30_000
        assert page.ask("full", **one, offset=len(TEXT) - 10)["text"].endswith("needle")
        assert len(page.ask("raw", **one)["raw"]) == MEGA
        [hit] = page.ask("find", scope="session", session_id="huge", text="needle")["hits"]
        assert hit["index"] == 1
        assert page.ask("measure_clear", session_ids=["huge"])["undoable"] is False
        browser.close()


@pytest.mark.slow
def test_a_message_too_large_for_a_response_keeps_its_place_and_hides_no_other(tmp_path: Path) -> None:
    """As on Upstash, where a request or an answer is 10 MB at most, and a record ten times that."""
    with (
        redis_server(tmp_path) as redis_url,
        LocalUpstash(redis_url=redis_url, limits=HttpLimits(request_bytes=100 * MEGA)) as roomy,
        LocalUpstash(redis_url=redis_url) as server,
        roomy.store(max_request_bytes=100 * MEGA, timeout_s=60.0) as writer,
        server.store(timeout_s=60.0) as store,
        kept_comms(),
    ):
        writer.append("first", [record("hello")])
        writer.append("huge", [record("before"), record("x" * 15 * MEGA), record("after needle")])
        writer.append("last", [record("needle")])
        writer.append("ends huge", [record("needle"), record("x" * 15 * MEGA)])
        browser = HistoryBrowser(store)
        page = Page(browser)
        listed = {row["session_id"]: row["length"] for row in page.ask("sessions")["rows"]}
        assert listed == {"first": 1, "huge": 3, "last": 1, "ends huge": 2}
        at = page.open("huge")
        rows = page.ask("window", **at, start=0, stop=25)["rows"]
        assert ["larger" in row.get("error", "") for row in rows] == [False, True, False]
        assert page.ask("stats", **at)["bad"] == 1
        found = page.ask("find", scope="all", text="needle")
        assert {(hit["session_id"], hit["index"]) for hit in found["hits"]} == {
            ("huge", 2),
            ("last", 0),
            ("ends huge", 0),
        }
        assert page.ask("measure_clear", session_ids=["huge"])["undoable"] is False
        assert page.ask("clear", session_ids=["huge"])["cleared"] == ["huge"]
        assert page.open("ends huge")
        browser.close()


def test_a_line_of_a_million_characters_and_many_calls_are_clipped(page: Page, store: SessionStore) -> None:
    calls = [{"name": f"tool{number}", "args": {"n": number}, "id": f"c{number}"} for number in range(10_000)]
    page.forget()
    store.append("wide", [record("x" * MEGA), record("", tool_calls=calls), record("[" * MEGA)])
    rows = page.rows("wide")
    assert [row.get("clipped") for row in rows] == [MEGA, None, MEGA]
    assert rows[1]["tool_calls_total"] == 10_000
    assert sent_bytes(page.comm) < 40_000


def test_a_long_session_opens_with_as_little_as_a_short_one(page: Page, store: SessionStore) -> None:
    words = [record(f"message {number} " + "with some words " * 12) for number in range(100)]
    store.append("short", words)
    for _ in range(5):
        store.append("long", words * 100)
    sizes = []
    for session_id, total in (("short", 100), ("long", 50_000)):
        page.forget()
        before = store.commands.bytes_received
        opened = page.ask("open", session_id=session_id)
        assert opened["total"] == total
        at = {"session_id": session_id, "epoch": opened["epoch"]}
        page.ask("window", **at, start=total - 25, stop=total)
        sizes.append((sent_bytes(page.comm), store.commands.bytes_received - before))
        page.ask("window", **at, start=total // 2, stop=total // 2 + 25)
    (short_sent, short_read), (long_sent, long_read) = sizes
    assert long_sent < 1.05 * short_sent < 25_000
    assert long_read < 1.05 * short_read


@pytest.mark.slow
def test_the_first_page_of_many_sessions_asks_for_no_more_than_of_few(
    page: Page, store: SessionStore
) -> None:
    words = [record("hello")]
    for number in range(1_500):
        store.append(f"s{number:04}", words)
    page.forget()
    before = store.commands.requests
    answer = page.ask("sessions", start=0, stop=50)
    assert len(answer["rows"]) == 50
    # A page of an embedded engine may hold few ids of the prefix, so scanning is a request or a few.
    assert store.commands.requests - before <= 6
    assert sent_bytes(page.comm) < 25_000
