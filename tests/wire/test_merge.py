"""What an interruption left is completed by "merge", and "skip" takes no truncated session for the whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from chatmem_nb import copy_sessions, export, from_dataframe, import_file, to_dataframe
from chatmem_nb.frames.alignment import missing_records
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.records import encode_all

OWN = encode_all([HumanMessage(str(number)) for number in range(200)])
# As others write them, with no record_id, and many of one text.
FOREIGN = [
    json.dumps({"type": "human", "data": {"content": "ok" if number % 3 else str(number)}})
    for number in range(90)
]


@pytest.fixture(scope="module", params=["upstash", "momento"])
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    kind: Any = LocalUpstash if request.param == "upstash" else LocalMomento
    with kind() as one, kind() as two:
        yield one, two


@pytest.fixture
def stores(servers: Any) -> Iterator[tuple[Any, Any]]:
    """Stores of two databases, empty."""
    with servers[0].store() as source, servers[1].store() as target:
        for store in (source, target):
            for name in list(store.session_ids()):
                store.delete(name)
        yield source, target


Transfer = Callable[..., Any]


@pytest.fixture(params=["copy", "jsonl", "parquet", "frame"])
def transfer(request: pytest.FixtureRequest, stores: Any, tmp_path: Path) -> Transfer:
    """Bring the sessions of the source into the target, and return the report's rows by session."""
    source, target = stores

    def transferred(on_conflict: str, **options: Any) -> Any:
        if request.param == "copy":
            report = copy_sessions(source, target, on_conflict=on_conflict, progress=False, **options)
        elif request.param == "frame":
            report = from_dataframe(to_dataframe(source), target, on_conflict=on_conflict, **options)
        else:
            path = tmp_path / f"x.{request.param}"
            export(source, path, progress=False)
            report = import_file(path, target, on_conflict=on_conflict, **options)
        return report.set_index("session_id")

    return transferred


@pytest.mark.parametrize("records", [OWN, FOREIGN], ids=["own", "foreign"])
def test_merge_completes_what_is_missing(stores: Any, transfer: Transfer, records: list[str]) -> None:
    source, target = stores
    count = len(records)
    parts = {
        "new": [],
        "whole": records,
        "end": records[: count // 2],
        "start": records[count // 2 :],
        "gaps": [*records[5:20], *records[40:60], records[-1]],
    }
    for name, there in parts.items():
        source.append(name, records)
        target.append(name, there)
    planned = transfer("merge", dry_run=True)
    assert {name: target.read(name) for name in parts} == parts
    done = transfer("merge")
    assert planned.equals(done)
    assert {name: target.read(name) for name in parts} == dict.fromkeys(parts, records)
    actions = {"new": "create", "whole": "skip", "end": "merge", "start": "merge", "gaps": "merge"}
    assert done.action.astype(str).to_dict() == actions
    assert done.n_messages.to_dict() == {name: count - len(there) for name, there in parts.items()}
    assert (done.problem == "").all()
    again = transfer("merge")
    assert set(again.action.astype(str)) == {"skip"}
    assert again.n_messages.sum() == 0


def test_merge_keeps_what_the_target_has_besides(stores: Any, transfer: Transfer) -> None:
    source, target = stores
    source.append("s", OWN[:10])
    target.append("s", [*OWN[:4], *OWN[7:10], *OWN[20:22]])
    source.append("longer there", OWN[:10])
    target.append("longer there", OWN[:12])
    done = transfer("merge")
    assert target.read("s") == [*OWN[:10], *OWN[20:22]]
    assert done.action.astype(str).to_dict() == {"s": "merge", "longer there": "skip"}
    assert "2 records more" in done.problem["longer there"]


def test_merge_leaves_alone_what_it_cannot_align(stores: Any, transfer: Transfer) -> None:
    source, target = stores
    edited = (
        OWN[1].replace('"content":"1"', '"content":"edited"').replace('"content": "1"', '"content": "edited"')
    )
    assert edited != OWN[1]
    there = {
        "another": OWN[100:105],
        "turned round": OWN[4::-1],
        "two ends": [*OWN[:3], *OWN[100:102]],
        "edited": [OWN[0], edited],
    }
    for name, records in there.items():
        source.append(name, OWN[:5])
        target.append(name, records)
    source.append("fine", OWN[:5])
    target.append("fine", OWN[:2])
    done = transfer("merge")
    assert {name: target.read(name) for name in there} == there
    assert target.read("fine") == OWN[:5]
    assert done.action.astype(str).to_dict() == {**dict.fromkeys(there, "different"), "fine": "merge"}
    assert done.n_messages.to_dict() == {**dict.fromkeys(there, 0), "fine": 3}
    assert "record 1" in done.problem["edited"]
    assert (done.problem[list(there)] != "").all()


def test_skip_reports_a_truncated_session_as_different(stores: Any, transfer: Transfer) -> None:
    source, target = stores
    for name, there in {"same": OWN[:5], "cut": OWN[:3], "other": [*OWN[:4], OWN[9]]}.items():
        source.append(name, OWN[:5])
        target.append(name, there)
    planned = transfer("skip", dry_run=True)
    done = transfer("skip")
    assert planned.equals(done)
    assert done.action.astype(str).to_dict() == {"same": "skip", "cut": "different", "other": "different"}
    assert "3 records" in done.problem["cut"]
    assert "merge" in done.problem["cut"]
    assert target.length("cut") == 3


KEYS = st.lists(st.sampled_from("aab bcdef"), max_size=12)


@given(source=KEYS, kept=st.lists(st.booleans(), min_size=12, max_size=12))
def test_any_part_of_a_session_is_completed_to_the_whole(source: list[str], kept: list[bool]) -> None:
    target = [key for key, keep in zip(source, kept, strict=False) if keep]
    assert merged(source, target) == source


@given(source=KEYS, target=KEYS)
def test_a_merge_contains_both_in_order_or_is_refused(source: list[str], target: list[str]) -> None:
    result = merged(source, target)
    if result is not None:
        assert is_part(source, result)
        assert is_part(target, result)
        assert len(result) <= len(source) + len(target)


def merged(source: list[str], target: list[str]) -> list[str] | None:
    missing = missing_records(source, target)
    if missing is None:
        return None
    result = list(target)
    for place, records in reversed(missing):
        result[place:place] = [source[index] for index in records]
    return result


def is_part(part: list[str], whole: list[str]) -> bool:
    left = iter(whole)
    return all(key in left for key in part)


def test_a_conversation_of_another_program_is_completed(stores: Any, tmp_path: Path) -> None:
    _, target = stores
    path = tmp_path / "chat.jsonl"
    turns = [{"role": "user", "content": f"{number % 3}"} for number in range(12)]
    for length, before in ((5, 0), (12, 5), (12, 12)):
        path.write_text(json.dumps({"session_id": "s", "messages": turns[:length]}) + "\n")
        [outcome] = import_file(path, target, on_conflict="merge").to_dict("records")
        assert (outcome["n_messages"], outcome["there_before"]) == (length - before, before)
    assert [json.loads(record)["data"]["content"] for record in target.read("s")] == [
        turn["content"] for turn in turns
    ]
