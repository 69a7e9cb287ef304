"""LocalMomento by the wire protocol: what the Python SDK cannot ask for, and what it never sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from momento_wire_types import (
    auth_pb2,
    cacheclient_pb2,
    cacheclient_pb2_grpc,
    cachepubsub_pb2,
    controlclient_pb2,
    controlclient_pb2_grpc,
    token_pb2,
)
from momento_wire_types import cacheclient_pb2 as pb

import chatmem_nb.local.momento as momento_package
from chatmem_nb.local import LocalMomento

LIST = b"l"
VALUES = [b"a", b"b", b"c", b"d", b"e"]
HOUR_MS = 3_600_000
Send = Callable[..., Any]


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.fixture
def channel(server: LocalMomento) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"{server.host}:{server.port}") as channel:
        yield channel


@pytest.fixture
def send(server: LocalMomento, channel: grpc.Channel) -> Send:
    """Send one request of the data plane, by the call's name, to an empty cache."""
    stub, control = cacheclient_pb2_grpc.ScsStub(channel), controlclient_pb2_grpc.ScsControlStub(channel)
    own = (("cache", "c"), ("authorization", server.token))

    def send(name: str, metadata: dict[str, str] | None = None, *, timeout: float = 10, **fields: Any) -> Any:
        request = getattr(pb, f"_{name}Request")(**fields)
        return getattr(stub, name)(request, metadata=(*own, *(metadata or {}).items()), timeout=timeout)

    if "c" in [cache.cache_name for cache in control.ListCaches(_List(), metadata=own).cache]:
        control.DeleteCache(controlclient_pb2._DeleteCacheRequest(cache_name="c"), metadata=own)
    control.CreateCache(controlclient_pb2._CreateCacheRequest(cache_name="c"), metadata=own)
    return send


_List = controlclient_pb2._ListCachesRequest


def _push(send: Send, values: list[bytes] = VALUES, ttl: int = HOUR_MS, refresh: bool = True) -> None:
    send("ListConcatenateBack", list_name=LIST, values=values, ttl_milliseconds=ttl, refresh_ttl=refresh)


def _held(send: Send) -> list[bytes]:
    return list(send("ListFetch", list_name=LIST).found.values)


def _ttl(send: Send, key: bytes = LIST) -> int:
    return int(send("ItemGetTtl", cache_key=key).found.remaining_ttl_millis)


SLICES = [
    ({}, "abcde"),
    ({"inclusive_start": 1}, "bcde"),
    ({"exclusive_end": 2}, "ab"),
    ({"inclusive_start": 1, "exclusive_end": 3}, "bc"),
    ({"inclusive_start": -2}, "de"),
    ({"inclusive_start": -20}, "abcde"),
    ({"exclusive_end": -1}, "abcd"),
    ({"inclusive_start": -3, "exclusive_end": -1}, "cd"),
    ({"inclusive_start": -3, "unbounded_end": {}}, "cde"),
    ({"unbounded_start": {}, "exclusive_end": 1}, "a"),
    ({"inclusive_start": 0, "exclusive_end": 0}, ""),
    ({"inclusive_start": 4, "exclusive_end": 99}, "e"),
    ({"inclusive_start": 9}, ""),
    ({"inclusive_start": 3, "exclusive_end": 1}, ""),
]


@pytest.mark.parametrize(("bounds", "expected"), SLICES, ids=[str(bounds) for bounds, _ in SLICES])
def test_a_list_is_sliced_as_in_python(send: Send, bounds: dict[str, Any], expected: str) -> None:
    _push(send)
    assert b"".join(send("ListFetch", list_name=LIST, **bounds).found.values).decode() == expected


@pytest.mark.parametrize(("bounds", "expected"), SLICES, ids=[str(bounds) for bounds, _ in SLICES])
def test_a_list_retains_the_slice_that_was_named(send: Send, bounds: dict[str, Any], expected: str) -> None:
    _push(send)
    kept = send("ListRetain", list_name=LIST, ttl_milliseconds=HOUR_MS, **bounds)
    assert kept.found.list_length == len(expected)
    assert b"".join(_held(send)).decode() == expected


