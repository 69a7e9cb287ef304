"""A frame of messages as a source: exported, copied and browsed as it stands, filtered or edited."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from chatmem_nb import (
    FileSource,
    HistoryBrowser,
    InvalidInputError,
    Labels,
    Redactor,
    copy_sessions,
    export,
    sessions_frame,
    to_dataframe,
    tool_calls_frame,
)
from chatmem_nb.records import encode_all, parse, parse_all
from chatmem_nb.sources import FrameSource
from chatmem_nb.stores.protocol import SessionReader
from tests.odd_records import odd_records
from tests.parquet import assert_holds
from tests.plain_reader import PlainReader
from tests.wire.browser_page import Page, kept_comms

CALL = {"name": "search", "args": {"q": "ferry"}, "id": "c1"}
TALK = encode_all(
    [
        HumanMessage("I am Ada, when does the ferry leave?"),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage("at nine", tool_call_id="c1", name="search"),
        AIMessage("At nine."),
    ]
)
ODD = {"alice": TALK, "bøb/2": encode_all([HumanMessage("hello")]), "odd": odd_records()}
TEXT_FORMATS = ["jsonl", "csv", "md", "html"]


def frame_of(sessions: dict[str, list[str]]) -> pd.DataFrame:
    return to_dataframe(PlainReader(sessions))


def contents(source: SessionReader) -> dict[str, list[str]]:
    return {name: source.read(name) for name in source.session_ids()}


def all_of(source: Any, names: list[str]) -> list[Any]:
    async def read() -> list[Any]:
        ids = [name async for name in source.asession_ids("*")]
        many = [piece async for piece in source.aread_many(names)]
        lengths = [await source.alength(name) for name in names]
        return [ids, await source.asummaries(names), many, lengths, await source.aread(names[0], 1, -1)]

    return asyncio.run(read())


@pytest.mark.parametrize("suffix", TEXT_FORMATS)
def test_a_frame_is_exported_as_the_source_that_it_was_made_of(tmp_path: Path, suffix: str) -> None:
    direct, framed = tmp_path / f"direct.{suffix}", tmp_path / f"framed.{suffix}"
    expected = export(PlainReader(ODD), direct, progress=False)
    report = export(frame_of(ODD), framed, progress=False)
    assert framed.read_bytes() == direct.read_bytes()
    assert (report.sessions, report.messages) == (expected.sessions, expected.messages)


def test_a_filtered_frame_keeps_its_rows_and_their_indexes(tmp_path: Path) -> None:
    frame = frame_of(ODD)
    kept = frame[frame["role"].isin(["user", "assistant"]) & (frame["session_id"] != "odd")]
    export(kept, tmp_path / "kept.parquet", progress=False)
    assert_holds(tmp_path / "kept.parquet", kept.reset_index(drop=True), check_categorical=False)
    assert contents(FileSource(tmp_path / "kept.parquet")) == {
        "alice": [TALK[0], TALK[1], TALK[3]],
        "bøb/2": ODD["bøb/2"],
    }


def test_an_anonymised_frame_leaves_nothing_of_what_was_replaced(tmp_path: Path) -> None:
    frame = frame_of({"ada": TALK})
    frame["content"] = frame["content"].str.replace("Ada", "NAME")
    frame["session_id"] = "person-1"
    for suffix in ("jsonl", "parquet", "csv", "html"):
        export(frame, tmp_path / f"safe.{suffix}", progress=False)
    assert b"Ada" not in (tmp_path / "safe.jsonl").read_bytes()
    for path in sorted(tmp_path.iterdir()):
        if path.suffix != ".html":
            (records,) = contents(FileSource(path)).values()
            assert "Ada" not in "".join(records)
            assert records[1:] == TALK[1:]  # rows that were not edited, byte for byte
            assert parse(records[0]).message.text == "I am NAME, when does the ferry leave?"


def test_a_frame_is_redacted_filtered_and_labelled_as_a_store_is(tmp_path: Path) -> None:
    talk = encode_all([HumanMessage("I am ada@example.com"), AIMessage("hello")])
    labels = Labels(tmp_path / "labels.jsonl")
    labels.set("ada", parse_all(talk)[0], star=True)
    options: dict[str, Any] = {"labels": labels, "where": {"role": "human"}, "progress": False}
    source = PlainReader({"ada": talk})
    for name, given in (("direct", source), ("framed", to_dataframe(source))):
        report = export(given, tmp_path / f"{name}.jsonl", redact=Redactor(), **options)
        assert (report.messages, report.labels, report.redacted) == (1, 1, {"email": 1})
    assert (tmp_path / "framed.jsonl").read_bytes() == (tmp_path / "direct.jsonl").read_bytes()


def test_rows_without_raw_are_built_of_their_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame({"session_id": "s", "role": ["human", "assistant"], "content": ["hi", "hello"]})
    export(frame, tmp_path / "made.jsonl", progress=False)
    made = to_dataframe(tmp_path / "made.jsonl")
    assert made[["role", "content"]].values.tolist() == [["user", "hi"], ["assistant", "hello"]]


def test_rows_in_any_order_are_sorted_by_index() -> None:
    shuffled = frame_of({"alice": TALK, "long": TALK * 501}).sample(frac=1, random_state=1)
    found = {name: [] for name in ("alice", "long")}  # type: dict[str, list[str]]
    for name, start, records in FrameSource(shuffled).read_many(found):
        assert start == len(found[name])
        found[name] += records
    assert found == {"alice": TALK, "long": TALK * 501}


def test_other_frames_are_made_of_a_frame() -> None:
    frame = frame_of(ODD)
    pd.testing.assert_frame_equal(to_dataframe(frame), frame)
    assert tool_calls_frame(frame).equals(tool_calls_frame(PlainReader(ODD)))
    assert sessions_frame(frame)["n_messages"].tolist() == [len(records) for records in ODD.values()]


def test_a_frame_is_browsed() -> None:
    frame = frame_of(ODD)
    with kept_comms():
        browser = HistoryBrowser(frame[frame["session_id"] != "odd"])
        page = Page(browser)
        hello = page.ask("hello")
        assert (hello["may"]["write"], hello["service"]) == (False, "DataFrame")
        assert [row["length"] for row in page.ask("sessions")["rows"]] == [4, 1]
        assert len(page.rows("alice")) == 4
        assert [hit.index for hit in browser.find("nine", everywhere=True)] == [2, 3]
        browser.close()


def test_a_frame_is_a_reader_in_both_colours() -> None:
    plain, source = PlainReader(ODD), FrameSource(frame_of(ODD))
    assert isinstance(source, SessionReader)
    names = [*ODD, "nobody"]
    assert list(source.session_ids("b*")) == ["bøb/2"]
    assert source.summaries(names) == plain.summaries(names)
    assert [source.read("alice", *cut) for cut in ((-2,), (1, 3), (9,))] == [TALK[-2:], TALK[1:3], []]
    sync = [
        list(source.session_ids()),
        source.summaries(names),
        list(source.read_many(names)),
        [source.length(name) for name in names],
        source.read(names[0], 1, -1),
    ]
    assert all_of(source, names) == sync


def test_a_change_of_the_frame_after_does_not_change_the_source() -> None:
    frame = frame_of({"alice": TALK})
    source = FrameSource(frame)
    frame["raw"] = "{}"
    assert contents(source) == {"alice": TALK}


BAD = [
    ({"session_id": None}, "session_id"),
    ({"session_id": ""}, "session_id"),
    ({"index": "one"}, "index"),
    ({"role": "wizard", "raw": None}, "role"),
    ({"tool_calls": "{"}, "tool_calls"),
    ({"tool_calls": "5"}, "tool_calls"),
    ({"input_tokens": "many"}, "input_tokens"),
    ({"stored_at": "yesterday"}, "stored_at"),
    ({"raw": "{}"}, "raw"),
]


@pytest.mark.parametrize(("cells", "column"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_cell_is_refused_by_its_row_and_column(
    tmp_path: Path, cells: dict[str, Any], column: str
) -> None:
    frame = frame_of({"alice": TALK})
    for name, value in cells.items():
        frame[name] = frame[name].astype(object)
        frame.loc[2, name] = value
    with pytest.raises(InvalidInputError) as found:
        export(frame, tmp_path / "bad.jsonl", progress=False)
    assert (found.value.field, found.value.position) == (column, 2)
    assert "row 2" in str(found.value)
    assert column in str(found.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("frame", "column"),
    [
        (pd.DataFrame({"session_id": ["s"], "content": ["hi"]}), "raw"),
        (pd.DataFrame({"role": ["user"], "content": ["hi"]}), "session_id"),
        (pd.DataFrame([["s", "user", "a", "b"]], columns=["session_id", "role", "raw", "raw"]), "raw"),
    ],
)
def test_a_frame_of_other_columns_is_refused(tmp_path: Path, frame: pd.DataFrame, column: str) -> None:
    with pytest.raises(InvalidInputError) as found:
        export(frame, tmp_path / "bad.jsonl", progress=False)
    assert found.value.field == column


def test_an_unreadable_record_that_was_edited_is_refused_and_named(tmp_path: Path) -> None:
    frame = frame_of({"odd": ["not JSON about Ada"]})
    frame["content"] = "[NAME]"
    with pytest.raises(InvalidInputError, match=r"row 0 of the frame .*'odd'.*columns were changed"):
        export(frame, tmp_path / "safe.jsonl", progress=False)


def test_what_is_for_stores_is_refused_for_a_frame(tmp_path: Path) -> None:
    frame = frame_of({"alice": TALK})
    with pytest.raises(InvalidInputError, match=r"isin"):
        to_dataframe((frame, ["alice"]))
    report = export(frame, tmp_path / "a.jsonl", progress=False)
    with pytest.raises(InvalidInputError, match="since"):
        export(frame, tmp_path / "b.jsonl", since=report, progress=False)


def test_an_empty_frame_is_an_empty_file(tmp_path: Path) -> None:
    report = export(frame_of({"alice": TALK}).iloc[:0], tmp_path / "none.parquet", progress=False)
    assert report.messages == 0
    assert list(pd.read_parquet(tmp_path / "none.parquet")["content"]) == []


def test_copy_refuses_what_is_no_source() -> None:
    with pytest.raises(InvalidInputError, match="from_store must be"):
        copy_sessions(parse_all(TALK), PlainReader({}))


def test_a_list_of_blocks_in_content_is_stored_as_blocks() -> None:
    blocks = np.array([{"type": "text", "text": "a"}], dtype=object)  # what pandas reads of Parquet
    frame = pd.DataFrame({"session_id": ["s"], "role": ["user"], "content": [blocks]})
    assert parse(FrameSource(frame).read("s")[0]).message.content == [{"type": "text", "text": "a"}]
