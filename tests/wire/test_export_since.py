"""A nightly export reads what is new since the report of the last one, and says what else happened."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import ExportReport, InvalidInputError, Redactor, StoreLimitError, export, import_file
from chatmem_nb.exports import export_run
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all

SECRET = "ann@example.org"
KEY = b"k" * 32


def chat(name: str, number: int) -> list[str]:
    return encode_all([HumanMessage(f"{name} {position} {SECRET}") for position in range(number)])


@pytest.fixture
def store(store: Any) -> Any:
    for name in ("same", "grown", "edited", "shrunk", "gone"):
        store.append(name, chat(name, 4))
    return store


def change(store: Any) -> None:
    """Let happen all that a night can bring."""
    store.append("grown", chat("later", 2))
    store.insert("edited", 4, chat("edit", 1))
    store.remove("edited", 3, store.read("edited")[3])
    store.delete("shrunk", count=3, last=store.read("shrunk")[2])
    store.delete("gone")
    store.append("new", chat("new", 3))


def written(path: Path) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for line in path.read_text().splitlines():
        value = json.loads(line)
        places.setdefault(value["session_id"], []).append(value["index"])
    return places


CHANGED = {"grown": [4, 5], "edited": [0, 1, 2, 3], "shrunk": [0], "new": [0, 1, 2]}


def test_the_progress_bar_counts_unchanged_sessions(
    store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["same", "grown", "edited", "shrunk", "gone"]
    since = export(store, tmp_path / "1.jsonl", progress=False)
    change(store)
    export((store, names), tmp_path / "2.jsonl", since=since)
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize("is_saved", [False, True])
def test_only_what_is_new_is_exported(store: Any, tmp_path: Path, is_saved: bool) -> None:
    since: Any = export(store, tmp_path / "1.jsonl", progress=False)
    assert since.changes is None
    if is_saved:
        since.save(tmp_path / "report.json")
        assert ExportReport.load(tmp_path / "report.json") == since
        since = tmp_path / "report.json"
    change(store)
    before = store.commands.billed
    report = export(store, tmp_path / "2.jsonl", since=since, progress=False)
    assert report.commands == store.commands.billed - before > 0
    assert written(tmp_path / "2.jsonl") == CHANGED
    assert (report.sessions, report.messages) == (4, 10)
    changes = report.changes
    assert changes is not None
    assert (changes.new, changes.grown, changes.unchanged) == (1, 1, 1)
    assert (changes.changed, changes.shrank, changes.vanished) == (("edited",), ("shrunk",), ("gone",))
    assert "1 vanished" in str(report)
    after = export(store, tmp_path / "3.jsonl", since=report, progress=False)
    assert (after.messages, after.changes and after.changes.unchanged) == (0, 5)
    assert after.changes is not None
    assert not after.changes.vanished


def test_the_nights_together_are_the_store(store: Any, tmp_path: Path) -> None:
    server: Any = LocalUpstash()
    with server, server.store() as copy:
        report = export(store, tmp_path / "1.parquet", progress=False)
        import_file(tmp_path / "1.parquet", copy)
        store.append("grown", chat("later", 2))
        store.append("new", chat("new", 3))
        export(store, tmp_path / "2.parquet", since=report, progress=False)
        imported = import_file(tmp_path / "2.parquet", copy, on_conflict="append")
        assert set(imported["action"]) == {"create", "append"}
        for name in store.session_ids():
            assert copy.read(name) == store.read(name)


def test_unchanged_sessions_cost_a_fraction(tmp_path: Path) -> None:
    with LocalUpstash() as server, server.store() as store:
        for number in range(250):
            store.append(f"s{number}", chat("x", 1))
        whole = export(store, tmp_path / "1.jsonl", progress=False)
        store.append("s7", chat("y", 1))
        report = export(store, tmp_path / "2.jsonl", since=whole, progress=False)
        assert report.messages == 1
        assert report.commands < whole.commands / 20


def test_a_budget_is_kept_and_each_call_goes_on(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_run, "CHECKPOINT_S", 0.0)
    for number in range(150):
        store.append(f"more{number:03}", chat("more", 1))
    since = export(store, tmp_path / "1.jsonl", progress=False)
    change(store)
    for number in range(0, 150, 3):
        store.append(f"more{number:03}", chat("late", 1))
    most = 30 if store.service == "Upstash Redis" else 700
    report, calls = None, 0
    while report is None:
        calls += 1
        assert calls < 20
        with suppress(StoreLimitError):
            report = export(store, tmp_path / "2.jsonl", since=since, max_commands=most, progress=False)
    assert calls > 1
    expected = CHANGED | {f"more{number:03}": [1] for number in range(0, 150, 3)}
    assert written(tmp_path / "2.jsonl") == expected
    changes = report.changes
    assert changes is not None
    assert (changes.new, changes.grown, changes.unchanged) == (1, 51, 101)
    assert (changes.changed, changes.shrank, changes.vanished) == (("edited",), ("shrunk",), ("gone",))
    assert len(report.ends) == 5 + 150


def test_some_sessions_leave_what_is_known_of_others(store: Any, tmp_path: Path) -> None:
    since = export(store, tmp_path / "1.jsonl", progress=False)
    change(store)
    some = export((store, ["grown", "gone"]), tmp_path / "2.jsonl", since=since, progress=False)
    assert written(tmp_path / "2.jsonl") == {"grown": [4, 5]}
    assert some.changes is not None
    assert some.changes.vanished == ("gone",)
    rest = export(store, tmp_path / "3.jsonl", since=some, progress=False)
    assert written(tmp_path / "3.jsonl") == {name: CHANGED[name] for name in ("edited", "shrunk", "new")}
    assert rest.changes is not None
    assert rest.changes.unchanged == 2


def test_a_conversation_in_openais_form_is_written_whole(store: Any, tmp_path: Path) -> None:
    since = export(store, tmp_path / "1.jsonl", format="openai", progress=False)
    store.append("grown", encode_all([AIMessage("yes")]))
    report = export(store, tmp_path / "2.jsonl", format="openai", since=since, progress=False)
    [line] = (tmp_path / "2.jsonl").read_text().splitlines()
    assert len(json.loads(line)["messages"]) == 5
    assert report.changes is not None
    assert report.changes.grown == 1


def test_a_filter_does_not_make_a_session_new(store: Any, tmp_path: Path) -> None:
    where = {"role": "assistant"}
    since = export(store, tmp_path / "1.jsonl", where=where, progress=False)
    store.append("grown", [*encode_all([AIMessage("yes")]), *chat("more", 1)])
    report = export(store, tmp_path / "2.jsonl", where=where, since=since, progress=False)
    assert written(tmp_path / "2.jsonl") == {"grown": [4]}
    assert report.changes is not None
    assert report.changes.unchanged == 4


def test_a_redacted_report_tells_what_is_new_and_nothing_else(store: Any, tmp_path: Path) -> None:
    store.append("private name", ["not json"])
    redact = Redactor(key=KEY, session_ids=True)
    export(store, tmp_path / "1.jsonl", redact=redact, progress=False).save(tmp_path / "report.json")
    saved = (tmp_path / "report.json").read_text()
    assert not [word for word in (SECRET, "grown", "private", "kkkk", "not json") if word in saved]
    change(store)
    again = Redactor(key=KEY, session_ids=True)
    report = export(store, tmp_path / "2.jsonl", redact=again, since=tmp_path / "report.json", progress=False)
    pseudonym = redact.pseudonym_of_session
    assert written(tmp_path / "2.jsonl") == {pseudonym(name): places for name, places in CHANGED.items()}
    assert report.changes is not None
    assert report.changes.vanished == (pseudonym("gone"),)
    assert report.changes.unchanged == 2
    other = Redactor(key=b"o" * 32)
    whole = export(store, tmp_path / "3.jsonl", redact=other, since=tmp_path / "report.json", progress=False)
    assert whole.changes is not None
    assert whole.changes.new == len(list(store.session_ids()))


def test_what_is_no_report_of_this_store_is_refused(store: Any, tmp_path: Path) -> None:
    path = tmp_path / "2.jsonl"
    report = export(store, tmp_path / "1.jsonl", progress=False)
    (tmp_path / "bad.json").write_text('{"kind": "something else"}')
    (tmp_path / "worse.json").write_text("[" * 100_000)
    before = store.commands.billed
    for bad in ("bad.json", "worse.json", "1.jsonl"):
        with pytest.raises(InvalidInputError, match="is not a saved export report"):
            export(store, path, since=tmp_path / bad, progress=False)
    with pytest.raises(FileNotFoundError):
        export(store, path, since=tmp_path / "none.json", progress=False)
    with pytest.raises(InvalidInputError, match="not dict"):
        export(store, path, since={}, progress=False)
    with pytest.raises(InvalidInputError, match="dry_run"):
        export(store, path, since=report, dry_run=True)
    mine = export([HumanMessage("x")], path, progress=False)
    with pytest.raises(InvalidInputError, match="messages in memory"):
        export([HumanMessage("x")], path, since=mine, progress=False)
    server = LocalUpstash()
    with server, server.store() as other, pytest.raises(InvalidInputError, match="the report is of"):
        export(other, path, since=report, progress=False)
    assert store.commands.billed == before
