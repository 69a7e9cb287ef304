"""No budget is spent twice for nothing: a call keeps what it paid for, or is refused before it spends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import FileSource, InvalidInputError, StoreLimitError, export, to_dataframe
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all, parse_all

RECORDS = encode_all([HumanMessage(str(number)) for number in range(10)])
FORMATS = ["x.jsonl", "x.parquet"]


def export_in_steps(store: Any, path: Path, max_commands: int) -> int:
    """Export with many calls of a small budget, and return their number."""
    for calls in range(1, 100):
        try:
            report = export(store, path, max_commands=max_commands, progress=False)
        except StoreLimitError:
            continue
        assert report.resumed
        return calls
    raise AssertionError("a hundred calls have not completed it")


@pytest.mark.parametrize("name", FORMATS)
def test_each_call_keeps_what_it_paid_for(store: Any, tmp_path: Path, name: str) -> None:
    for number in range(120):
        store.append(f"s{number:03}", RECORDS)
    path = tmp_path / name
    most = 50 if store.service == "Upstash Redis" else 400
    assert export_in_steps(store, path, most) < 20
    whole = export(store, tmp_path / f"whole-{name}", progress=False)
    assert whole.messages == 1_200
    if name == "x.jsonl":
        wanted = (tmp_path / f"whole-{name}").read_text().splitlines()
        assert sorted(path.read_text().splitlines()) == sorted(wanted)


@pytest.mark.parametrize("name", FORMATS)
def test_a_budget_that_completes_no_session_is_refused_the_second_time(
    store: Any, tmp_path: Path, name: str
) -> None:
    for _ in range(20):
        store.append("long", encode_all([HumanMessage("x")] * 1_000))
    path = tmp_path / name
    source = (store, ["long"])
    with pytest.raises(StoreLimitError, match="stopped at max_commands=1"):
        export(source, path, max_commands=1, progress=False)
    before = store.commands.billed
    for _ in range(2):
        with pytest.raises(StoreLimitError, match="was not enough"):
            export(source, path, max_commands=1, progress=False)
    assert store.commands.billed == before
    assert export(source, path, max_commands=100_000, progress=False).messages == 20_000
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_short_session_before_a_long_one_is_kept(store: Any, tmp_path: Path) -> None:
    store.append("short", RECORDS)
    for _ in range(20):
        store.append("long", encode_all([HumanMessage("x")] * 1_000))
    path, source = tmp_path / "x.jsonl", (store, ["short", "long"])
    with pytest.raises(StoreLimitError) as stopped:
        export(source, path, max_commands=2, progress=False)
    assert "1 session kept" in "".join(stopped.value.__notes__)
    report = export(source, path, progress=False)
    assert (report.resumed, report.messages) == (1, 20_000)


def test_a_limit_of_the_service_is_not_taken_for_the_budget(tmp_path: Path) -> None:
    with LocalUpstash() as server, server.store(timeout_s=1.0) as store:
        store.append("a", RECORDS)
        server.faults.add("refuse", times=1_000)
        with pytest.raises(StoreLimitError, match=r"^(?!.*max_commands)"):
            export(store, tmp_path / "x.jsonl", max_commands=100, progress=False)
        server.faults.clear()
        assert export(store, tmp_path / "x.jsonl", max_commands=100, progress=False).messages == 10


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("limit", [0, -1, 2.5, "5", True])
def test_a_limit_that_is_none_is_refused_before_anything_is_read(
    store: Any, tmp_path: Path, limit: Any, dry_run: bool
) -> None:
    before = store.commands.requests
    with pytest.raises(InvalidInputError, match="must be an integer of 1 or more") as caught:
        export(store, tmp_path / "y.jsonl", max_commands=limit, dry_run=dry_run, progress=False)
    assert caught.value.field == "max_commands"
    assert store.commands.requests == before
    assert not list(tmp_path.iterdir())


def test_a_source_that_bills_nothing_refuses_max_commands(tmp_path: Path) -> None:
    records = parse_all(encode_all([HumanMessage("hi")]))
    path = tmp_path / "x.jsonl"
    export(records, path, progress=False)
    for source in (records, to_dataframe(records), path, FileSource(path)):
        with pytest.raises(InvalidInputError, match="max_commands is for stores") as caught:
            export(source, tmp_path / "y.jsonl", max_commands=5, progress=False)
        assert caught.value.field == "max_commands"
    assert not (tmp_path / "y.jsonl").exists()
