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
from array import array
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from chatmem_nb import (
    FileSource,
    HistoryBrowser,
    InvalidInputError,
    Labels,
    StoreConflictError,
    StoreError,
    copy_sessions,
    export,
    sessions_frame,
    to_dataframe,
)
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all, messages_of, parse_all
from chatmem_nb.stores.protocol import SessionReader, SessionStore
from tests.colours import Coloured
from tests.plain_reader import PlainReader
from tests.wire.browser_page import Page, kept_comms

CALL = {"name": "search", "args": {"q": "ferry"}, "id": "c1"}
TALKS = {
    "alice": [
        HumanMessage("When does the ferry, the first,\nleave?"),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage("at nine", tool_call_id="c1", name="search"),
        AIMessage("=At nine ⛴"),
    ],
    "bøb/2": [HumanMessage("hello")],
}
RECORDS = {name: encode_all(messages) for name, messages in TALKS.items()}
ODD = {**RECORDS, "odd": ["not JSON", '{"type": "human"}', '{"a":\n1}', "[]"]}
FORMATS = ["parquet", "jsonl", "csv", "jsonl.gz"]


class Twins(Coloured):
    """A source behind one face, in either colour. It has nothing to close."""

    def end(self) -> None:
        self._runner.close()


def exported(path: Path, sessions: dict[str, list[str]] = RECORDS, **options: Any) -> Path:
    export(PlainReader(sessions), path, progress=False, **options)
    return path


def read(path: Path) -> dict[str, list[str]]:
    source = FileSource(path)
    return {name: source.read(name) for name in source.session_ids()}


@pytest.mark.parametrize("format", FORMATS)
def test_what_was_exported_is_read_in_place_byte_for_byte(tmp_path: Path, colour: str, format: str) -> None:
    path = exported(tmp_path / f"talks.{format}", ODD)
    with Twins(FileSource(path), colour) as source:
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
    with Twins(FileSource(path), colour) as source:
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
    with Twins(FileSource(path), colour) as source:
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


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_labels_in_a_file_are_no_messages(tmp_path: Path, format: str) -> None:
    labels = Labels(tmp_path / "labels.jsonl")
    labels.set("alice", note="a good one")
    labels.set("alice", parse_all(RECORDS["alice"])[1], star=True)
    assert read(exported(tmp_path / f"talks.{format}", labels=labels)) == RECORDS


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "chats.index"


@pytest.fixture
def labelled(tmp_path: Path) -> Labels:
    labels = Labels(tmp_path / "labels.jsonl", tags=["wrong"], author="ann")
    labels.set("alice", parse_all(RECORDS["alice"])[1], add=["wrong"], note="It is at ten.")
    labels.set("bøb/2", star=True)
    return labels


@pytest.mark.parametrize("name", ["talks.parquet", "talks.jsonl", "talks.jsonl.gz"])
def test_labels_in_a_file_are_shown_and_cannot_be_changed(
    tmp_path: Path, labelled: Labels, name: str, kept: Path
) -> None:
    path = exported(tmp_path / name, labels=labelled)
    before = path.read_bytes()
    for _ in range(2):  # the second time from the index
        with kept_comms():
            browser = HistoryBrowser(FileSource(path, index=kept))
            page = Page(browser)
            assert page.ask("hello")["palette"] is None
            rows = {row["session_id"]: row for row in page.ask("sessions")["rows"]}
            assert rows["bøb/2"]["label"]["star"] is True
            assert (rows["alice"].get("label"), rows["alice"]["labelled"]) == (None, 1)
            shown = [row.get("label") for row in page.rows("alice")]
            assert [row is None for row in shown] == [True, False, True, True]
            assert {"tags": ["wrong"], "note": "It is at ten.", "author": "ann"}.items() <= shown[1].items()
            starred = page.ask("sessions", label="star")["rows"]
            assert [row["session_id"] for row in starred] == ["bøb/2"]
            refused = page.refused("label", **page.message("alice", 0), star=True)
            assert refused.type == "not_allowed"
            assert browser.labels is None
            browser.close()
    assert path.read_bytes() == before


def test_labels_that_are_given_are_shown_instead_of_those_in_the_file(
    tmp_path: Path, labelled: Labels
) -> None:
    path = exported(tmp_path / "talks.jsonl", labels=labelled)
    with kept_comms():
        browser = HistoryBrowser(str(path), labels=Labels(tmp_path / "mine.jsonl"))
        page = Page(browser)
        assert [row.get("label") for row in page.rows("alice")] == [None] * 4
        assert page.ask("label", **page.message("alice", 0), star=True)["label"]["star"]
        browser.connect(PlainReader(RECORDS))
        assert page.ask("sessions")["rows"][0]["labelled"] == 1
        browser.close()