@pytest.mark.parametrize(
    ("ranges", "left"),
    [
        ([(0, 1)], "bcde"),
        ([(1, 2)], "ade"),
        ([(0, 1), (4, 1)], "bcd"),
        ([(3, 1), (0, 2)], "ce"),
        ([(1, 2), (2, 2)], "ae"),
        ([(3, 99)], "abc"),
        ([(7, 1)], "abcde"),
        ([(2, 0)], "abcde"),
        ([(0, 5)], ""),
        ([], "abcde"),
    ],
)
def test_elements_are_erased_by_where_they_stood(send: Send, ranges: list[Any], left: str) -> None:
    _push(send)
    some = {"ranges": [{"begin_index": begin, "count": count} for begin, count in ranges]}
    assert send("ListErase", list_name=LIST, some=some).found.list_length == len(left)
    assert b"".join(_held(send)).decode() == left
    assert send("ListLength", list_name=LIST).WhichOneof("list") == ("found" if left else "missing")


def test_a_list_is_erased_whole(send: Send) -> None:
    _push(send)
    assert send("ListErase", list_name=LIST, all={}).found.list_length == 0
    for name in ("ListErase", "ListFetch", "ListRetain", "ListRemove"):
        assert send(name, list_name=LIST).WhichOneof("list") == "missing"


def test_an_empty_concatenation_makes_no_list(send: Send) -> None:
    _push(send, [])
    assert send("ListFetch", list_name=LIST).WhichOneof("list") == "missing"


def test_a_sorted_set_is_cut_at_exclusive_scores_and_counted(send: Send) -> None:
    elements = [{"value": bytes([65 + score]), "score": score} for score in range(5)]
    send("SortedSetPut", set_name=b"z", elements=elements, ttl_milliseconds=HOUR_MS)
    bound = {"score": 1.0, "exclusive": True}
    by_score = {"min_score": bound, "max_score": {"score": 4.0, "exclusive": True}, "count": -1}
    found = send("SortedSetFetch", set_name=b"z", by_score=by_score, with_scores=False).found
    assert list(found.values.values) == [b"C", b"D"]
    assert send("SortedSetLength", set_name=b"z").found.length == 5
    for bounds, count in (
        ({}, 5),
        ({"inclusive_min": 1.0}, 4),
        ({"exclusive_min": 1.0, "inclusive_max": 3.0}, 2),
        ({"exclusive_max": 3.0, "unbounded_min": {}}, 3),
        ({"inclusive_min": 3.0, "inclusive_max": 1.0}, 0),
    ):
        assert send("SortedSetLengthByScore", set_name=b"z", **bounds).found.length == count
    send("SortedSetRemove", set_name=b"z", all={})
    assert send("SortedSetLength", set_name=b"z").WhichOneof("sorted_set") == "missing"
    assert send("SortedSetLengthByScore", set_name=b"z").WhichOneof("sorted_set") == "missing"


def test_a_score_must_be_a_number(send: Send) -> None:
    element = {"value": b"a", "score": float("nan")}
    with pytest.raises(grpc.RpcError) as raised:
        send("SortedSetPut", set_name=b"z", elements=[element], ttl_milliseconds=HOUR_MS)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert send("SortedSetFetch", set_name=b"z").WhichOneof("sorted_set") == "missing"


def test_the_ttl_of_an_item_can_be_read_and_changed(send: Send) -> None:
    assert send("ItemGetTtl", cache_key=LIST).WhichOneof("result") == "missing"
    assert send("UpdateTtl", cache_key=LIST, overwrite_to_milliseconds=1).WhichOneof("result") == "missing"
    _push(send, ttl=60_000)
    assert 50_000 < _ttl(send) <= 60_000
    for change, result, expected in (
        ({"increase_to_milliseconds": 30_000}, "not_set", 60_000),
        ({"increase_to_milliseconds": 90_000}, "set", 90_000),
        ({"decrease_to_milliseconds": 95_000}, "not_set", 90_000),
        ({"decrease_to_milliseconds": 20_000}, "set", 20_000),
        ({"overwrite_to_milliseconds": 70_000}, "set", 70_000),
    ):
        assert send("UpdateTtl", cache_key=LIST, **change).WhichOneof("result") == result
        assert expected - 10_000 < _ttl(send) <= expected


