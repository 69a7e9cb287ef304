"""Lines of JSON are known for what they hold, and what is wrong with one is said of its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from chatmem_nb import InvalidInputError
from chatmem_nb.formats.openai_jsonl import conversation
from chatmem_nb.formats.reading import FileReader
from chatmem_nb.records import encode_all, parse, parse_all

TALK = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


def sessions(path: Path, session_id: str | None = None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for piece in FileReader(path, session_id=session_id).pieces():
        found.setdefault(piece.session_id, []).extend(piece.records)
    return found


def lines(path: Path, *values: Any) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def test_messages_may_stand_anywhere_in_a_line(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": "x" * 2_000}}]
    path = lines(tmp_path / "x.jsonl", {"tools": tools, "session_id": "s", "messages": TALK})
    assert [parse(raw).message.content for raw in sessions(path)["s"]] == ["hi", "hello"]


def test_a_record_with_a_key_messages_is_still_a_record(tmp_path: Path) -> None:
    value = {"type": "human", "data": {"content": "hi"}, "messages": []}
    assert [json.loads(raw) for raw in sessions(lines(tmp_path / "x.jsonl", value), "s")["s"]] == [value]


def test_conversations_without_ids_become_a_session_each(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", {"messages": TALK}, {"session_id": "own", "messages": TALK},
                 {"messages": TALK[:1]}, {"messages": TALK})  # fmt: skip
    found = sessions(path, "ft")
    assert {name: len(records) for name, records in found.items()} == {
        "own": 2, "ft-1": 2, "ft-3": 1, "ft-4": 2}  # fmt: skip
    assert list(sessions(lines(path, {"messages": TALK}), "ft")) == ["ft"]


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        (b'{"type": "human", "data": {"content": "a"}}\nnot json\n', 2, None),
        (b'{"type": "human", "data": {"content": "a"}}\n{"session_id": 5, "raw": ""}\n', 2, "session_id"),
        (b'{"messages": [{"role": "user", "content": "a"}, {"role": "pirate", "content": "b"}]}\n', 1, None),
        (b"\xef\xbb\xbf[]\n", 1, None),
        (b'{"raw": "a"}\n{"raw": "\xff"}\n', 2, None),
        ('{"raw": "a"}\n'.encode("utf-16"), 1, None),
    ],
)
def test_what_is_wrong_with_a_line_is_said_of_it(
    tmp_path: Path, content: bytes, line: int, field: str | None
) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(InvalidInputError) as found:
        sessions(tmp_path / "x.jsonl", "s")
    assert (found.value.line, found.value.field) == (line, field)


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b'\xef\xbb\xbf{"session_id": "s", "raw": "a"}\n')
    assert sessions(tmp_path / "x.jsonl") == {"s": ["a"]}


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        (b"session_id,raw\ns,a\ns,a,b\n", 3, None),
        (b"session_id,raw\ns\n", 2, None),
        (b"session_id,index,raw\ns,abc,a\n", 2, "index"),
        (b"raw,raw\na,b\n", 1, "raw"),
        (b'session_id,raw\ns,"a\n', 2, None),
        (b"session_id,raw\ns,\xff\n", 2, None),
    ],
)
def test_what_is_wrong_with_a_row_is_said_of_its_line(
    tmp_path: Path, content: bytes, line: int, field: str | None
) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(InvalidInputError) as found:
        sessions(tmp_path / "x.csv")
    assert (found.value.line, found.value.field) == (line, field)


def test_a_folder_is_not_a_file_of_lines(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").mkdir()
    with pytest.raises(InvalidInputError, match="is a folder"):
        FileReader(tmp_path / "x.jsonl")


PROVIDERS = json.loads(Path(__file__).with_name("provider_messages.json").read_text(encoding="utf-8"))


def test_calls_are_taken_from_tool_calls_where_blocks_are_the_providers_own() -> None:
    own = PROVIDERS["openai responses, responses/v1"]
    server = ("web_search_call", "code_interpreter_call", "mcp_call")
    content = [block for block in own["content"] if block["type"] not in server]
    said = AIMessage(content, tool_calls=own["tool_calls"], invalid_tool_calls=own["invalid_tool_calls"])
    results = [ToolMessage("x", tool_call_id=f"call_{n}") for n in (1, 3, 2)]
    found = conversation(parse_all(encode_all([HumanMessage("hi"), said, *results])))
    calls = {call["id"]: call["function"]["arguments"] for call in found[1]["tool_calls"]}
    assert calls == {"call_1": '{"city": "Vienna"}', "call_2": '{"city":', "call_3": '{"__arg1": "ls"}'}
    assert found[1]["content"][0]["text"] == "Let me see."
