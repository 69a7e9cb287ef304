"""Files of conversations as sessions, in each format: whole, damaged, large, and changed meanwhile."""

from __future__ import annotations

import gzip
import inspect
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import (
    FileSource,
    HistoryBrowser,
    InvalidInputError,
    copy_sessions,
    sessions_frame,
    to_dataframe,
)
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import messages_of, parse_all
from chatmem_nb.stores.protocol import SessionReader, SessionStore
from tests.colours import ColouredSource
from tests.exported_talks import FORMATS, ODD, RECORDS, TALKS, exported, read
from tests.plain_reader import PlainReader
from tests.wire.browser_page import Page, kept_comms


@pytest.mark.parametrize("format", FORMATS)
def test_what_was_exported_is_read_in_place_byte_for_byte(tmp_path: Path, colour: str, format: str) -> None:
    path = exported(tmp_path / f"talks.{format}", ODD)
    with ColouredSource(FileSource(path), colour) as source:
        assert list(source.session_ids()) == list(ODD)
        assert list(source.session_ids("b*")) == ["bøb/2"]
        assert {name: source.read(name) for name in ODD} == ODD
        assert list(source.read_many(["odd", "nobody", "alice"])) == [
            ("odd", 0, ODD["odd"]),
            ("alice", 0, ODD["alice"]),
        ]


@pytest.mark.parametrize("format", FORMATS)
def test_slices_and_summaries_are_those_of_a_store(tmp_path: Path, colour: str, format: str) -> None:
    path = exported(tmp_path / f"talks.{format}")
    alice = RECORDS["alice"]
    with ColouredSource(FileSource(path), colour) as source:
        for start, stop in [(0, None), (1, 3), (-2, None), (-3, -1), (2, 2), (0, 99), (7, None)]:
            assert source.read("alice", start, stop) == alice[start:stop]
        assert [source.length(name) for name in ("alice", "bøb/2", "nobody")] == [4, 1, 0]
        found = source.summaries(["bøb/2", "nobody", "alice", "alice"])
        assert [summary.length for summary in found] == [1, 0, 4, 4]
        assert (found[2].first, found[2].last) == (alice[0], alice[-1])
        assert (found[1].first, found[1].last) == (None, None)
        with pytest.raises(InvalidInputError):
            source.read("")
        with pytest.raises(InvalidInputError):
            source.read("alice", "1")


def test_conversations_of_openai_are_sessions(tmp_path: Path, colour: str) -> None:
    path = tmp_path / "chats.jsonl"
    exported(path, format="openai")
    with ColouredSource(FileSource(path), colour) as source:
        assert list(source.session_ids()) == list(TALKS)
        assert [message.content for message in messages_of(source.read("alice"), "alice")] == [
            message.content for message in TALKS["alice"]
        ]
        assert parse_all(source.read("alice", 1, 2))[0].message.tool_calls[0]["id"] == "c1"


def test_conversations_without_an_id_have_the_number_of_their_line(tmp_path: Path) -> None:
    def conversation(text: Any) -> str:
        return json.dumps({"messages": [{"role": "user", "content": text}]}) + "\n"

    path = tmp_path / "chat.jsonl"
    path.write_text(conversation("one"))
    assert list(FileSource(path).session_ids()) == ["chat"]
    path.write_text(conversation("one") + "\n" + conversation("two"))
    assert list(FileSource(path).session_ids()) == ["chat-1", "chat-3"]


def test_a_bad_message_of_a_conversation_hides_no_other(tmp_path: Path) -> None:
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "nobody"},
        7,
        {"role": "user", "content": "there"},
    ]
    path = tmp_path / "chat.jsonl"
    path.write_text(json.dumps({"session_id": "a", "messages": messages}) + "\n")
    records = parse_all(FileSource(path).read("a"))
    assert [record.error is None for record in records] == [True, False, False, True]
    assert "OpenAI's form" in str(records[1].error)


