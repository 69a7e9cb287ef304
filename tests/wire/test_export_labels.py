"""Labels go into a file and out of it with the messages that they are of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import InvalidInputError, Labels, Redactor, StoreLimitError, export, import_file, to_dataframe
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all, parse_all, to_json
from tests.parquet import read_like

FORMATS = ["x.jsonl", "x.parquet"]
SECRET = "ann@example.org"
PLAIN = to_json({"type": "human", "data": {"content": f"write to {SECRET}", "type": "human"}})


@pytest.fixture
def store(upstash: LocalUpstash) -> Iterator[Any]:
    with upstash.store() as store:
        store.append("a", [PLAIN, *encode_all([HumanMessage("one"), HumanMessage("two")]), PLAIN])
        store.append("b", encode_all([HumanMessage("three")]))
        store.append("c", encode_all([HumanMessage("four")]))
        yield store


@pytest.fixture
def labels(store: Any, tmp_path: Path) -> Labels:
    labels = Labels(tmp_path / "labels.jsonl", author=f"{SECRET}")
    records = parse_all(store.read("a"))
    labels.set("a", records[1], star=True, add=["wrong", SECRET])
    labels.set("a", records[3], note=f"ask {SECRET}", records=records)  # the second of two equal records
    labels.set("b", note="a good one")
    return labels


def said(labels: Labels, store: Any) -> list[list[Any]]:
    frame = labels.to_dataframe(lambda name: parse_all(store.read(name)))
    assert not frame["gone"].any()
    frame = frame.drop(columns=["identity", "gone"]).astype(object)
    return sorted(frame.where(frame.notna(), None).to_numpy().tolist(), key=repr)


@pytest.mark.parametrize("name", FORMATS)
def test_labels_come_back_at_their_messages(store: Any, labels: Labels, tmp_path: Path, name: str) -> None:
    report = export(store, tmp_path / name, labels=labels, progress=False)
    assert (report.labels, report.labels_left_out) == (5, 0)
    assert "5 labels" in str(report)
    with LocalUpstash() as server, server.store() as other:
        mine = Labels(tmp_path / "mine.jsonl", author="me")
        imported = import_file(tmp_path / name, other, labels=mine)
        assert imported.attrs["labels"] == 5
        assert said(mine, other) == said(labels, store)
        for session_id in store.session_ids():
            assert other.read(session_id) == store.read(session_id)
        again = import_file(tmp_path / name, other, on_conflict="skip", labels=mine)
        assert again.attrs["labels"] == 0


def test_a_later_note_stays(store: Any, labels: Labels, tmp_path: Path) -> None:
    export(store, tmp_path / "x.jsonl", labels=labels, progress=False)
    labels.set("b", note="better")
    import_file(tmp_path / "x.jsonl", store, on_conflict="skip", labels=labels)
    assert [label.note for label in labels if label.session_id == "b"] == ["better"]


@pytest.mark.parametrize("name", FORMATS)
def test_labels_are_redacted_and_known_by_the_redacted_record(
    store: Any, labels: Labels, tmp_path: Path, name: str
) -> None:
    export(store, tmp_path / name, labels=labels, redact=Redactor(), progress=False)
    if name == "x.jsonl":
        assert SECRET not in (tmp_path / name).read_text()
    else:
        assert SECRET not in repr(pd.read_parquet(tmp_path / name).to_dict())
    with LocalUpstash() as server, server.store() as other:
        mine = Labels(tmp_path / "mine.jsonl")
        import_file(tmp_path / name, other, labels=mine)
        found = said(mine, other)
        assert [row[:4] for row in found if row[2] == "note"] == [
            ["a", 3, "note", "ask [EMAIL]"],
            ["b", None, "note", "a good one"],
        ]
        assert {row[4] for row in found} == {"[EMAIL]"}


def test_what_a_file_cannot_hold_is_counted(store: Any, labels: Labels, tmp_path: Path) -> None:
    report = export(store, tmp_path / "x.csv", labels=labels, progress=False)
    assert (report.labels, report.labels_left_out) == (0, 5)
    assert "csv cannot hold labels" in str(report)
    where = {"content": ["one"]}
    report = export(store, tmp_path / "x.jsonl", labels=labels, where=where, progress=False)
    assert (report.labels, report.labels_left_out) == (4, 1)
    whole = export(store, tmp_path / "y.jsonl", progress=False)
    assert (whole.labels, whole.labels_left_out) == (0, 0)
    with pytest.raises(InvalidInputError, match="leave out since"):
        export(store, tmp_path / "x.jsonl", labels=labels, since=whole, progress=False)
    with pytest.raises(InvalidInputError, match="open them"):
        export(store, tmp_path / "x.jsonl", labels="labels.jsonl", progress=False)


@pytest.mark.parametrize("name", FORMATS)
def test_a_stopped_export_keeps_its_labels(store: Any, labels: Labels, tmp_path: Path, name: str) -> None:
    while True:
        try:
            export(store, tmp_path / name, labels=labels, max_commands=3, progress=False)
            break
        except StoreLimitError:
            continue
    with LocalUpstash() as server, server.store() as other:
        mine = Labels(tmp_path / "mine.jsonl")
        import_file(tmp_path / name, other, labels=mine)
        assert said(mine, other) == said(labels, store)


def test_a_file_labels_no_other_session(store: Any, tmp_path: Path) -> None:
    events: list[Any] = [
        {"session_id": "victim", "star": True, "at": None, "author": "eve"},
        {"star": "yes", "note": 7, "add": "tag"},
        {"message": [1], "star": True},
    ]
    lines = [{"session_id": "b", "label": event} for event in events]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    mine = Labels(tmp_path / "mine.jsonl")
    import_file(tmp_path / "x.jsonl", store, labels=mine, on_conflict="skip")
    assert mine.sessions() == ["b"]
    assert len(mine) == 1


def test_a_parquet_file_with_labels_is_the_frame_and_a_column(
    store: Any, labels: Labels, tmp_path: Path
) -> None:
    export(store, tmp_path / "x.parquet", labels=labels, progress=False)
    frame = read_like(to_dataframe(store), tmp_path / "x.parquet")
    assert frame["labels"].notna().sum() == 3
    pd.testing.assert_frame_equal(
        frame.drop(columns="labels").sort_values(["session_id", "index"], ignore_index=True),
        to_dataframe(store).sort_values(["session_id", "index"], ignore_index=True),
        check_dtype=False,
        check_categorical=False,
    )
