"""What only the Upstash store promises: its layout, its price, its limits, its clients."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import upstash_redis
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import errors, records
from chatmem_nb.local import LocalUpstash
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.colours import Coloured
from tests.fault_proxy import answer_message, read_message
from tests.odd_server import odd_server
from tests.original import OriginalUpstash


@pytest.fixture(params=["upstash", "redis_upstash"])
def server(request: pytest.FixtureRequest) -> Any:
    """LocalUpstash over either of its engines."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def redis(server: LocalUpstash) -> Iterator[upstash_redis.Redis]:
    with upstash_redis.Redis(server.url, server.token) as redis:
        yield redis


@pytest.fixture
def store(colour: str, server: LocalUpstash, prefix: str) -> Iterator[Coloured]:
    coloured = Coloured(server.store(key_prefix=prefix), colour)
    yield coloured
    coloured.end()


def test_a_session_is_a_list_with_its_newest_first(store: Coloured, redis: Any, prefix: str) -> None:
    store.append("s", ["r0", "r1"])
    store.append("s", ["r2"])
    assert redis.lrange(f"{prefix}s", 0, -1) == ["r2", "r1", "r0"]
    assert redis.ttl(f"{prefix}s") == -1


def test_what_either_writes_the_other_reads(store: Coloured, server: LocalUpstash, prefix: str) -> None:
    talk = [HumanMessage("漢字 👋"), AIMessage("hi", id="a")]
    original = OriginalUpstash("s", server.url, server.token, key_prefix=prefix)
    original.add_messages(talk)
    store.append("s", records.encode_all(talk))
    assert original.messages == talk * 2
    assert records.build_messages(records.parse_all(store.read("s")), "s") == talk * 2
    original.redis_client.close()


def test_the_ttl_comes_with_the_append(server: LocalUpstash, redis: Any, prefix: str) -> None:
    with server.store(key_prefix=prefix, ttl=timedelta(minutes=5)) as store:
        store.append("s", ["r"])
        assert 290 <= redis.ttl(f"{prefix}s") <= 300
        redis.expire(f"{prefix}s", 10)
        store.append("s", ["r"])
        assert 290 <= redis.ttl(f"{prefix}s") <= 300
        [row] = store.summaries(["s"])
        assert row.ttl is not None
        assert timedelta(minutes=4) < row.ttl <= timedelta(minutes=5)


def test_a_session_without_end_stays_without(store: Coloured, redis: Any, prefix: str) -> None:
    store.append("s", ["r"])
    assert store.summaries(["s"])[0].ttl is None
    redis.expire(f"{prefix}s", 100)
    store.append("s", ["r"])
    assert 90 <= redis.ttl(f"{prefix}s") <= 100


def test_insert_sets_a_ttl_only_on_a_new_session(store: Coloured, redis: Any, prefix: str) -> None:
    store.insert("new", 0, ["r"], ttl=timedelta(seconds=100))
    assert 90 <= redis.ttl(f"{prefix}new") <= 100
    store.append("old", ["r0", "r1"])
    for index in (0, 1, 9):
        store.insert("old", index, ["x"], ttl=timedelta(seconds=100))
    assert redis.ttl(f"{prefix}old") == -1


def test_replace_sets_the_ttl(store: Coloured, redis: Any, prefix: str) -> None:
    store.replace("s", ["r"], ttl=timedelta(seconds=100))
    assert 90 <= redis.ttl(f"{prefix}s") <= 100
    store.replace("s", ["r", "q"])
    assert redis.ttl(f"{prefix}s") == -1


def test_a_key_of_another_type_is_no_session(store: Coloured, redis: Any, prefix: str) -> None:
    redis.set(f"{prefix}text", "value")
    redis.hset(f"{prefix}hash", "field", "value")
    store.append("s", ["r"])
    assert store.session_ids() == ["s"]
    assert [row.length for row in store.summaries(["text", "s", "hash"])] == [0, 1, 0]
    for call in (
        lambda: store.append("text", ["r"]),
        lambda: store.append("text", ["r", "q"]),
        lambda: store.insert("text", 0, ["r"]),
        lambda: store.replace("text", ["r"]),
        lambda: store.remove("text", 0, "r"),
        lambda: store.delete("text"),
        lambda: store.read("text"),
        lambda: store.length("text"),
        lambda: store.read_many(["s", "text"]),
    ):
        with pytest.raises(errors.WrongTypeError, match="not a session"):
            call()
    assert redis.get(f"{prefix}text") == "value"


