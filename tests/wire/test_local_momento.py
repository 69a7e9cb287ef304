"""The official SDK, in both colours, against LocalMomento: what each call answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from momento import CacheClient, CacheClientAsync, Configurations
from momento.requests import CollectionTtl, SortOrder

from chatmem_nb.local import LocalMomento
from tests.waiting import until

CACHE = "c"
HOUR = timedelta(hours=1)
DESCENDING = SortOrder.DESCENDING

Call = Callable[..., Any]
Steps = list[tuple[Any, ...]]


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.fixture(params=["sync", "async"])
def call(server: LocalMomento, request: pytest.FixtureRequest) -> Iterator[Call]:
    """Make one call of a client of either colour, by name; the cache is new and empty."""
    settings = (Configurations.Laptop.v1(), server.credential_provider, HOUR)
    if request.param == "sync":
        with CacheClient(*settings) as client:
            yield _fresh(lambda name, *args, **kwargs: getattr(client, name)(*args, **kwargs))
        return

    async def made(name: str, *args: Any, **kwargs: Any) -> Any:
        return await getattr(async_client, name)(*args, **kwargs)

    async def opened(stack: AsyncExitStack) -> CacheClientAsync:
        return await stack.enter_async_context(CacheClientAsync(*settings))

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        async_client = runner.run(opened(stack))
        yield _fresh(lambda name, *args, **kwargs: runner.run(made(name, *args, **kwargs)))
        runner.run(stack.aclose())


def _fresh(call: Call) -> Call:
    call("delete_cache", CACHE)
    call("create_cache", CACHE)
    return call


PAYLOADS = (
    "score",  # before the value that it belongs to
    "rank",
    "value_string",
    "value_list_string",
    "value_set_string",
    "value_dictionary_string_string",
    "list_length",
    "length",
    "value",
)


def said(response: Any) -> Any:
    """What a response says, in one word or with its payload."""
    kind = type(response).__name__
    if kind == "Error":
        return response.error_code.name
    if kind == "Miss":
        return kind
    if hasattr(response, "responses"):
        return [said(part) for part in response.responses]
    for name in PAYLOADS:
        if hasattr(response, name):
            return getattr(response, name)
    return kind


def run(call: Call, steps: Steps) -> None:
    for number, (name, *args, expected) in enumerate(steps):
        kwargs = args.pop() if args and isinstance(args[-1], Kw) else {}
        assert said(call(name, CACHE, *args, **kwargs)) == expected, f"step {number}: {name}"


class Kw(dict[str, Any]):
    """Keyword arguments of a step."""


FOUR = [("list_concatenate_back", "l", ["a", "b", "c", "d"], 4)]
SCORED = [("sorted_set_put_elements", "z", {"one": 1.0, "three": 3.0, "two": 2.0, "deux": 2.0}, "Success")]

CLAIMS: dict[str, Steps] = {
    "a key that was not set is a miss": [("get", "k", "Miss")],
    "a value is read back": [("set", "k", "v", "Success"), ("get", "k", "v")],
    "a later value replaces an earlier one": [
        ("set", "k", "1", "Success"),
        ("set", "k", "2", "Success"),
        ("get", "k", "2"),
    ],
    "an empty value is a value": [("set", "k", "", "Success"), ("get", "k", "")],
    "a deleted key is a miss, and so is one that never was": [
        ("set", "k", "v", "Success"),
        ("delete", "k", "Success"),
        ("get", "k", "Miss"),
        ("delete", "k", "Success"),
    ],
    "set_if_not_exists stores once": [
        ("set_if_not_exists", "k", "1", "Stored"),
        ("set_if_not_exists", "k", "2", "NotStored"),
        ("get", "k", "1"),
    ],
    "a counter starts from nothing and goes both ways": [
        ("increment", "k", 5, 5),
        ("increment", "k", -7, -2),
        ("get", "k", "-2"),
    ],
    "a text cannot be counted up": [
        ("set", "k", "v", "Success"),
        ("increment", "k", "FAILED_PRECONDITION_ERROR"),
        ("get", "k", "v"),
        ("set", "k", "1_0", "Success"),
        ("increment", "k", "FAILED_PRECONDITION_ERROR"),
    ],
    "a counter stays in 64 bits": [
        ("increment", "k", 2**63 - 1, 2**63 - 1),
        ("increment", "k", 1, "FAILED_PRECONDITION_ERROR"),
    ],
    "pushing adds at the end that is named": [
        ("list_push_back", "l", "b", 1),
        ("list_push_back", "l", "c", 2),
        ("list_push_front", "l", "a", 3),
        ("list_fetch", "l", ["a", "b", "c"]),
        ("list_length", "l", 3),
    ],
    "concatenating keeps the order of what is added": [
        *FOUR,
        ("list_concatenate_front", "l", ["y", "z"], 6),
        ("list_fetch", "l", ["y", "z", "a", "b", "c", "d"]),
    ],
    "pushing back truncates the front": [
        *FOUR,
        ("list_push_back", "l", "e", Kw(truncate_front_to_size=3), 3),
        ("list_fetch", "l", ["c", "d", "e"]),
        ("list_concatenate_back", "l", ["f", "g"], Kw(truncate_front_to_size=1), 1),
        ("list_fetch", "l", ["g"]),
    ],
    "pushing front truncates the back": [
        *FOUR,
        ("list_push_front", "l", "z", Kw(truncate_back_to_size=2), 2),
        ("list_fetch", "l", ["z", "a"]),
        ("list_concatenate_front", "l", ["x", "y"], Kw(truncate_back_to_size=9), 4),
        ("list_fetch", "l", ["x", "y", "z", "a"]),
    ],
    "popping takes from the end that is named": [
        *FOUR,
        ("list_pop_front", "l", "a"),
        ("list_pop_back", "l", "d"),
        ("list_fetch", "l", ["b", "c"]),
    ],
    "a list whose last element was taken is gone": [
        ("list_push_back", "l", "a", 1),
        ("list_pop_back", "l", "a"),
        ("list_fetch", "l", "Miss"),
        ("list_length", "l", "Miss"),
        ("list_pop_back", "l", "Miss"),
        ("list_pop_front", "l", "Miss"),
    ],
    "removing a value removes every twin": [
        ("list_concatenate_back", "l", ["a", "b", "a"], 3),
        ("list_remove_value", "l", "a", "Success"),
        ("list_fetch", "l", ["b"]),
        ("list_remove_value", "l", "b", "Success"),
        ("list_fetch", "l", "Miss"),
        ("list_remove_value", "l", "b", "Success"),
    ],
    "a sorted set is read by rank, and ties by their bytes": [
        *SCORED,
        ("sorted_set_fetch_by_rank", "z", [("one", 1.0), ("deux", 2.0), ("two", 2.0), ("three", 3.0)]),
        ("sorted_set_fetch_by_rank", "z", 1, 3, [("deux", 2.0), ("two", 2.0)]),
        ("sorted_set_fetch_by_rank", "z", -1, [("three", 3.0)]),
        ("sorted_set_fetch_by_rank", "z", 0, -3, [("one", 1.0)]),
        ("sorted_set_fetch_by_rank", "z", 3, 1, []),
        ("sorted_set_fetch_by_rank", "z", 0, 2, DESCENDING, [("three", 3.0), ("two", 2.0)]),
        ("sorted_set_fetch_by_rank", "z", -2, None, DESCENDING, [("deux", 2.0), ("one", 1.0)]),
        ("sorted_set_fetch_by_rank", "z", 9, None, DESCENDING, []),
    ],
    "a sorted set is read by score, bounds included": [
        *SCORED,
        ("sorted_set_fetch_by_score", "z", 2.0, [("deux", 2.0), ("two", 2.0), ("three", 3.0)]),
        ("sorted_set_fetch_by_score", "z", None, 1.5, [("one", 1.0)]),
        ("sorted_set_fetch_by_score", "z", 2.0, 2.0, DESCENDING, [("two", 2.0), ("deux", 2.0)]),
        ("sorted_set_fetch_by_score", "z", Kw(offset=1, count=2), [("deux", 2.0), ("two", 2.0)]),
        ("sorted_set_fetch_by_score", "z", 3.0, 1.0, []),
    ],
    "a score that is put again moves its value": [
        *SCORED,
        ("sorted_set_put_element", "z", "one", 9.0, "Success"),
        ("sorted_set_get_rank", "z", "one", 3),
        ("sorted_set_get_rank", "z", "one", DESCENDING, 0),
        ("sorted_set_get_score", "z", "one", 9.0),
    ],
    "an incremented score starts at 0 and moves its value": [
        ("sorted_set_increment_score", "z", "a", 2.5, 2.5),
        ("sorted_set_put_element", "z", "b", 1.0, "Success"),
        ("sorted_set_increment_score", "z", "a", -2.0, 0.5),
        ("sorted_set_fetch_by_rank", "z", [("a", 0.5), ("b", 1.0)]),
    ],
    "scores and ranks of values that are missing are misses": [
        ("sorted_set_get_scores", "z", ["one"], "Miss"),
        ("sorted_set_get_rank", "z", "one", "Miss"),
        ("sorted_set_fetch_by_rank", "z", "Miss"),
        ("sorted_set_fetch_by_score", "z", "Miss"),
        *SCORED,
        ("sorted_set_get_scores", "z", ["one", "x"], [1.0, "Miss"]),
        ("sorted_set_get_rank", "z", "x", "Miss"),
    ],
    "a sorted set without values is gone": [
        ("sorted_set_put_elements", "z", {"a": 1.0, "b": 1.0}, "Success"),
        ("sorted_set_remove_element", "z", "a", "Success"),
        ("sorted_set_fetch_by_rank", "z", [("b", 1.0)]),
        ("sorted_set_remove_elements", "z", ["b", "x"], "Success"),
        ("sorted_set_fetch_by_rank", "z", "Miss"),
        ("sorted_set_remove_element", "z", "b", "Success"),
    ],
    "a dictionary keeps its fields": [
        ("dictionary_fetch", "d", "Miss"),
        ("dictionary_set_fields", "d", {"a": "1", "b": "2"}, "Success"),
        ("dictionary_get_field", "d", "a", "1"),
        ("dictionary_get_fields", "d", ["b", "x"], ["2", "Miss"]),
        ("dictionary_increment", "d", "a", 4, 5),
        ("dictionary_increment", "d", "n", 1, 1),
        ("dictionary_remove_field", "d", "b", "Success"),
        ("dictionary_fetch", "d", {"a": "5", "n": "1"}),
        ("dictionary_remove_fields", "d", ["a", "n"], "Success"),
        ("dictionary_fetch", "d", "Miss"),
    ],
    "a set keeps each element once": [
        ("set_fetch", "s", "Miss"),
        ("set_add_elements", "s", ["a", "b", "a"], "Success"),
        ("set_add_element", "s", "b", "Success"),
        ("set_fetch", "s", {"a", "b"}),
        ("set_remove_element", "s", "a", "Success"),
        ("set_remove_elements", "s", ["b", "x"], "Success"),
        ("set_fetch", "s", "Miss"),
    ],
    "a key holds one kind of item, and a call for another kind changes nothing": [
        *FOUR,
        ("get", "l", "FAILED_PRECONDITION_ERROR"),
        ("increment", "l", "FAILED_PRECONDITION_ERROR"),
        ("sorted_set_put_element", "l", "a", 1.0, "FAILED_PRECONDITION_ERROR"),
        ("dictionary_set_field", "l", "a", "b", "FAILED_PRECONDITION_ERROR"),
        ("set_add_element", "l", "a", "FAILED_PRECONDITION_ERROR"),
        ("set_if_not_exists", "l", "v", "NotStored"),
        ("list_length", "l", 4),
        ("set", "l", "v", "Success"),
        ("list_length", "l", "FAILED_PRECONDITION_ERROR"),
        ("delete", "l", "Success"),
        ("list_length", "l", "Miss"),
    ],
    "nothing may have an empty key": [
        ("set", "", "v", "INVALID_ARGUMENT_ERROR"),
        ("get", "", "INVALID_ARGUMENT_ERROR"),
    ],
    "names may be any text": [
        ("list_push_back", "жизнь 🌍 \n", "élan", 1),
        ("list_fetch", "жизнь 🌍 \n", ["élan"]),
    ],
}


@pytest.mark.parametrize("steps", CLAIMS.values(), ids=CLAIMS)
def test_the_sdk_gets_the_responses_of_the_service(call: Call, steps: Steps) -> None:
    run(call, steps)


def test_bytes_that_are_no_text_come_back_whole(call: Call) -> None:
    raw = bytes(range(256))
    call("list_push_back", CACHE, "l", raw)
    call("set", CACHE, raw, raw)
    assert call("list_fetch", CACHE, "l").value_list_bytes == [raw]
    assert call("get", CACHE, raw).value_bytes == raw


def test_caches_are_made_listed_flushed_and_deleted(call: Call) -> None:
    assert said(call("create_cache", CACHE)) == "CacheAlreadyExists"
    assert said(call("create_cache", "other")) == "Success"
    assert {CACHE, "other"} <= {cache.name for cache in call("list_caches").caches}
    call("set", CACHE, "k", "v")
    assert said(call("get", "other", "k")) == "Miss"
    assert said(call("flush_cache", CACHE)) == "Success"
    assert said(call("get", CACHE, "k")) == "Miss"
    assert said(call("delete_cache", "other")) == "Success"
    for missing in ("get", "delete_cache", "flush_cache"):
        args = ["k"] if missing == "get" else []
        assert said(call(missing, "other", *args)) == "NOT_FOUND_ERROR"


def test_a_deleted_cache_comes_back_empty(call: Call) -> None:
    call("set", CACHE, "k", "v")
    call("delete_cache", CACHE)
    call("create_cache", CACHE)
    assert said(call("get", CACHE, "k")) == "Miss"


def test_signing_keys_are_made_listed_and_revoked(call: Call) -> None:
    made = call("create_signing_key", HOUR)
    listed = [key.key_id for key in call("list_signing_keys").signing_keys]
    assert made.key_id in listed
    call("revoke_signing_key", made.key_id)
    assert made.key_id not in [key.key_id for key in call("list_signing_keys").signing_keys]


def test_an_item_expires_and_one_that_is_not_refreshed_too(call: Call) -> None:
    short, kept = timedelta(seconds=1), timedelta(minutes=1)
    call("set", CACHE, "scalar", "v", ttl=short)
    for name, again in (("refreshed", True), ("not refreshed", False)):
        call("list_push_back", CACHE, name, "a", ttl=CollectionTtl(short))
        call("list_push_back", CACHE, name, "b", ttl=CollectionTtl(kept, refresh_ttl=again))
    call("sorted_set_put_element", CACHE, "z", "a", 1.0, ttl=CollectionTtl(short))
    call("sorted_set_increment_score", CACHE, "z", "a", 1.0, ttl=CollectionTtl(kept, refresh_ttl=False))
    assert said(call("list_length", CACHE, "not refreshed")) == 2
    for name, *key in (
        ("get", "scalar"),
        ("list_length", "not refreshed"),
        ("sorted_set_fetch_by_rank", "z"),
    ):
        until(lambda name=name, key=key: said(call(name, CACHE, *key)) == "Miss")
    assert said(call("list_length", CACHE, "refreshed")) == 2
    assert said(call("set_if_not_exists", CACHE, "scalar", "again")) == "Stored"


def test_a_store_is_ready_to_use(server: LocalMomento) -> None:
    with server.store("store") as store:
        assert store.append("s", ["a", "b"]) == 2
        assert store.read("s") == ["a", "b"]
