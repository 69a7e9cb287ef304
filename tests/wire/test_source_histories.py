"""Histories of LangChain as sessions: in memory, in SQL, in Redis, and those that fail."""

from __future__ import annotations

import asyncio
import inspect
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from chatmem_nb import (
    HistoryBrowser,
    HistorySource,
    InvalidInputError,
    StoreError,
    copy_sessions,
    to_dataframe,
)
from chatmem_nb.errors import RecordErrors
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import messages_of, parse_all
from chatmem_nb.stores.protocol import SessionReader, SessionStore
from tests.colours import ColouredSource
from tests.redis_server import redis_server
from tests.wire.browser_page import Page, kept_comms

CALL = {"name": "search", "args": {"q": "ferry"}, "id": "c1"}
TALKS: dict[str, list[BaseMessage]] = {
    "alice": [
        SystemMessage("Be brief.", id="m0"),
        HumanMessage("When does the ferry leave?", id="m1"),
        AIMessage("", tool_calls=[CALL], id="m2"),
        ToolMessage("at nine", tool_call_id="c1", id="m3"),
        AIMessage("At nine ⛴", id="m4"),
    ],
    "bob": [HumanMessage("hello", id="m5")],
}


class Memory(InMemoryChatMessageHistory):
    """LangChain's own, which warns, since 1.6.4, where it is made itself."""


@pytest.fixture(params=["memory", "sql", "redis", pytest.param("langchain-redis", marks=pytest.mark.live)])
def factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Make histories of one kind, with the talks in them."""
    if request.param == "memory":
        made: dict[str, Memory] = {}
        yield fill(lambda name: made.setdefault(name, Memory()))
    elif request.param == "sql":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # langchain_community is archived
            from langchain_community.chat_message_histories import SQLChatMessageHistory
        from sqlalchemy import create_engine

        engine = create_engine(f"sqlite:///{tmp_path / 'talks.sqlite'}")
        yield fill(lambda name: SQLChatMessageHistory(name, connection=engine))
        engine.dispose()
    elif request.param == "redis":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # langchain_community is archived
            from langchain_community.chat_message_histories import RedisChatMessageHistory

        with redis_server(tmp_path) as url:
            yield fill(lambda name: RedisChatMessageHistory(name, url=url))
    else:
        url = os.environ.get("CHATMEM_NB_LIVE_REDISEARCH", "")
        if not url:
            pytest.skip(
                "needs CHATMEM_NB_LIVE_REDISEARCH, the URL of a Redis with RediSearch (Redis 8 or Stack), "
                "which langchain-redis searches with; Debian's redis-server has none"
            )
        import redis
        from langchain_redis import RedisChatMessageHistory as Searched

        class InRedis(Searched):
            """Theirs, which warns where it is made itself."""

        prefix = f"test-{uuid4().hex}:"
        with redis.Redis.from_url(url) as client:

            def made_there(name: str) -> Any:
                return InRedis(name, redis_client=client, key_prefix=prefix)

            yield fill(made_there)
            for name in TALKS:
                made_there(name).clear()


def fill(factory: Callable[[str], Any]) -> Callable[[str], Any]:
    for name, messages in TALKS.items():
        factory(name).add_messages(messages)
    return factory


def test_a_history_is_a_session_message_for_message(factory: Callable[[str], Any]) -> None:
    for colour in ("sync", "async"):
        with ColouredSource(HistorySource(factory, TALKS), colour) as source:
            assert list(source.session_ids()) == list(TALKS)
            for name in TALKS:
                assert messages_of(source.read(name), name) == factory(name).messages
            assert [summary.length for summary in source.summaries(["bob", "nobody", "alice"])] == [1, 0, 5]
            assert source.read("alice", -2) == source.read("alice")[3:]
            assert source.length("alice") == 5
            assert {name: raws for name, _, raws in source.read_many(["bob", "nobody", "alice"])} == {
                name: source.read(name) for name in ("bob", "alice")
            }
            assert list(source.session_ids("a*")) == ["alice"]
            assert source.read("alice") == source.read("alice"), "a record is the same each time it is read"


def test_frames_copies_and_the_browser_take_histories(factory: Callable[[str], Any]) -> None:
    source = HistorySource(factory, lambda: list(TALKS))
    assert to_dataframe(source)["content"].tolist()[-2:] == ["At nine ⛴", "hello"]
    with LocalUpstash() as server, server.store() as store:
        assert set(copy_sessions(source, store, progress=False)["action"]) == {"create"}
        assert messages_of(store.read("alice"), "alice") == factory("alice").messages
        again = copy_sessions(source, store, on_conflict="merge", progress=False)
        assert set(again["action"]) == {"skip"}
    with kept_comms():
        browser = HistoryBrowser(source)
        page = Page(browser)
        assert [row["length"] for row in page.ask("sessions")["rows"]] == [5, 1]
        assert len(page.rows("alice")) == 5
        assert page.ask("hello")["may"]["write"] is False
        browser.close()


def test_a_source_of_histories_is_a_reader_and_no_store() -> None:
    source = HistorySource(lambda name: Memory(), [])
    assert isinstance(source, SessionReader)
    assert not isinstance(source, SessionStore)
    for name in ("session_ids", "summaries", "length", "read", "read_many"):
        sync, twin = getattr(HistorySource, name), getattr(HistorySource, f"a{name}")
        assert inspect.signature(sync).parameters == inspect.signature(twin).parameters
        assert sync.__doc__ == twin.__doc__


class Failing:
    """A history that raises `error` when it is read."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @property
    def messages(self) -> list[BaseMessage]:
        raise self.error


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_history_that_cannot_be_parsed_hides_no_other(colour: str) -> None:
    good = Memory(messages=TALKS["bob"])
    source = HistorySource(
        lambda name: good if name == "good" else Failing(ValueError("a secret")), ["bad", "good"]
    )
    with ColouredSource(source, colour) as twins:
        [record] = parse_all(twins.read("bad"))
        assert record.error == "its history cannot be parsed (ValueError); see what its `messages` raises"
        assert [name for name, _, _ in twins.read_many(["bad", "good"])] == ["bad", "good"]
    assert to_dataframe(source)["error"].notna().tolist() == [True, False]
    with pytest.raises(RecordErrors, match="cannot be parsed"):
        to_dataframe(source, strict=True)


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("error", [ConnectionRefusedError("no"), RuntimeError("token=secret")])
def test_a_history_that_fails_is_an_error_of_ours(colour: str, error: Exception) -> None:
    with (
        ColouredSource(HistorySource(lambda name: Failing(error), ["a"]), colour) as source,
        pytest.raises(StoreError, match="the history of session 'a' failed") as failed,
    ):
        source.read("a")
    assert failed.value.__cause__ is error
    assert "secret" not in str(failed.value)


