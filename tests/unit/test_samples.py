"""Conversations of a file are loaded; a broken line is named, and costs nothing but itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chatmem_nb.local.samples import BrokenLine, Conversation, read_conversations, sample_conversations
from chatmem_nb.records import parse, parse_all

GOOD = {"session_id": "s", "messages": [{"role": "user", "content": "hello"}]}


def load(path: Path, *lines: str) -> list[Conversation | BrokenLine]:
    path.write_text("\n".join(lines), encoding="utf-8")
    return list(read_conversations(path))


def test_the_samples_show_what_there_is_to_see() -> None:
    conversations = {c.session_id: parse_all(c.records) for c in sample_conversations()}
    assert len(conversations) >= 6
    lengths = [len(records) for records in conversations.values()]
    assert min(lengths) == 2
    assert max(lengths) > 500
    bad = [r for records in conversations.values() for r in records if r.error]
    assert len(bad) == 1
    types = {r.type for records in conversations.values() for r in records}
    assert types >= {"human", "ai", "system", "tool"}
    for records in conversations.values():
        stamps = [r.stored_at for r in records if r.stored_at]
        assert stamps == sorted(stamps)
        assert all(r.message for r in records if not r.error)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"session_id": "s", "messages": [', "not JSON"),
        ("[]", "not an object"),
        ('{"messages": []}', "session_id is missing or empty"),
        ('{"session_id": "", "messages": []}', "session_id is missing or empty"),
        ('{"session_id": "s"}', "messages is not a list of objects"),
        ('{"session_id": "s", "messages": ["hello"]}', "messages is not a list of objects"),
        ('{"session_id": "s", "messages": [{"role": "pirate", "content": "x"}]}', "message 0: not in"),
        ('{"session_id": "s", "records": [1]}', "records is not a list of strings"),
        ("\ud83d", "not JSON"),
    ],
)
def test_a_broken_line_is_named_and_the_others_are_loaded(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "data.jsonl"
    good = json.dumps(GOOD)
    file.write_bytes("\n".join([good, "", line, good]).encode("utf-8", "surrogatepass"))
    first, broken, last = read_conversations(file)
    assert isinstance(first, Conversation)
    assert isinstance(last, Conversation)
    assert isinstance(broken, BrokenLine)
    assert broken.line == 3
    assert says in str(broken)


def test_records_are_taken_as_they_are(tmp_path: Path) -> None:
    texts = ["not json", '{"type": "human", "data": {"content": "x"}}']
    [conversation] = load(tmp_path / "d", json.dumps({"session_id": "s", "records": texts}))
    assert conversation == Conversation("s", texts)


def test_messages_of_a_file_are_stored_as_messages(tmp_path: Path) -> None:
    [conversation] = load(tmp_path / "d", json.dumps(GOOD))
    assert isinstance(conversation, Conversation)
    assert parse(conversation.records[0]).message.content == "hello"
