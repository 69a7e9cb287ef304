"""The README's table against langchain_community: what each row says of the two, seen with both."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from inspect import getsource, signature

import httpx
import pytest
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessageChunk, HumanMessage
from momento.errors import SdkException
from upstash_redis import Redis

from chatmem_nb import (
    MomentoChatMessageHistory,
    RecordError,
    StoreTimeoutError,
    UpstashRedisChatMessageHistory,
    UpstashSessionStore,
    to_dataframe,
)
from chatmem_nb.local import LocalMomento, LocalUpstash
from tests.original import OriginalMomento, OriginalUpstash

MESSAGES = [HumanMessage(f"message {number}") for number in range(5)]


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


@pytest.fixture
def store(server: LocalUpstash) -> Iterator[UpstashSessionStore]:
    with server.store(ttl=timedelta(minutes=1)) as store:
        yield store


@pytest.fixture
def new(store: UpstashSessionStore) -> UpstashRedisChatMessageHistory:
    return UpstashRedisChatMessageHistory.from_store(store, "talk")


@pytest.fixture
def old(server: LocalUpstash) -> Iterator[OriginalUpstash]:
    history = OriginalUpstash("talk", server.url, server.token, ttl=60)
    # As the original makes it, but that it waits three seconds before each retry.
    history.redis_client = Redis(server.url, server.token, rest_retry_interval=0)
    yield history
    history.redis_client.close()


class requests_to:
    """Counts the requests that a block makes: each meets a fault that does nothing."""

    def __init__(self, server: LocalUpstash | LocalMomento) -> None:
        self._plan = server.faults

    def __enter__(self) -> requests_to:
        self._plan.add("delay", times=1000)
        return self

    def __exit__(self, *_: object) -> None:
        self.number = 1000 - len(self._plan)
        self._plan.clear()


def test_a_lost_response_stores_a_message_twice_in_the_original_only(
    server: LocalUpstash, old: OriginalUpstash, new: UpstashRedisChatMessageHistory
) -> None:
    server.faults.add("drop_after")
    old.add_user_message("one ticket")
    assert [message.content for message in new.messages] == ["one ticket", "one ticket"]
    new.clear()
    server.faults.add("drop_after")
    new.add_user_message("one ticket")
    assert [message.content for message in old.messages] == ["one ticket"]


def test_a_lost_response_of_momento_is_an_error_in_the_original_only() -> None:
    with LocalMomento() as server, server.store("langchain") as store:
        old = OriginalMomento("old", store.cache_client, "langchain")
        new = MomentoChatMessageHistory.from_store(store, "new")
        server.faults.add("drop_after", command="ListPushBack")
        with pytest.raises(SdkException):
            old.add_user_message("one ticket")
        assert len(old.messages) == 1  # it was stored all the same
        server.faults.add("drop_after", command="ListConcatenateBack")
        new.add_user_message("one ticket")
        assert len(new.messages) == 1
        assert len(server.faults) == 0


def test_five_messages_are_ten_requests_of_the_original_and_one_of_ours(
    server: LocalUpstash, old: OriginalUpstash, new: UpstashRedisChatMessageHistory
) -> None:
    with requests_to(server) as ours:
        new.add_messages(MESSAGES)
    with requests_to(server) as its:
        old.add_messages(MESSAGES)
    assert (its.number, ours.number) == (10, 1)


def test_the_original_waits_without_end_and_ours_by_its_timeout(
    server: LocalUpstash, old: OriginalUpstash
) -> None:
    assert old.redis_client._http._client.timeout == httpx.Timeout(None)
    with server.store(timeout_s=0.3) as hasty:
        server.faults.add("hang", times=100)
        with pytest.raises(StoreTimeoutError):
            hasty.length("talk")


def test_too_many_requests_end_a_call_of_the_original_alone(
    server: LocalUpstash, old: OriginalUpstash, new: UpstashRedisChatMessageHistory
) -> None:
    server.faults.add("refuse")
    with pytest.raises(Exception, match="exceeded"):
        old.add_user_message("hello")
    server.faults.add("refuse")
    new.add_user_message("hello")
    assert len(new) == 1


def test_the_original_awaits_in_a_thread_and_ours_natively(new: UpstashRedisChatMessageHistory) -> None:
    assert OriginalUpstash.aadd_messages is BaseChatMessageHistory.aadd_messages
    assert "run_in_executor" in getsource(BaseChatMessageHistory.aadd_messages)

    async def threads_of_twenty_appends() -> list[str]:
        before = threading.enumerate()
        await asyncio.gather(*(new.aadd_messages(MESSAGES) for _ in range(20)))
        # Those of an executor live for as long as its loop.
        return [thread.name for thread in threading.enumerate() if thread not in before]

    assert not [name for name in asyncio.run(threads_of_twenty_appends()) if name.startswith("asyncio_")]
    assert len(new) == 100


def test_one_bad_record_hides_a_session_of_the_original(
    old: OriginalUpstash, new: UpstashRedisChatMessageHistory
) -> None:
    new.add_user_message("before")
    old.redis_client.lpush(old.key, '{"type": "ai", "data": ')
    new.add_user_message("after")
    with pytest.raises(ValueError, match="Expecting value"):  # of json, with no word of where
        _ = old.messages
    with pytest.raises(RecordError, match="record 1 of session 'talk'"):
        _ = new.messages
    frame = to_dataframe(new)
    assert frame["content"].dropna().tolist() == ["before", "after"]
    assert frame["error"].notna().tolist() == [False, True, False]


def test_text_is_escaped_by_the_original_and_readable_here(
    old: OriginalUpstash, new: UpstashRedisChatMessageHistory
) -> None:
    old.add_user_message("Zürich 你好")
    new.add_user_message("Zürich 你好")
    ours, its = old.redis_client.lrange(old.key, 0, -1)
    assert "Zürich 你好" in ours
    assert its.isascii()


def test_times_are_kept_here_alone(old: OriginalUpstash, new: UpstashRedisChatMessageHistory) -> None:
    old.add_user_message("when?")
    new.add_user_message("now")
    assert to_dataframe(new)["stored_at"].notna().tolist() == [False, True]


def test_a_piece_of_a_stream_stays_a_piece_in_the_original(
    old: OriginalUpstash, new: UpstashRedisChatMessageHistory
) -> None:
    old.add_message(AIMessageChunk("a piece"))
    new.add_message(AIMessageChunk("a piece"))
    assert [record.type for record in new.records()] == ["AIMessageChunk", "ai"]


def test_the_original_reads_a_session_whole(
    server: LocalUpstash, old: OriginalUpstash, new: UpstashRedisChatMessageHistory
) -> None:
    new.add_messages(MESSAGES * 40)
    before = new.store.commands.bytes_received
    assert [message.content for message in new.last(2)] == ["message 3", "message 4"]
    assert new.store.commands.bytes_received - before < 1_500
    assert not hasattr(old, "last")


def test_the_environment_is_read_by_ours_alone(server: LocalUpstash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTASH_REDIS_REST_URL", server.url)
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", server.token)
    with pytest.raises(ValueError, match="are needed"):
        OriginalUpstash("talk")
    history = UpstashRedisChatMessageHistory("talk")
    assert history.messages == []
    history.store.close()


def test_momento_keys_of_today_are_taken_by_ours_alone() -> None:
    # The original knows only this way from a key to a client, and it takes no v2 key.
    assert "CredentialProvider.from_string" in getsource(OriginalMomento.from_client_params)
    assert "endpoint" not in signature(OriginalMomento.from_client_params).parameters
    with LocalMomento() as server:
        history = MomentoChatMessageHistory.from_client_params(
            "talk",
            "langchain",
            timedelta(hours=1),
            api_key=server.token,
            endpoint=f"{server.host}:{server.port}",
        )
        history.add_user_message("hello")
        assert len(history) == 1
        history.store.close()


def test_sessions_are_listed_by_ours_alone(
    store: UpstashSessionStore, old: OriginalUpstash, new: UpstashRedisChatMessageHistory
) -> None:
    old.add_user_message("hello")
    assert list(store.session_ids()) == ["talk"]
    assert not hasattr(old, "session_ids")
    assert not hasattr(old, "store")
