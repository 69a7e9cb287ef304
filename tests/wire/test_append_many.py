"""Sessions that share requests: each is stored once or not at all, and the report is exact."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chatmem_nb import copy_sessions, export, import_file
from chatmem_nb.errors import InvalidInputError, RecordTooLargeError, StoreError, WrongTypeError
from chatmem_nb.stores.protocol import NewRecords, append_many
from tests.colours import Coloured

UPSTASH_FAULTS = ["drop_before", "drop_after", "cut", "html", "refuse"]
MOMENTO_FAULTS = ["drop_before", "drop_after", "cut", "html", "refuse"]


MOMENT = timedelta(milliseconds=20)


def record(name: object) -> str:
    return json.dumps({"type": "human", "data": {"content": str(name)}, "record_id": uuid4().hex})


def talks(number: int, length: int = 3) -> dict[str, list[str]]:
    return {f"s{one}": [record(f"{one} {at}") for at in range(length)] for one in range(number)}


@pytest.fixture
def coloured(store: Any, colour: str) -> Iterator[Coloured]:
    with Coloured(store, colour) as coloured:
        yield coloured


@pytest.fixture
def on_upstash(upstash: Any, prefix: str, colour: str) -> Iterator[Coloured]:
    with Coloured(upstash.store(key_prefix=prefix), colour) as coloured:
        yield coloured


@pytest.fixture
def on_momento(momento: Any, prefix: str, colour: str) -> Iterator[Coloured]:
    with Coloured(momento.store(key_prefix=prefix), colour) as coloured:
        yield coloured


def contents(store: Any) -> dict[str, list[str]]:
    return {name: store.read(name) for name in store.session_ids()}


def test_each_session_is_appended_to_and_its_length_returned(coloured: Coloured) -> None:
    wanted = talks(60)
    coloured.append("s7", ["before"])
    lengths = coloured.append_many([*wanted.items(), ("nothing", [])])
    assert lengths == [4 if name == "s7" else 3 for name in wanted] + [0]
    wanted["s7"].insert(0, "before")
    assert contents(coloured) == wanted


def test_records_that_a_service_does_not_take_fail_their_session_alone(
    coloured: Coloured, server: Any
) -> None:
    large = ["x" * (12_000_000 if coloured.store.service == "Upstash Redis" else 200_000)]
    wanted = talks(3)
    found = coloured.append_many([("s0", wanted["s0"]), ("large", large), ("s2", wanted["s2"])])
    assert [found[0], found[2]] == [3, 3]
    assert isinstance(found[1], RecordTooLargeError)
    assert set(contents(coloured)) == {"s0", "s2"}


def test_a_session_that_is_named_twice_is_refused_before_anything_is_sent(coloured: Coloured) -> None:
    with pytest.raises(InvalidInputError, match="named twice"):
        coloured.append_many([("s", ["1"]), ("t", ["2"]), ("s", ["3"])])
    assert contents(coloured) == {}


def test_a_batch_larger_than_a_request_is_stored_whole_beside_short_ones(upstash: Any, prefix: str) -> None:
    with upstash.store(key_prefix=prefix, max_request_bytes=20_000) as store:
        wanted = {**talks(4), "long": [record("x" * 900) for _ in range(40)], "z": [record("z")]}
        assert store.append_many(wanted.items()) == [len(records) for records in wanted.values()]
        assert contents(store) == wanted


@pytest.mark.parametrize("fault", UPSTASH_FAULTS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_pipeline_whose_response_is_lost_is_applied_once(
    on_upstash: Coloured, upstash: Any, fault: Any, times: int
) -> None:
    wanted = talks(40)
    upstash.faults.add(fault, times=times, command="EVAL")
    assert on_upstash.append_many(wanted.items()) == [3] * 40
    assert contents(on_upstash) == wanted


def test_a_key_of_another_type_fails_alone_and_the_others_are_stored_once(
    on_upstash: Coloured, upstash: Any, prefix: str
) -> None:
    on_upstash.store.redis_client.set(f"{prefix}s5", "not a list")
    wanted = talks(12)
    found = on_upstash.append_many(wanted.items())
    assert isinstance(found.pop(5), WrongTypeError)
    assert found == [3] * 11
    del wanted["s5"]
    assert contents(on_upstash) == wanted


def test_a_server_without_flags_takes_each_session_once(redis_upstash: Any, prefix: str) -> None:
    with redis_upstash.store(key_prefix=prefix) as store:
        wanted = talks(20)
        assert store.append_many(wanted.items()) == [3] * 20
        assert contents(store) == wanted
        before = store.commands.requests
        store.append_many(talks(20).items())
        assert store.commands.requests - before == 1  # once the server is known, a pipeline again


def test_a_refusal_of_all_is_not_asked_for_by_each_session(on_upstash: Coloured, upstash: Any) -> None:
    upstash.faults.add("error", times=50, command="EVAL", code="OOM command not allowed")
    before = on_upstash.store.commands.requests
    found = on_upstash.append_many(talks(30).items())
    assert all(isinstance(one, StoreError) for one in found)
    assert on_upstash.store.commands.requests - before <= 3
    upstash.faults.clear()
    assert contents(on_upstash) == {}


def test_a_thousand_short_sessions_take_an_eighth_of_the_requests(upstash: Any, prefix: str) -> None:
    with upstash.store(key_prefix=prefix) as store:
        append_many(store, list(talks(1_000, 2).items()))
        assert store.commands.requests <= 1_000 / 8
        assert store.commands.billed == 1_000


@pytest.mark.parametrize("fault", MOMENTO_FAULTS)
@pytest.mark.parametrize("command", ["ListConcatenateBack", "SortedSetPut", "ListLength"])
def test_a_push_whose_response_is_lost_is_made_once(
    on_momento: Coloured, momento: Any, fault: Any, command: str
) -> None:
    wanted = talks(8)
    momento.faults.add(fault, times=3, command=command)
    assert on_momento.append_many(wanted.items()) == [3] * 8
    assert contents(on_momento) == wanted


def test_names_of_new_sessions_share_a_write_to_the_index(momento: Any, prefix: str) -> None:
    with momento.store(key_prefix=prefix) as store:
        wanted = {name: NewRecords(records) for name, records in talks(50).items()}
        store.append_many(wanted.items())
        assert store.commands.requests <= 50 + 4  # a push each, and the names of 25, twice if it was slow
        assert sorted(store.session_ids()) == sorted(wanted)


def test_an_import_is_exact_after_a_failure_in_the_middle_of_a_batch(
    server: Any, prefix: str, other: Any, tmp_path: Path
) -> None:
    wanted = talks(120)
    other.append_many(wanted.items())
    path = tmp_path / "all.jsonl"
    export(other, path, progress=False)
    with server.store(key_prefix=prefix, timeout_s=2) as store:
        if store.service == "Upstash Redis":
            server.faults.add("drop_after", times=1_000, command="EVAL")  # applied, and never heard of
        else:
            server.faults.add("delay", times=2, command="ListLength", delay=MOMENT)
            server.faults.add("error", times=1, command="ListConcatenateBack", code="permission_denied")
        with pytest.raises(StoreError):
            import_file(path, store)
        server.faults.clear()
        there = contents(store)
        assert there == {name: wanted[name] for name in there}  # whole, and once
        report = import_file(path, store, on_conflict="merge").set_index("session_id")
        assert contents(store) == wanted
    added = {name: 0 if name in there else 3 for name in wanted}
    assert report.n_messages.to_dict() == added
    assert len(there) >= 50
    assert set(report.action) <= {"create", "skip"}


def test_a_copy_counts_what_was_stored_and_names_what_was_not(store: Any, other: Any) -> None:
    wanted = talks(30)
    for name, records in wanted.items():
        other.append(name, records)
    report = copy_sessions(other, store, progress=False).set_index("session_id")
    assert set(report.action) == {"create"}
    assert report.n_messages.to_dict() == dict.fromkeys(wanted, 3)
    assert contents(store) == wanted


def test_an_import_to_momento_asks_each_session_for_its_length_alone(
    momento: Any, prefix: str, tmp_path: Path
) -> None:
    with momento.store(key_prefix=prefix) as store:
        for name, records in talks(50).items():
            store.append(name, records)
        export(store, tmp_path / "talks.jsonl", progress=False)
    with momento.store(key_prefix=f"second:{prefix}") as store:
        import_file(tmp_path / "talks.jsonl", store)
        assert store.commands.requests <= 50 * 3 + 4  # two lengths and a push each, and the names of 25


def test_ends_that_a_merge_appends_share_requests(on_upstash: Coloured, upstash: Any, prefix: str) -> None:
    wanted = talks(40)
    on_upstash.append_many([(name, records[:2]) for name, records in wanted.items()])
    with upstash.store(key_prefix=f"from:{prefix}") as source:
        source.append_many([*wanted.items()])
        before = on_upstash.store.commands.requests
        report = copy_sessions(source, on_upstash.store, on_conflict="merge", progress=False)
        assert on_upstash.store.commands.requests - before <= 40 + 5  # a read each
    assert report["action"].tolist() == ["merge"] * 40
    assert report["n_messages"].tolist() == [1] * 40
    assert contents(on_upstash) == wanted