def test_a_failed_append_leaves_no_claim_behind(store: Coloured, redis: Any, prefix: str) -> None:
    redis.set(f"{prefix}s", "in the way")
    with pytest.raises(errors.WrongTypeError):
        store.append("s", ["r"])
    redis.delete(f"{prefix}s")
    assert store.append("s", ["r"]) == 1


@pytest.mark.parametrize("key_prefix", ["", "chatmem_nb:", "chat", "_chatmem_nb:"])
def test_markers_and_staged_parts_are_no_sessions(server: LocalUpstash, key_prefix: str) -> None:
    name = uuid4().hex
    with server.store(key_prefix=key_prefix, max_request_bytes=20_000) as store:
        store.append(name, ["r" * 9_000] * 4)
        store.replace(name, ["r" * 9_000] * 4)
        store.delete(name)
        store.append(name, ["r"])
        listed = list(store.session_ids())
        assert name in listed
        assert not [one for one in listed if "chatmem_nb:" in one or "done:" in one or "part:" in one]
        store.delete(name)


def test_nothing_stays_for_ever_besides_the_sessions(store: Coloured, redis: Any, prefix: str) -> None:
    redis.flushdb()
    store.append("s", ["r0", "r1", "r0"])
    store.insert("s", 1, ["x"])
    store.remove("s", 0, "r0")
    store.replace("s", ["y"])
    store.append("t", ["r"])
    store.delete("t")
    others = [key for key in redis.keys("*") if key != f"{prefix}s"]
    assert all(0 < redis.ttl(key) <= 600 for key in others)


def test_each_verb_has_its_price(upstash: LocalUpstash, prefix: str) -> None:
    with upstash.store(key_prefix=prefix, ttl=timedelta(hours=1)) as store:
        spent = store.commands
        store.summaries(["s"])  # finds out whether the server knows EVAL_RO
        store.append("s", ["r"])  # and flags

        def price(call: Any) -> tuple[int, int]:
            requests, billed = spent.requests, spent.billed
            call()
            return spent.requests - requests, spent.billed - billed

        assert price(lambda: store.append("s", [f"r{i}" for i in range(900)])) == (1, 1)
        assert price(lambda: store.insert("s", 5, ["x"])) == (1, 1)
        assert price(lambda: store.replace("t", ["x", "y"])) == (1, 1)
        assert price(lambda: store.remove("s", 5, "x")) == (1, 1)
        assert price(lambda: store.delete("t")) == (1, 1)
        assert price(lambda: store.read("s")) == (1, 1)
        assert price(lambda: store.read("s", -20)) == (1, 1)
        assert price(lambda: store.read("s", 10, 30)) == (1, 1)
        assert price(lambda: store.length("s")) == (1, 1)
        assert price(lambda: store.summaries(f"s{i}" for i in range(100))) == (1, 1)
        assert price(lambda: list(store.session_ids())) == (1, 1)
        assert price(lambda: list(store.read_many(f"s{i}" for i in range(25)))) == (1, 25)
        assert price(lambda: store.append("s", [])) == (1, 1)
        assert price(lambda: store.summaries([])) == (0, 0)


def test_reading_the_newest_costs_what_it_returns(upstash: LocalUpstash, prefix: str) -> None:
    with upstash.store(key_prefix=prefix) as store:
        store.append("s", [f"{i:01000}" for i in range(3_000)])
        received = store.commands.bytes_received
        assert len(store.read("s", -3)) == 3
        assert len(store.read("s", 2_000, 2_003)) == 3
        assert store.commands.bytes_received - received < 10_000


