"""Conversations that other programs wrote: plain JSON, ShareGPT, and data sets in Parquet."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from chatmem_nb import FileSource, InvalidInputError, Labels, to_dataframe
from chatmem_nb.formats import huggingface, json_file
from chatmem_nb.formats.reading import FileReader
from chatmem_nb.records import encode_all, parse_all

TURNS = [{"role": "user", "content": "When?"}, {"role": "assistant", "content": "At nine.\u2028"}]
SAID = [("human", "When?"), ("ai", "At nine.\u2028")]
SHAREGPT = [{"from": "human", "value": "When?"}, {"from": "gpt", "value": "At nine.\u2028"}]


def written(path: Path, value: Any, **options: Any) -> Path:
    path.write_text(json.dumps(value, **options), encoding="utf-8")
    return path


def built(records: list[str]) -> list[BaseMessage]:
    return [record.message for record in parse_all(records)]


def read(path: Path, format: str | None = None) -> dict[str, list[BaseMessage]]:
    """What `import_file` and `FileSource` read of a file, which is the same."""
    pieces = FileReader(path, format, session_id=path.stem).pieces()
    found: dict[str, list[BaseMessage]] = {}
    for piece in pieces:
        found.setdefault(piece.session_id, []).extend(built(piece.records))
    source = FileSource(path, format=format)
    indexed = {name: built(source.read(name)) for name in source.session_ids()}
    assert indexed == found
    return found


def said(messages: list[BaseMessage]) -> list[tuple[str, str]]:
    return [(message.type, message.text) for message in messages]


FORMS = {
    "an array of conversations": ([{"messages": TURNS}, {"messages": TURNS}], ["chat-1", "chat-2"]),
    "an array of lists of messages": ([TURNS, TURNS], ["chat-1", "chat-2"]),
    "one conversation": ({"messages": TURNS}, ["chat"]),
    "the messages of one conversation": (TURNS, ["chat"]),
    "the turns of one conversation": (SHAREGPT, ["chat"]),
    "ShareGPT": ([{"conversations": SHAREGPT}, {"conversations": SHAREGPT}], ["chat-1", "chat-2"]),
    "ShareGPT with ids": (
        [{"id": "a", "conversations": SHAREGPT}, {"id": 7, "conversations": SHAREGPT}],
        ["a", "7"],
    ),
    "with session ids": (
        [{"session_id": "s", "messages": TURNS}, {"session_id": "t", "messages": TURNS}],
        ["s", "t"],
    ),
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", FORMS)
def test_plain_json_is_read_whatever_its_form(tmp_path: Path, form: str, indent: int | None) -> None:
    value, names = FORMS[form]
    path = written(tmp_path / "chat.json", value, indent=indent, ensure_ascii=indent is None)
    assert {name: said(messages) for name, messages in read(path).items()} == dict.fromkeys(names, SAID)


@pytest.mark.parametrize("form", FORMS)
def test_each_read_gives_the_same_records_without_a_time_that_nobody_wrote(tmp_path: Path, form: str) -> None:
    value, (name, *_) = FORMS[form]
    path = written(tmp_path / "chat.json", value)
    records = FileSource(path).read(name)
    assert records == FileSource(path).read(name)
    assert [record.stored_at for record in parse_all(records)] == [None, None]


def test_labels_of_a_conversation_of_another_program_stay_with_its_messages(tmp_path: Path) -> None:
    path = written(tmp_path / "chat.json", TURNS)
    labels = Labels(tmp_path / "labels.jsonl")
    labels.set("chat", parse_all(FileSource(path).read("chat"))[1], star=True)
    written(path, [{"role": "user", "content": "Hi"}, *TURNS])
    frame = labels.join(to_dataframe(path))
    assert frame["star"].fillna(value=False).tolist() == [False, False, True]


def test_records_in_plain_json_are_read(tmp_path: Path) -> None:
    records = encode_all([HumanMessage("a\nb"), AIMessage("c", response_metadata={"n": 2**70})])
    path = tmp_path / "chat.json"
    path.write_text(
        "\ufeff[\n  " + ",\n\n".join(records) + "\n]\n", encoding="utf-8"
    )  # as LangChain's file history
    assert read(path) == {"chat": built(records)}
    path.write_text("\n".join(records), encoding="utf-8")  # JSON Lines under another name
    assert read(path) == {"chat": built(records)}


def test_compressed_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / "chat.json.gz"
    path.write_bytes(gzip.compress(json.dumps([TURNS]).encode()))
    assert [said(built(FileSource(path).read("chat")))] == [SAID]


def test_entries_that_are_longer_than_what_is_read_at_once_are_read(tmp_path: Path) -> None:
    long = "x" * 2_500_000
    value = [{"messages": [{"role": "user", "content": long}]}, {"messages": TURNS}]
    assert said(read(written(tmp_path / "chat.json", value))["chat-1"]) == [("human", long)]


DAMAGED = {
    "[": "ends before its array",
    '[{"messages": []}': "ends before its array",
    '[{"messages": [}]': "entry 1 of .* is not JSON",
    '[{"messages": []}, 5]': "entry 2 of .* neither an object",
    '[{"messages": []}] [1]': "goes on after the end",
    "[" * 100_000: "entry 1 of .* is nested too deeply|is not JSON",
    '"text"': "entry 1 of .* neither an object",
    '[{"messages": [{"role": "user"}]}]': r"entry 1: message 0: not in OpenAI's form",
    '[{"messages": [{"role": "wizard", "content": "hi"}]}]': "entry 1: message 0",
    '[{"question": "hi"}]': "entry 1 holds no message",
    '[{"conversations": [{"from": 5, "value": "hi"}]}]': "entry 1: message 0",
    '[{"conversations": [{"value": "hi"}]}]': "entry 1: message 0",
}


@pytest.mark.parametrize("text", DAMAGED, ids=lambda text: text[:40])
def test_damaged_json_is_an_error_that_names_the_entry(tmp_path: Path, text: str) -> None:
    path = tmp_path / "chat.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=DAMAGED[text]):
        list(FileReader(path, session_id="chat").pieces())


def test_json_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(json.dumps(TURNS).encode("utf-16"))
    with pytest.raises(InvalidInputError, match="UTF-8"):
        FileReader(path)


def test_an_entry_without_an_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_file, "_LONGEST", 100_000)
    parts = iter([b'[{"a": "', *[b"x" * 50_000] * 400])
    with pytest.raises(InvalidInputError, match=r"entry 1 of .* is not JSON"):
        list(json_file.entry_lines(tmp_path, parts))
    assert len(list(parts)) > 390  # the rest was not read


def test_sharegpt_with_tools_is_read_as_calls_and_results(tmp_path: Path) -> None:
    value = {
        "system": "Be brief.",
        "tools": "[...]",
        "conversations": [
            {"from": "human", "value": "When?"},
            {"from": "function_call", "value": '{"name": "ferry", "arguments": {"to": "Wien"}}'},
            {"from": "observation", "value": "at nine"},
            {"from": "function_call", "value": '[{"name": "a", "arguments": "{}"}, {"name": "b"}]'},
            {"from": "observation", "value": "1"},
            {"from": "observation", "value": "2"},
            {"from": "observation", "value": "of no call"},
            {"from": "function_call", "value": "no JSON"},
            {"from": "gpt", "value": None},
        ],
    }
    (messages,) = read(written(tmp_path / "chat.json", [value])).values()
    system, human, first, result, both, *results, text, last = messages
    assert (system, human) == (SystemMessage("Be brief.", id=system.id), HumanMessage("When?", id=human.id))
    assert isinstance(first, AIMessage)
    assert [(call["name"], call["args"], call["id"]) for call in first.tool_calls] == [
        ("ferry", {"to": "Wien"}, "call-0")
    ]
    assert isinstance(result, ToolMessage)
    assert (result.text, result.tool_call_id, result.name) == ("at nine", "call-0", "ferry")
    assert isinstance(both, AIMessage)
    assert [call["id"] for call in both.tool_calls] == ["call-1", "call-2"]
    assert [(item.text, getattr(item, "tool_call_id", None)) for item in results] == [
        ("1", "call-1"),
        ("2", "call-2"),
        ("of no call", ""),
    ]
    assert said([text, last]) == [("ai", "no JSON"), ("ai", "")]


def test_sharegpt_is_read_in_jsonl_too(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(json.dumps({"conversations": SHAREGPT}) + "\n" for _ in range(2)))
    assert {name: said(messages) for name, messages in read(path).items()} == {"chat-1": SAID, "chat-2": SAID}


CALLS = [
    {"role": "user", "content": "When?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"n": 1}'}}],
    },
    {"role": "tool", "content": "at nine", "tool_call_id": "c"},
]


@pytest.mark.parametrize("format", [None, "huggingface"])
def test_a_data_set_in_parquet_is_read(tmp_path: Path, format: str | None) -> None:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.Table.from_pylist([{"messages": TURNS, "score": 1.0}, {"messages": CALLS}]), path)
    found = read(path, format)
    assert said(found["train-1"]) == SAID
    _, call, result = found["train-2"]
    assert isinstance(call, AIMessage)
    assert call.tool_calls[0]["args"] == {"n": 1}
    assert isinstance(result, ToolMessage)
    assert result.tool_call_id == "c"


def test_arguments_that_are_objects_lose_the_keys_of_others(tmp_path: Path) -> None:
    def calling(arguments: dict[str, Any]) -> dict[str, Any]:
        calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]
        return {"messages": [{"role": "assistant", "content": "", "tool_calls": calls}]}

    path = tmp_path / "train.parquet"
    pq.write_table(pa.Table.from_pylist([calling({"n": 1}), calling({"q": "x"})]), path)
    calls = [messages[0].tool_calls[0]["args"] for messages in read(path).values()]
    assert calls == [{"n": 1}, {"q": "x"}]


def test_sharegpt_in_parquet_is_read_with_its_ids(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.Table.from_pylist([{"id": 7, "conversations": SHAREGPT}]), path)
    assert said(read(path)["7"]) == SAID


@pytest.mark.slow
def test_a_data_set_of_more_values_than_memory_should_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface, "SMALL", 10_000_000)
    path = tmp_path / "train.parquet"
    turns = pa.repeat(pa.scalar({"role": "user", "content": "x"}), 1_500_000)
    rows = pa.ListArray.from_arrays(pa.array([0, len(turns)], pa.int32()), turns)
    pq.write_table(pa.table({"messages": rows}), path)
    assert path.stat().st_size < 20_000
    with pytest.raises(InvalidInputError, match="unpacks to more than"):
        FileReader(path, session_id="train")


def test_parquet_without_conversations_is_refused_as_a_data_set(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"text": ["a"]}), path)
    with pytest.raises(InvalidInputError, match=r"no column `messages`.*'text'"):
        FileReader(path, "huggingface")
    path.write_bytes(b"PAR1")
    with pytest.raises(InvalidInputError, match="cannot be read as Parquet"):
        FileReader(path, "huggingface")