def test_labels_of_a_file_do_not_show_on_another_source(tmp_path: Path, labelled: Labels) -> None:
    path = exported(tmp_path / "talks.jsonl", labels=labelled)
    with kept_comms():
        browser = HistoryBrowser(str(path))
        page = Page(browser)
        assert page.ask("sessions")["rows"][0]["labelled"] == 1
        browser.connect(PlainReader(RECORDS))
        assert [row.get("labelled") for row in page.ask("sessions")["rows"]] == [None, None]
        browser.close()


def test_made_up_labels_hide_no_message(tmp_path: Path, labelled: Labels) -> None:
    path = exported(tmp_path / "talks.jsonl", labels=labelled)
    made_up: list[Any] = [{}, {"star": 1}, {"message": 5}, {"add": [[]], "note": {}}, {"message": {"id": []}}]
    lines = [json.dumps({"session_id": name, "label": label}) for label in made_up for name in ("alice", 5)]
    path.write_text(path.read_text() + "\n".join(lines) + "\n")
    with kept_comms():
        browser = HistoryBrowser(str(path))
        page = Page(browser)
        assert [row.get("label") is None for row in page.rows("alice")] == [True, False, True, True]
        browser.close()


def test_a_table_of_others_is_read_by_role_and_content(tmp_path: Path) -> None:
    frame = pd.DataFrame({"role": ["user", "assistant"], "content": ["hi", "hello"]})
    frame.to_parquet(tmp_path / "chat.parquet")
    frame.to_csv(tmp_path / "chat.csv", index=False)
    for name in ("chat.parquet", "chat.csv"):
        assert to_dataframe(tmp_path / name)["content"].tolist() == ["hi", "hello"]
        assert list(FileSource(tmp_path / name).session_ids()) == ["chat"]


# Bad input


def test_other_columns_are_named_with_what_is_missing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"speaker": ["a"], "text": ["hi"]})
    frame.to_parquet(tmp_path / "chat.parquet")
    frame.to_csv(tmp_path / "chat.csv", index=False)
    for name in ("chat.parquet", "chat.csv"):
        with pytest.raises(
            InvalidInputError, match=r"its columns are 'speaker', 'text'; missing is `raw`, or"
        ):
            to_dataframe(tmp_path / name)
    (tmp_path / "chat.jsonl").write_text('{"speaker": "a"}\n')
    with pytest.raises(InvalidInputError, match="first line has the keys 'speaker'"):
        to_dataframe(tmp_path / "chat.jsonl")


def test_a_column_of_another_type_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"raw": [{"a": 1}]}), tmp_path / "chat.parquet")
    with pytest.raises(InvalidInputError, match="column `raw` is struct") as failed:
        to_dataframe(tmp_path / "chat.parquet")
    assert failed.value.field == "raw"


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_file_is_an_error_that_says_so(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"empty.{format}"
    path.touch()
    with pytest.raises(InvalidInputError, match="is empty"):
        to_dataframe(path)


@pytest.mark.parametrize("kept", [4, 100, -1, -9])
def test_a_truncated_footer_is_an_error_that_says_so(tmp_path: Path, kept: int) -> None:
    path = exported(tmp_path / "talks.parquet")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        InvalidInputError, match=r"cannot be read as Parquet.*was it copied or downloaded whole"
    ):
        to_dataframe(path)


def test_a_damaged_file_of_a_folder_hides_no_other(tmp_path: Path) -> None:
    path = exported(tmp_path / "talks.parquet", partition_by=["session_id"])
    damaged = next((path / "session_id=alice").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:50])
    source = FileSource(path)
    assert source.read("bøb/2") == RECORDS["bøb/2"]
    [record] = parse_all(source.read("talks"))
    assert "cannot be read as Parquet" in str(record.error)