def test_a_record_larger_than_a_request_is_refused_before_anything_is_sent(
    store: Coloured, server: LocalUpstash, prefix: str
) -> None:
    small = Coloured(server.store(key_prefix=prefix, max_request_bytes=20_000), store.colour)
    for verb in (small.append, small.replace):
        with pytest.raises(errors.RecordTooLargeError, match="record 1 takes"):
            verb("s", ["r", "漢" * 6_000])
    with pytest.raises(errors.RecordTooLargeError):
        small.insert("s", 0, ["\0" * 4_000])
    assert store.read("s") == []
    small.end()


def test_the_default_limits_fit_those_of_the_service(upstash: LocalUpstash, prefix: str) -> None:
    with upstash.store(key_prefix=prefix) as store:
        with pytest.raises(errors.RecordTooLargeError):
            store.append("s", ["x" * 10_000_000])
        assert store.commands.requests == 0
        assert store.append("s", ["x" * 9_900_000, "漢" * 3_000_000]) == 2
        assert [len(record) for record in store.read("s")] == [9_900_000, 3_000_000]


@pytest.mark.parametrize("size", [0, 100, 20_000.5, "10 MB", None])
def test_an_invalid_request_size_is_rejected(size: Any) -> None:
    with pytest.raises(errors.InvalidInputError, match="max_request_bytes"):
        UpstashSessionStore("https://example.upstash.io", "token", max_request_bytes=size)


def test_a_response_over_the_limit_of_the_service_is_read_in_smaller_pages(
    upstash: LocalUpstash, prefix: str
) -> None:
    def limited(connection: socket.socket) -> None:
        too_large = answer_message(
            b"400 Bad Request", b"application/json", b'{"error":"ERR max request size exceeded"}'
        )
        with socket.create_connection(("127.0.0.1", upstash.port)) as upstream:
            while request := read_message(connection):
                upstream.sendall(request)
                answer = read_message(upstream)
                connection.sendall(answer if len(answer) < 200_000 else too_large)

    expected = [f"{i} {'x' * 15_000}" for i in range(60)]
    with odd_server(limited) as url, UpstashSessionStore(url, upstash.token, key_prefix=prefix) as store:
        for record in expected:
            store.append("s", [record])
        assert store.read("s") == expected
        assert store.read("s", 3, 50) == expected[3:50]
        assert store.read("s", -40, -2) == expected[-40:-2]
        assert [record for _, _, page in store.read_many(["s"]) for record in page] == expected
        store.append("s", ["y" * 300_000])
        with pytest.raises(errors.StoreLimitError):
            store.read("s")


def test_long_sessions_are_read_in_pages(upstash: LocalUpstash, prefix: str) -> None:
    expected = [f"r{i}" for i in range(40_000)]
    with upstash.store(key_prefix=prefix) as store:
        store.append("s", expected)
        requests = store.commands.requests
        assert store.read("s") == expected
        assert store.commands.requests - requests == 2
        assert store.read("s", 5, 39_000) == expected[5:39_000]
        assert store.read("s", -30_000) == expected[-30_000:]
        assert store.read("s", -30_000, -7) == expected[-30_000:-7]
        assert store.read("s", 7, -7) == expected[7:-7]


def test_a_lone_surrogate_is_refused_before_anything_is_sent(store: Coloured) -> None:
    for verb in (store.append, store.replace):
        with pytest.raises(errors.InvalidInputError, match="lone surrogate at character 3") as refused:
            verb("s", ["ok", "abc\ud800"])
        assert (refused.value.field, refused.value.position) == ("records", 1)
    with pytest.raises(errors.InvalidInputError, match="record contains a lone surrogate"):
        store.remove("s", 0, "\ud800")
    with pytest.raises(errors.InvalidInputError, match="match contains a lone surrogate"):
        store.session_ids("\ud800")
    with pytest.raises(errors.InvalidInputError, match="key_prefix contains a lone surrogate"):
        UpstashSessionStore("https://example.upstash.io", "token", key_prefix="\ud800")
    assert store.read("s") == []
    store.append("s", [records.to_json("abc\ud800")])
    assert json.loads(store.read("s")[0]) == "abc\ud800"