@pytest.mark.parametrize("options", [{"partition_by": ["role"]}, {"partition_by": ["session_id"]}])
def test_a_folder_of_parquet_is_one_source(tmp_path: Path, options: Any) -> None:
    path = exported(tmp_path / "talks.parquet", **options)
    assert path.is_dir()
    assert read(path) == RECORDS


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("as_text", [True, False])
def test_a_path_is_browsed_and_framed_in_one_line(
    tmp_path: Path, format: str, as_text: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    exported(tmp_path / f"talks.{format}")
    path: Any = f"~/talks.{format}" if as_text else Path("~") / f"talks.{format}"
    assert to_dataframe(path)["raw"].tolist() == [raw for raws in RECORDS.values() for raw in raws]
    assert to_dataframe((path, ["bøb/2"]))["content"].tolist() == ["hello"]
    assert sessions_frame(path)["n_messages"].tolist() == [4, 1]
    with kept_comms():
        browser = HistoryBrowser(path)
        page = Page(browser)
        hello = page.ask("hello")
        assert (hello["may"]["write"], hello["service"], hello["target"]) == (
            False,
            "File",
            f"talks.{format}",
        )
        assert [row["length"] for row in page.ask("sessions")["rows"]] == [4, 1]
        assert len(page.rows("alice")) == 4
        assert [hit.index for hit in browser.find("ferry", everywhere=True)] == [0, 1]
        browser.close()


def test_a_file_is_copied_to_a_store(tmp_path: Path) -> None:
    source = FileSource(exported(tmp_path / "talks.jsonl"))
    with LocalUpstash() as server, server.store() as store:
        assert copy_sessions(source, store, progress=False)["action"].tolist() == ["create", "create"]
        assert {name: store.read(name) for name in RECORDS} == RECORDS


def test_rows_that_were_edited_are_rebuilt_and_sorted_by_index(tmp_path: Path) -> None:
    frame = to_dataframe(PlainReader(RECORDS))
    frame.loc[frame["content"] == "hello", "content"] = "good morning"
    frame.iloc[::-1].to_parquet(tmp_path / "edited.parquet")
    frame.iloc[::-1].to_csv(tmp_path / "edited.csv", index=False)
    for name in ("edited.parquet", "edited.csv"):
        found = read(tmp_path / name)
        assert found["alice"] == RECORDS["alice"]
        assert parse_all(found["bøb/2"])[0].message == HumanMessage("good morning")


def test_a_table_of_others_is_read_by_role_and_content(tmp_path: Path) -> None:
    frame = pd.DataFrame({"role": ["user", "assistant"], "content": ["hi", "hello"]})
    frame.to_parquet(tmp_path / "chat.parquet")
    frame.to_csv(tmp_path / "chat.csv", index=False)
    for name in ("chat.parquet", "chat.csv"):
        assert to_dataframe(tmp_path / name)["content"].tolist() == ["hi", "hello"]
        assert list(FileSource(tmp_path / name).session_ids()) == ["chat"]


@pytest.mark.parametrize("path", ["nothing.parquet", "nothing.jsonl", Path("nothing")])
def test_a_file_that_does_not_exist_is_told_at_once(path: Any) -> None:
    for take in (FileSource, to_dataframe, HistoryBrowser):
        with pytest.raises(FileNotFoundError, match="there is no file"):
            take(path)


@pytest.mark.parametrize("path", [None, "", 7, b"a.jsonl"])
def test_invalid_paths_are_rejected(path: Any) -> None:
    with pytest.raises(InvalidInputError):
        FileSource(path)


def test_formats_for_people_are_rejected(tmp_path: Path) -> None:
    path = exported(tmp_path / "talks.html")
    with pytest.raises(InvalidInputError, match="for people to read"):
        FileSource(path)
    with pytest.raises(InvalidInputError, match="names no format"):
        FileSource(exported(tmp_path / "talks.jsonl").rename(tmp_path / "talks.txt"))
    assert FileSource(tmp_path / "talks.txt", format="jsonl").length("alice") == 4


# What it is, and what it costs


def test_a_file_is_a_reader_and_no_store_and_can_be_sent_to_another_process(tmp_path: Path) -> None:
    source = FileSource(exported(tmp_path / "talks.csv"))
    assert isinstance(source, SessionReader)
    assert not isinstance(source, SessionStore)
    for name in ("session_ids", "summaries", "length", "read", "read_many"):
        sync, twin = getattr(FileSource, name), getattr(FileSource, f"a{name}")
        assert inspect.signature(sync).parameters == inspect.signature(twin).parameters
        assert sync.__doc__ == twin.__doc__
    assert source.length("alice") == 4
    assert pickle.loads(pickle.dumps(source)).read("alice") == RECORDS["alice"]


def test_progress_is_shown_while_the_index_is_built(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for format in FORMATS:
        path = exported(tmp_path / f"talks.{format}")
        assert FileSource(path, progress=True).length("alice") == 4
        assert "100%" in capfd.readouterr().err
        assert FileSource(path).length("alice") == 4
        assert capfd.readouterr().err == ""


LARGE = """
import sys
from chatmem_nb import FileSource
from tests.peak_memory import peak_mb

import chatmem_nb.formats.access
source = FileSource(sys.argv[1])
before = peak_mb()
names = list(source.session_ids())
assert len(names) == 101, len(names)
assert source.length("long") == 50_000
assert len(source.read("long", 40_000, 40_100)) == 100
assert [summary.length for summary in source.summaries(names[:3])] == [500, 500, 500]
n_records = n_bytes = 0
for name, start, records in source.read_many(names):
    n_records += len(records)
    n_bytes += sum(map(len, records))
assert n_records == 100_000, n_records
print(peak_mb() - before, n_bytes // 2**20)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100,000 messages of 2 KB: a hundred sessions of 500, and one of 50,000."""
    folder = tmp_path_factory.mktemp("large")
    rows = [(f"s{number}", index) for number in range(100) for index in range(500)]
    rows += [("long", index) for index in range(50_000)]
    text = os.urandom(900).hex()
    record = '{"type": "human", "data": {"content": "%s %d"}}'
    with (folder / "all.jsonl").open("w") as file, (folder / "all.csv").open("w", newline="") as table:
        table.write("session_id,index,raw\r\n")
        for name, index in rows:
            raw = record % (text, index)
            file.write(f'{{"session_id": "{name}", "index": {index}, {raw[1:]}\n')
            quoted = raw.replace('"', '""')
            table.write(f'{name},{index},"{quoted}"\r\n')
    with (folder / "all.jsonl").open("rb") as file, gzip.open(folder / "all.jsonl.gz", "wb", 1) as packed:
        shutil.copyfileobj(file, packed)
    columns = {"session_id": [name for name, _ in rows], "index": [index for _, index in rows]}
    columns["raw"] = [record % (text, index) for _, index in rows]
    pq.write_table(pa.table(columns), folder / "all.parquet", row_group_size=20_000, compression="zstd")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_of_100_000_messages_is_read_in_bounded_memory(large: Path, format: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(large / f"all.{format}")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    grown, whole = map(int, done.stdout.split())
    assert whole > 170
    assert grown < 120, f"{grown} MB for a file of {whole} MB"