def test_a_damaged_row_group_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "talks.parquet"
    names = [f"s{number}" for number in range(30)]
    raws = encode_all([HumanMessage(f"{number} {os.urandom(200).hex()}") for number in range(30)])
    pq.write_table(
        pa.table({"session_id": names, "index": [0] * 30, "raw": raws}),
        path,
        row_group_size=10,
        compression="zstd",
    )
    column = pq.read_metadata(path).row_group(1).column(2)
    data = bytearray(path.read_bytes())
    begin = column.dictionary_page_offset or column.data_page_offset
    data[begin : begin + column.total_compressed_size] = b"\0" * column.total_compressed_size
    path.write_bytes(data)
    source = FileSource(path)
    assert source.read("s3") + source.read("s25") == [raws[3], raws[25]]
    [record] = parse_all(source.read("s15"))
    assert "row group 1 cannot be read" in str(record.error)
    assert to_dataframe(path)["error"].notna().sum() == 10


def test_a_damaged_line_keeps_its_place_and_hides_no_other(tmp_path: Path, colour: str) -> None:
    path = exported(tmp_path / "talks.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1][:60] + b"\n"
    lines[2] = b"{broken\xff\n"
    path.write_bytes(b"".join(lines)[:-20])
    with Twins(FileSource(path), colour) as source:
        assert list(source.session_ids()) == list(RECORDS)
        alice = source.read("alice")
        assert [alice[0], alice[3]] == [RECORDS["alice"][0], RECORDS["alice"][3]]
        errors = [record.error for record in parse_all(alice + source.read("bøb/2"))]
        assert [error is None for error in errors] == [True, False, False, True, False]
        assert "not UTF-8" in str(errors[2])


def test_a_damaged_row_of_csv_hides_no_other(tmp_path: Path, colour: str) -> None:
    names = [f"s{number}" for number in range(6)]
    sessions = {name: encode_all([HumanMessage(f"{name}\nhas lines, and\r\ncommas")]) for name in names}
    path = exported(tmp_path / "talks.csv", sessions, columns=["session_id", "index", "content", "raw"])
    with path.open(newline="", encoding="utf-8-sig") as file:
        text = file.read()
    text = text.replace('s1,0,"', 's1,0,"x" "', 1).replace("s3,0,", "s3,0,0,", 1)
    path.write_bytes(text.encode() + b's6,0,"never ends\ns7,\xff,,\n')
    with Twins(FileSource(path), colour) as source:
        good = {name: source.read(name)[:1] for name in ("s0", "s2", "s4", "s5")}
        assert good == {name: sessions[name] for name in good}
        errors = [record.error for name in source.session_ids() for record in parse_all(source.read(name))]
        assert sum(error is None for error in errors) == 4
        assert any("UTF-8" in str(error) for error in errors)
        assert any("cells, and the header 4" in str(error) for error in errors)


def test_utf_16_is_told(tmp_path: Path) -> None:
    path = tmp_path / "talks.jsonl"
    path.write_text(exported(tmp_path / "a.jsonl").read_text(encoding="utf-8"), encoding="utf-16")
    with pytest.raises(InvalidInputError, match="UTF-16; convert"):
        to_dataframe(path)


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_was_changed_is_not_read_by_an_old_index(
    tmp_path: Path, colour: str, format: str
) -> None:
    path = exported(tmp_path / f"talks.{format}")
    with Twins(FileSource(path), colour) as source:
        assert source.length("alice") == 4
        exported(path, {"bøb/2": RECORDS["bøb/2"]})
        for verb, argument in [("read", "alice"), ("length", "alice"), ("summaries", ["alice"])]:
            with pytest.raises(StoreConflictError, match=r"changed since it was indexed; open it again"):
                getattr(source, verb)(argument)
        path.unlink()
        with pytest.raises(StoreError, match="cannot read"):
            source.read("alice")
    exported(path)
    assert read(path) == RECORDS


@pytest.mark.parametrize("format", FORMATS)
def test_an_index_that_was_kept_is_read_instead_of_the_file(
    tmp_path: Path, kept: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exported(tmp_path / f"chats.{format}", ODD)
    first = FileSource(path, index=kept, progress=True)
    found = {name: first.read(name) for name in first.session_ids()}
    assert "index" in capsys.readouterr().err
    kept_bytes, written = kept.read_bytes(), kept.stat().st_mtime_ns
    again = pickle.loads(pickle.dumps(FileSource(path, index=kept, progress=True)))
    again._progress = True
    assert {name: again.read(name) for name in again.session_ids()} == found
    assert list(found) == list(ODD)
    assert capsys.readouterr().err == ""
    assert (kept.read_bytes(), kept.stat().st_mtime_ns) == (kept_bytes, written)
    assert b"ferry" not in kept_bytes


def test_the_index_of_another_state_is_made_anew(tmp_path: Path, kept: Path) -> None:
    path = exported(tmp_path / "chats.jsonl")
    assert FileSource(path, index=kept).length("alice") == 4
    before = kept.read_bytes()
    with path.open("a") as file:
        file.write(path.read_text().splitlines()[0] + "\n")
    assert FileSource(path, index=kept).length("alice") == 5
    assert kept.read_bytes() != before
    os.utime(path, ns=(1, 1))
    FileSource(path, index=kept).length("alice")
    assert b"1]]" in kept.read_bytes()
    other = exported(tmp_path / "other.jsonl", {"zoe": RECORDS["alice"]})
    assert list(FileSource(other, index=kept).session_ids()) == ["zoe"]


def test_a_damaged_or_hostile_index_is_made_anew(tmp_path: Path, kept: Path) -> None:
    path = exported(tmp_path / "chats.jsonl")
    FileSource(path, index=kept).length("alice")
    good = kept.read_bytes()
    header, body = good.split(b"\n", 1)
    said = json.loads(header)

    def written(body: bytes = body, **changes: Any) -> bytes:
        digest = blake2b(body).hexdigest()
        text = json.dumps({**said, "digest": digest, **changes}, separators=(",", ":"))
        return text.encode() + b"\n" + body

    names = body[: said["names"]]
    counts, places = body[len(names) :][:16], body[len(names) + 16 :]
    assert written() == good
    for hostile in [
        good[:-1],
        good + b"\0",
        good[:60],
        header[:40] + b"\xff",
        header,
        good.replace(places, places[::-1]),
        written(sessions=2**60, names=2**60, records=2**60),
        written(sessions=-1),
        written(records=True),
        written(byteorder="middle"),
        written(b"[" * len(names) + counts + places),
        written(names.replace(b"alice", b"al\0ce").replace(b"b", b"\xff") + counts + places),
        written(names + array("q", [0, 5]).tobytes() + places),
        written(names + array("q", [2**62, 2**62]).tobytes() + places),
        written(names + counts + array("q", [-1] * 5).tobytes()),
        written(names + counts + array("q", [2**62] * 5).tobytes()),
        b"",
    ]:
        kept.write_bytes(hostile)
        source = FileSource(path, index=kept)
        assert {name: source.read(name) for name in source.session_ids()} == RECORDS
        assert kept.read_bytes() == good


def test_places_that_someone_made_up_read_nothing_but_the_file(tmp_path: Path, kept: Path) -> None:
    path = exported(tmp_path / "chats.jsonl")
    FileSource(path, index=kept).length("alice")
    header, body = kept.read_bytes().split(b"\n", 1)
    said = json.loads(header)
    body = body[:-8] + array("q", [(5 << 20) + 7]).tobytes()
    kept.write_bytes(
        json.dumps({**said, "digest": blake2b(body).hexdigest()}, separators=(",", ":")).encode()
        + b"\n"
        + body
    )
    [raw] = FileSource(path, index=kept).read("bøb/2")
    assert parse_all([raw])[0].error is not None


def test_nothing_but_an_index_is_overwritten(tmp_path: Path) -> None:
    path = exported(tmp_path / "chats.jsonl")
    precious = tmp_path / "precious.txt"
    precious.write_text("not ours")
    for taken in (precious, path, tmp_path):
        with pytest.raises(InvalidInputError, match="not an index of a FileSource") as caught:
            FileSource(path, index=taken).length("alice")
        assert caught.value.field == "index"
    assert precious.read_text() == "not ours"
    with pytest.raises(StoreError, match="cannot write the index"):
        FileSource(path, index=tmp_path / "no folder" / "x.index").length("alice")
    with pytest.raises(InvalidInputError, match="index must name a file"):
        FileSource(path, index=3)  # type: ignore[arg-type]


def test_a_damaged_parquet_file_keeps_no_index(tmp_path: Path, kept: Path) -> None:
    folder = exported(tmp_path / "chats.parquet", partition_by=["session_id"])
    whole = FileSource(folder, index=kept)
    assert whole.length("alice") == 4
    kept.unlink()
    damaged = sorted(folder.rglob("*.parquet"))[-1]
    damaged.write_bytes(b"PAR1")
    source = FileSource(folder, index=kept)
    assert sum(source.length(name) for name in source.session_ids()) > 0
    assert not kept.exists()


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