@pytest.mark.parametrize("position", ["1", 1.5, None, [0]])
def test_an_invalid_position_is_rejected(store: Coloured, position: Any) -> None:
    for call in (
        lambda: store.read("s", position),
        lambda: store.insert("s", position, ["r"]),
        lambda: store.remove("s", position, "r"),
    ):
        with pytest.raises(errors.InvalidInputError, match="must be an integer"):
            call()


def test_one_name_is_no_list_of_names(store: Coloured) -> None:
    with pytest.raises(errors.InvalidInputError):
        store.summaries("name")
    with pytest.raises(errors.InvalidInputError):
        store.read_many("name")


def test_the_sdks_own_client_is_there_to_use(server: LocalUpstash, prefix: str) -> None:
    with server.store(key_prefix=prefix) as store:
        assert isinstance(store.redis_client, upstash_redis.Redis)
        assert store.redis_client is store.redis_client
        store.append("s", ["漢字"])
        assert store.redis_client.lrange(f"{prefix}s", 0, -1) == ["漢字"]
        client = store.redis_client
    with pytest.raises(errors.StoreClosedError):
        _ = store.redis_client
    with pytest.raises(RuntimeError):
        client.ping()


def test_a_loop_that_ended_is_forgotten_and_its_connections_are_closed(upstash: LocalUpstash) -> None:
    store = upstash.store()
    for _ in range(3):
        asyncio.run(store.alength("s"))
        assert len(store._clients._own.get().loops) == 0
    gc.collect()  # an open connection would warn
    store.close()


def test_a_store_that_is_dropped_leaves_nothing_open(upstash: LocalUpstash) -> None:
    async def use() -> None:
        store = upstash.store()
        await store.alength("s")
        del store
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(use())
    gc.collect()


def test_closing_in_one_loop_closes_the_clients_of_others(upstash: LocalUpstash) -> None:
    store = upstash.store()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(store.alength("s"))
        second.run(store.alength("s"))
        assert len(store._clients._own.get().loops) == 2
        second.run(store.aclose())
        assert len(store._clients._own.get().loops) == 0
        with pytest.raises(errors.StoreClosedError):
            first.run(store.alength("s"))
    gc.collect()


def test_what_was_written_is_read_by_any_client_of_the_store() -> None:
    """Upstash answers from a replica, once that has seen what the sync token stands for."""
    given: list[str] = []

    def talk(connection: socket.socket) -> None:
        while request := read_message(connection):
            lines = request.lower().split(b"\r\n")
            given.extend(line.decode() for line in lines if line.startswith(b"upstash-sync-token"))
            token = f"Upstash-Sync-Token: written-{len(given)}\r\n"
            connection.sendall(
                answer_message(b"200 OK", b"application/json", b'{"result":1}', token.encode())
            )

    with odd_server(talk) as url, UpstashSessionStore(url, "token") as store:
        store.append("s", ["r"])
        asyncio.run(store.alength("s"))
        asyncio.run(store.alength("s"))
        store.length("s")
    assert given[1:] == [f"upstash-sync-token: written-{number}" for number in (1, 2, 3)]


def test_many_tasks_share_one_client(upstash: LocalUpstash, prefix: str) -> None:
    async def use() -> list[str]:
        async with upstash.store(key_prefix=prefix) as store:
            await asyncio.gather(*(store.aappend("s", [str(i)]) for i in range(50)))
            assert len(store._clients._own.get().loops) == 1
            return await store.aread("s")

    assert sorted(asyncio.run(use()), key=int) == [str(i) for i in range(50)]


def test_listing_may_be_left_in_the_middle(upstash: LocalUpstash, prefix: str) -> None:
    async def first(store: UpstashSessionStore) -> str:
        names = store.asession_ids()
        found = await anext(names)
        await names.aclose()
        return found

    with upstash.store(key_prefix=prefix) as store:
        store.append("s", ["r"])
        assert next(store.session_ids()) == "s"
        assert asyncio.run(first(store)) == "s"