def test_what_is_no_message_keeps_its_place() -> None:
    class Odd:
        """A history of odd things."""

        messages = (HumanMessage("hi"), "text", AIMessage("x", additional_kwargs={"b": b"\xff"}))

    good, text, raw = parse_all(HistorySource(lambda name: Odd(), ["a"]).read("a"))
    assert good.message == HumanMessage("hi")
    assert text.error == "it is a str, not a message"
    assert "JSON cannot" in str(raw.error)


@pytest.mark.parametrize(
    ("factory", "ids"),
    [(None, ["a"]), ("redis://", ["a"]), (Failing, "alice"), (Failing, None), (Failing, 7), (Failing, [7])],
)
def test_invalid_arguments_are_rejected(factory: Any, ids: Any) -> None:
    with pytest.raises(InvalidInputError):
        HistorySource(factory, ids)


def test_a_history_is_read_natively_where_it_is_async() -> None:
    class Native(InMemoryChatMessageHistory):
        """A history that can only be awaited."""

        @property
        def messages(self) -> list[BaseMessage]:
            raise AssertionError("read synchronously")

        async def aget_messages(self) -> list[BaseMessage]:
            return TALKS["bob"]

    source = HistorySource(lambda name: Native.model_construct(), ["a"])
    assert messages_of(asyncio.run(source.aread("a")), "a") == TALKS["bob"]
