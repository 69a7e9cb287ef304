"""Labels stay with their messages, survive crashes and other writers, and say who gave them."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import InvalidInputError, Labels, StoredMessage, to_dataframe
from chatmem_nb.labels.log import LINE_LIMIT
from chatmem_nb.records import encode, parse_all


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.jsonl"


def session(*texts: str) -> list[StoredMessage]:
    return parse_all([encode(HumanMessage(text)) for text in texts])


def bare(*texts: str) -> list[StoredMessage]:
    """Records without a `record_id`, as langchain_community writes them."""
    return parse_all([json.dumps({"type": "human", "data": {"content": text}}) for text in texts])


def without(records: list[StoredMessage], *indexes: int) -> list[StoredMessage]:
    return parse_all([record.raw for record in records if record.index not in indexes])


def notes(labels: Labels, records: list[StoredMessage]) -> dict[int, str]:
    return {index: label.note for index, label in labels.of_session("s", records).messages.items()}


def test_a_label_is_there_when_the_file_is_opened_again(path: Path) -> None:
    records = session("a", "b")
    labels = Labels(path, author="ann")
    labels.set("s", records[1], star=True, add=["wrong", "rude"], note="not so")
    labels.set("s", note="a long one")
    labels.author = "bob"
    labels.set("s", records[1], remove=["rude"], add=["late"])
    found = Labels(path).of_session("s", records)
    Labels(path).refresh()
    again = Labels(path)
    again.refresh()
    found = again.of_session("s", records)
    assert found.session is not None
    assert found.session.note == "a long one"
    label = found.messages[1]
    assert label.star is not None
    assert label.star.author == "ann"
    assert {tag: mark.author for tag, mark in label.tags.items()} == {"wrong": "ann", "late": "bob"}
    assert label.last_mark is not None
    assert label.last_mark.author == "bob"
    assert label.star.at is not None
    assert abs(label.star.at.timestamp() - time.time()) < 60


@pytest.mark.parametrize(
    "given", [{"note": "half an emoji: \ud83d"}, {"add": ["\udc00"]}, {"session_id": "s\ud800", "star": True}]
)
def test_a_label_with_a_lone_surrogate_is_kept(path: Path, given: dict[str, Any]) -> None:
    labels = Labels(path)
    labels.set(**({"session_id": "s"} | given))
    again = Labels(path)
    again.refresh()
    assert list(again) == list(labels) != []
    assert again.skipped_lines == 0
    assert len(again.to_dataframe()) == 1


def test_what_is_taken_away_is_gone(path: Path) -> None:
    [record] = session("a")
    labels = Labels(path)
    labels.set("s", record, star=True, add=["x"], note="n")
    labels.set("s", record, star=False, remove=["x"], note="")
    assert list(labels) == []
    assert len(labels) == 0


@pytest.mark.parametrize("make", [session, bare])
def test_labels_stay_with_their_message_when_others_are_removed(path: Path, make: Any) -> None:
    records = make("a", "b", "c", "d")
    labels = Labels(path)
    for record in records[1:]:
        labels.set("s", record, note=f"of {record.index}", records=records)
    assert notes(labels, without(records, 0, 2)) == {0: "of 1", 1: "of 3"}
    [gone] = labels.of_session("s", without(records, 0, 2)).gone
    assert gone.note == "of 2"
    assert notes(labels, records) == {1: "of 1", 2: "of 2", 3: "of 3"}


def test_equal_messages_are_distinguished(path: Path) -> None:
    records = bare("ok", "x", "ok", "ok")
    labels = Labels(path)
    labels.set("s", records[2], note="second", records=records)
    labels.set("s", records[3], note="third", records=records)
    assert notes(labels, records) == {2: "second", 3: "third"}
    assert notes(labels, without(records, 1)) == {1: "second", 2: "third"}
    assert sorted(notes(labels, without(records, 0)).values()) == ["second", "third"]
    left = labels.of_session("s", without(records, 0, 2))
    assert len(left.messages) == len(left.gone) == 1


def test_of_some_records_nothing_counts_as_gone(path: Path) -> None:
    records = bare("a", "ok", "b", "ok")
    labels = Labels(path)
    labels.set("s", records[0], note="a", records=records)
    labels.set("s", records[3], note="ok", records=records)
    found = labels.of_session("s", records[2:], is_whole=False)
    assert {index: label.note for index, label in found.messages.items()} == {3: "ok"}
    assert found.gone == []


def test_tags_are_of_the_palette(path: Path) -> None:
    [record] = session("a")
    labels = Labels(path, tags={"wrong": "#c00", "good": ""})
    with pytest.raises(InvalidInputError, match="choose from wrong, good"):
        labels.set("s", record, add=["bad"])
    labels.set("s", record, add=["good"])
    other = Labels(path)
    assert other.palette == {"wrong": "#c00", "good": ""}
    with pytest.raises(InvalidInputError, match="no such tags"):
        other.set("s", record, add=["bad"])
    Labels(path, tags=["bad"]).set("s", record, add=["bad"])
    assert list(Labels(path).palette) == ["bad"]


@pytest.mark.parametrize(
    "given",
    [{}, {"add": "wrong"}, {"add": [""]}, {"add": ["x" * 101]}, {"add": [1]}, {"note": "x" * 20_001},
     {"note": 1}, {"star": 1}],
)  # fmt: skip
def test_what_is_no_label_is_refused(path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        Labels(path).set("s", session("a")[0], **given)
    assert not path.exists()


def test_a_session_id_and_a_message_are_checked(path: Path) -> None:
    with pytest.raises(InvalidInputError, match="session_id"):
        Labels(path).set("", star=True)
    with pytest.raises(InvalidInputError, match="StoredMessage"):
        Labels(path).set("s", 3, star=True)


def test_others_are_seen_after_a_refresh(path: Path) -> None:
    [record] = session("a")
    mine, theirs = Labels(path), Labels(path)
    theirs.set("s", record, star=True)
    theirs.set("t", star=True)
    version = mine.version
    assert mine.changed_since(version) == {"s", "t"}
    version = mine.version
    assert mine.changed_since(version) == set()
    theirs.set("t", star=False)
    assert mine.changed_since(version) == {"t"}
    assert mine.sessions() == ["s"]


def test_a_file_that_was_replaced_is_read_anew(path: Path) -> None:
    labels = Labels(path)
    labels.set("s", star=True)
    version = labels.version
    other = path.with_name("other")
    Labels(other).set("t", star=True)
    os.replace(other, path)
    assert labels.changed_since(version) == {"s", "t"}
    assert labels.sessions() == ["t"]
    path.unlink()
    labels.refresh()
    assert labels.sessions() == []


def test_a_torn_last_line_is_skipped_alone(path: Path) -> None:
    labels = Labels(path)
    labels.set("s", note="kept")
    labels.set("t", note="torn")
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        after = Labels(path)
        after.refresh()
        assert [label.note for label in after] == ["kept"]
    after.set("u", note="next")
    again = Labels(path)
    again.refresh()
    assert [label.note for label in again] == ["kept", "next"]
    assert again.skipped_lines == 1


def test_a_line_that_is_still_being_written_is_read_once_it_is_whole(path: Path) -> None:
    source = path.with_name("source")
    Labels(source).set("s", note="late")
    whole = source.read_bytes()
    labels = Labels(path)
    path.write_bytes(whole[:20])
    assert not labels.refresh()
    with path.open("ab") as file:
        file.write(whole[20:])
    assert labels.refresh()
    assert [label.note for label in labels] == ["late"]


def _write_many(path: Path, name: str, start: Any) -> None:
    labels = Labels(path, author=name)
    start.wait()
    for number in range(100):
        labels.set(f"{name}-{number}", note="x" * 3_000)


@pytest.mark.slow
def test_two_processes_lose_no_label(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    writers = [context.Process(target=_write_many, args=(path, name, start)) for name in ("ann", "bob")]
    for writer in writers:
        writer.start()
    start.set()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    labels = Labels(path)
    labels.refresh()
    assert len(labels) == 200
    assert labels.skipped_lines == 0


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_the_file_is_private_and_keeps_the_mode_that_it_is_given(path: Path) -> None:
    Labels(path).set("s", star=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o664)
    Labels(path).set("s", star=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664


def test_paths_that_lead_to_no_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"directory|regular file"):
        Labels(tmp_path).set("s", star=True)
    with pytest.raises(FileNotFoundError, match="cannot open the labels"):
        Labels(tmp_path / "none" / "labels.jsonl").set("s", star=True)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InvalidInputError, match="not a regular file"):
            Labels(tmp_path / "pipe").refresh()


HOSTILE: list[Any] = [
    1, [], "x", None, {}, {"session_id": 5}, {"session_id": ""}, {"session_id": "s", "message": 5},
    {"session_id": "s", "message": {"identity": 5}},
    {"session_id": "s", "message": {"identity": "x", "occurrence": -1}},
    {"session_id": "s" * 20_000, "star": True},
    {"session_id": "s", "message": {"identity": "x", "occurrence": "1"}},
]  # fmt: skip


def test_hostile_lines_are_skipped(path: Path) -> None:
    odd = {
        "session_id": "s",
        "star": "yes",
        "add": "abc",
        "note": 5,
        "at": "9" * 50,
        "author": [1],
        "remove": [{}],
    }
    text = "\n".join(json.dumps(value) for value in [*HOSTILE, odd])
    Labels(path).set("s", note="good")
    with path.open("a") as file:
        file.write(text + "\nnot json\n" + "[" * 100_000 + "\n" + "\x00\n")
    labels = Labels(path)
    labels.refresh()
    assert [label.note for label in labels] == ["good"]
    assert labels.skipped_lines == len(HOSTILE) + 3
    labels.to_dataframe()


def test_a_line_without_end_takes_no_memory(path: Path) -> None:
    Labels(path).set("s", note="before")
    with path.open("ab") as file:
        for _ in range(30):
            file.write(b"x" * LINE_LIMIT)
        file.write(b"\n")
    labels = Labels(path)
    labels.set("s", note="after")
    assert [label.note for label in labels] == ["after"]
    assert labels.skipped_lines == 1


@pytest.mark.parametrize(
    "text",
    [
        "my diary",
        "my diary\n",
        '{"session_id": "s", "index": 0, "raw": "{}"}\n',
        "\x00\x01\n\n",
        "[1]\n[2]\n",
    ],
)
def test_labels_are_not_appended_to_a_file_of_something_else(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=r"something other than labels; give a file of their own"):
        Labels(path).set("s", star=True)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "text", ["", "\n", '{"v": 1, "at": "2026-0', '{"v": 1, "at": "2026-0\n', '\n{"v": 1}\n']
)
def test_labels_go_on_after_what_a_crash_left(path: Path, text: str) -> None:
    path.write_text(text)
    Labels(path).set("s", star=True)
    assert len(Labels(path)) == 1


def test_a_label_that_no_reader_would_take_is_refused(path: Path) -> None:
    with pytest.raises(InvalidInputError, match="at most 1,000,000 bytes"):
        Labels(path).set("s", add=[f"{number:0100}" for number in range(11_000)])
    assert not path.exists()


def test_fields_of_later_versions_are_kept(path: Path) -> None:
    line = {"v": 2, "session_id": "s", "message": {"identity": "id:1"}, "rating": 4, "star": True}
    path.write_text(json.dumps(line) + "\n")
    labels = Labels(path)
    labels.set("s", note="x")
    assert json.loads(path.read_text().splitlines()[0]) == line
    [label] = labels.of_session("s").gone
    assert label.extra == {"rating": 4}


def test_labels_as_a_frame(path: Path) -> None:
    records = session("a", "b")
    labels = Labels(path, author="ann")
    empty = labels.to_dataframe()
    labels.set("s", records[1], star=True, add=["wrong"], note="n")
    labels.set("s", add=["done"])
    frame = labels.to_dataframe()
    assert frame.dtypes.astype(str).tolist() == empty.dtypes.astype(str).tolist()
    assert frame[["label", "value"]].astype(object).where(frame.value.notna(), None).values.tolist() == [
        ["tag", "done"], [None, None], ["tag", "wrong"], ["note", "n"],
    ] or frame["label"].tolist() == ["tag", "star", "tag", "note"]  # fmt: skip
    assert frame["author"].tolist() == ["ann"] * 4
    now = labels.to_dataframe(lambda session_id: without(records, 0))
    assert now["index"].tolist()[1:] == [0, 0, 0]
    assert not now["gone"].any()
    gone = labels.to_dataframe(lambda session_id: without(records, 1))
    assert gone["gone"].tolist() == [False, True, True, True]


def test_labels_join_a_frame_of_messages(path: Path) -> None:
    records = session("a", "b", "c")
    labels = Labels(path, author="ann")
    labels.set("s", records[1], star=True, add=["wrong", "rude"], note="n")
    labels.set("s", note="of the session")
    frame = to_dataframe(records)
    frame["session_id"] = "s"
    joined = labels.join(frame)
    assert joined["star"].tolist() == [False, True, False]
    assert joined["tags"].tolist()[1] == '["wrong","rude"]'
    assert joined["labelled_by"].tolist()[1] == "ann"
    assert set(joined["session_note"]) == {"of the session"}
    assert joined["content"].tolist() == ["a", "b", "c"]
    filtered = labels.join(frame[frame["content"] != "a"])
    assert filtered["note"].dropna().tolist() == ["n"]
    assert filtered.index.tolist() == [1, 2]
    with pytest.raises(InvalidInputError, match="raw"):
        labels.join(frame.drop(columns="raw"))
    with pytest.raises(InvalidInputError, match="already"):
        labels.join(joined)


@pytest.mark.slow
def test_ten_thousand_labels_are_looked_up_at_once(path: Path) -> None:
    """As a ratio: a session among 10,000 labels takes as long as one among ten."""
    records = session(*map(str, range(200)))
    stamp = "2026-03-02T09:00:00+00:00"

    def opened(n: int) -> Labels:
        file = path.with_name(f"{n}.jsonl")
        lines = [
            {"session_id": f"s{i % (n // 10)}", "message": {"identity": f"id:{i}"}, "note": "n", "at": stamp}
            for i in range(n)
        ]
        file.write_text("\n".join(map(json.dumps, lines)) + "\n")
        labels = Labels(file)
        labels.refresh()
        return labels

    def cpu_s(labels: Labels) -> float:
        start = time.thread_time()
        for _ in range(50):
            labels.of_session("s1", records)
        return time.thread_time() - start

    few, many = opened(20), opened(10_000)
    assert len(many) == 10_000
    assert min(cpu_s(many) for _ in range(3)) < 5 * min(cpu_s(few) for _ in range(3))