WRITES = {
    "ListPushBack": ("list_name", {"value": b"a"}),
    "ListPushFront": ("list_name", {"value": b"a"}),
    "ListConcatenateBack": ("list_name", {"values": [b"a"]}),
    "ListConcatenateFront": ("list_name", {"values": [b"a"]}),
    "ListRetain": ("list_name", {"inclusive_start": 0}),
    "SortedSetPut": ("set_name", {"elements": [{"value": b"a", "score": 1.0}]}),
    "SortedSetIncrement": ("set_name", {"value": b"a", "amount": 1.0}),
    "DictionarySet": ("dictionary_name", {"items": [{"field": b"a", "value": b"1"}]}),
    "DictionaryIncrement": ("dictionary_name", {"field": b"a", "amount": 1}),
    "SetUnion": ("set_name", {"elements": [b"a"]}),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_refreshes_the_ttl_of_a_collection_only_on_request(send: Send, name: str) -> None:
    key, fields = WRITES[name]
    first = "ListPushBack" if name == "ListRetain" else name
    send(first, ttl_milliseconds=60_000, **{key: b"x"}, **WRITES[first][1])
    send(name, ttl_milliseconds=HOUR_MS, refresh_ttl=False, **{key: b"x"}, **fields)
    assert _ttl(send, b"x") <= 60_000
    send(name, ttl_milliseconds=HOUR_MS, refresh_ttl=True, **{key: b"x"}, **fields)
    assert _ttl(send, b"x") > 60_000


def test_reading_popping_and_erasing_leave_the_ttl_unchanged(send: Send) -> None:
    _push(send, ttl=60_000)
    for name in ("ListFetch", "ListPopBack", "ListErase", "ListRemove", "ListLength"):
        send(name, list_name=LIST)
        assert 50_000 < _ttl(send) <= 60_000


def test_an_expired_item_is_gone_before_it_is_swept(send: Send) -> None:
    for key in (b"a", b"b", b"c"):  # a sweep a second at most: it can come in time for one of these
        send("Set", cache_key=key, cache_body=b"v", ttl_milliseconds=50)
        time.sleep(0.1)
        assert send("Get", cache_key=key).result == pb.Miss
        assert send("ItemGetTtl", cache_key=key).WhichOneof("result") == "missing"


def test_the_err_trailer_names_the_limit(server: LocalMomento, send: Send) -> None:
    def trailer(**fields: Any) -> Any:
        with pytest.raises(grpc.RpcError) as raised:
            send("ListPushBack", list_name=LIST, ttl_milliseconds=HOUR_MS, **fields)
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        return dict(raised.value.trailing_metadata())["err"]

    assert trailer(value=b"x" * (128 * 1024 + 1)) == "element_size_limit_exceeded"
    server.faults.add("refuse")
    assert trailer(value=b"x") == "operations_rate_limit_exceeded"


def test_types_and_presence_are_reported(send: Send) -> None:
    send("Set", cache_key=b"k", cache_body=b"v", ttl_milliseconds=HOUR_MS)
    for name, (key, fields) in WRITES.items():
        if name != "ListRetain":
            send(name, ttl_milliseconds=HOUR_MS, **{key: name.encode()}, **fields)
    kinds = {
        key: send("ItemGetType", cache_key=key).found.item_type
        for key in (b"k", b"ListPushBack", b"SortedSetPut", b"DictionarySet", b"SetUnion")
    }
    Kind = pb._ItemGetTypeResponse
    assert list(kinds.values()) == [Kind.SCALAR, Kind.LIST, Kind.SORTED_SET, Kind.DICTIONARY, Kind.SET]
    assert send("ItemGetType", cache_key=b"no").WhichOneof("result") == "missing"
    assert list(send("KeysExist", cache_keys=[b"k", b"no", b"SetUnion"]).exists) == [True, False, True]


def test_a_set_is_subtracted_from_or_emptied(send: Send) -> None:
    send("SetUnion", set_name=b"s", elements=[b"a", b"b"], ttl_milliseconds=HOUR_MS)
    send("SetDifference", set_name=b"s", minuend={"elements": [b"b", b"c"]})
    assert list(send("SetFetch", set_name=b"s").found.elements) == [b"c"]
    send("SetDifference", set_name=b"s", subtrahend={"identity": {}})
    assert send("SetDifference", set_name=b"s").WhichOneof("set") == "missing"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Set", {"cache_key": b"k"}),
        ("ListPushBack", {"list_name": b"l", "value": b"a"}),
        ("UpdateTtl", {"cache_key": b"there"}),
        ("UpdateTtl", {"cache_key": b"there", "overwrite_to_milliseconds": 0}),
    ],
)
def test_a_ttl_is_required(send: Send, name: str, fields: dict[str, Any]) -> None:
    send("Set", cache_key=b"there", ttl_milliseconds=HOUR_MS)
    with pytest.raises(grpc.RpcError) as raised:
        send(name, **fields)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_call_must_name_its_cache(server: LocalMomento, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        cacheclient_pb2_grpc.ScsStub(channel).Get(
            pb._GetRequest(cache_key=b"k"), metadata=(("authorization", server.token),)
        )
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


MISSING = {word for word in (momento_package.__doc__ or "").split() if word.isalpha()}
METHODS = [
    (f"/{service.full_name}/{method.name}", method)
    for module in (cacheclient_pb2, controlclient_pb2, cachepubsub_pb2, token_pb2, auth_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def _raw(channel: grpc.Channel, path: str, token: str, streams: bool = False) -> tuple[grpc.StatusCode, str]:
    """Send an empty message, and return what comes back: a status and its sentence."""
    make = channel.unary_stream if streams else channel.unary_unary
    try:
        list(make(path)(b"", metadata=(("cache", "none"), ("authorization", token)), timeout=10))
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


@pytest.mark.parametrize(("path", "method"), METHODS, ids=[path for path, _ in METHODS])
def test_a_call_is_unimplemented_and_named_if_the_docstring_says_so(
    server: LocalMomento, channel: grpc.Channel, path: str, method: Any
) -> None:
    code, details = _raw(channel, path, server.token, method.server_streaming)
    assert (code is grpc.StatusCode.UNIMPLEMENTED) == (method.name in MISSING)
    assert (path in details) == (method.name in MISSING)
    assert code is not grpc.StatusCode.UNKNOWN


def test_a_call_that_nobody_knows_is_unimplemented_and_named(
    server: LocalMomento, channel: grpc.Channel
) -> None:
    path = "/leaderboard.Leaderboard/GetByRank"
    code, details = _raw(channel, path, server.token)
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert path in details


@pytest.mark.parametrize(("path", "method"), METHODS, ids=[path for path, _ in METHODS])
def test_every_call_asks_for_the_token(channel: grpc.Channel, path: str, method: Any) -> None:
    code, _ = _raw(channel, path, "wrong", method.server_streaming)
    assert code is grpc.StatusCode.UNAUTHENTICATED


def _code(send: Send, name: str, metadata: dict[str, str], **fields: Any) -> grpc.StatusCode:
    try:
        send(name, metadata, **fields)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_metadata_asks_for_any_error(send: Send, code: grpc.StatusCode) -> None:
    asked = {"return-error": code.name.lower().replace("_", "-"), "error-rpcs": "get list-push-back"}
    assert _code(send, "Get", asked, cache_key=b"k") is code
    assert _code(send, "ListPushBack", asked, list_name=LIST, value=b"a", ttl_milliseconds=9) is code
    assert send("ListFetch", asked, list_name=LIST).WhichOneof("list") == "missing"


def test_metadata_counts_errors_for_each_request_id(send: Send) -> None:
    asked = {"return-error": "unavailable", "error-rpcs": "get delete", "error-count": "2"}
    for request_id in ("one", "two"):
        one = {**asked, "request-id": request_id}
        codes = [_code(send, "Get", one, cache_key=b"k") for _ in range(3)]
        assert codes == [grpc.StatusCode.UNAVAILABLE] * 2 + [grpc.StatusCode.OK]
        assert _code(send, "Delete", one, cache_key=b"k") is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("name", "rpc", "fields"),
    [
        ("ListErase", "list-remove", {"list_name": LIST}),
        ("ListErase", "list-erase", {"list_name": LIST}),
        ("SetIfNotExists", "set-if", {"cache_key": b"k", "ttl_milliseconds": 9}),
        ("SortedSetLengthByScore", "sorted-set-length-by-score", {"set_name": b"z"}),
    ],
)
def test_metadata_names_calls_as_momento_local_does(
    send: Send, name: str, rpc: str, fields: dict[str, Any]
) -> None:
    asked = {"return-error": "internal", "error-rpcs": rpc}
    assert _code(send, name, asked, **fields) is grpc.StatusCode.INTERNAL


def test_metadata_that_makes_no_sense_is_refused(send: Send) -> None:
    for asked in (
        {"return-error": "sunshine", "error-rpcs": "get"},
        {"return-error": "internal", "error-rpcs": "get", "error-count": "-1"},
        {"delay-ms": "soon", "delay-rpcs": "get"},
    ):
        assert _code(send, "Get", asked, cache_key=b"k") is grpc.StatusCode.INVALID_ARGUMENT


def test_metadata_delays_the_calls_that_it_names_so_many_times(send: Send) -> None:
    asked = {"delay-rpcs": "list-fetch", "delay-ms": "5000", "delay-count": "1", "request-id": "slow"}
    assert send("ListLength", asked, timeout=2, list_name=LIST)
    with pytest.raises(grpc.RpcError) as raised:
        send("ListFetch", asked, timeout=0.2, list_name=LIST)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert send("ListFetch", asked, timeout=2, list_name=LIST)
