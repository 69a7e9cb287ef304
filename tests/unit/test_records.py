"""A message becomes a record and comes back equal; a bad record says why, and quotes nobody."""

from __future__ import annotations

import json
import pickle
import re
import traceback
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from langchain_core import messages as lc
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage

from chatmem_nb import ChatMemError, InvalidInputError, RecordError, RecordErrors
from chatmem_nb.records import (
    build_messages,
    encode,
    encode_all,
    from_openai,
    javascript_error,
    parse,
    parse_all,
    parse_start,
    stored_at,
)

SECRET_WORDS = "the patient's diagnosis"

CALL = {"name": "find", "args": {"q": "naïve", "n": [1, 2.5, None]}, "id": "call_1", "type": "tool_call"}

EVERY_KIND: list[BaseMessage] = [
    lc.HumanMessage("hello", name="Ada", id="h-1"),
    lc.AIMessage(
        "hi",
        tool_calls=[CALL],
        invalid_tool_calls=[
            {"name": "x", "args": "{", "id": "2", "error": "cut", "type": "invalid_tool_call"}
        ],
        usage_metadata={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        response_metadata={"model_name": "m", "finish_reason": "stop"},
    ),
    lc.SystemMessage([{"type": "text", "text": "be kind"}]),
    lc.ToolMessage("42", tool_call_id="call_1", artifact={"rows": [1, 2]}, status="error", name="find"),
    lc.ChatMessage("as told", role="narrator"),
    lc.FunctionMessage("old style", name="f"),
    lc.RemoveMessage(id="h-1"),
    lc.HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, "and text"]),
    lc.HumanMessage(
        "emoji 👩‍👩‍👧, CJK 漢字, NUL \x00, line\u2028separator", additional_kwargs={"k": {"deep": [True]}}
    ),
    lc.HumanMessage("a lone surrogate: \ud83d"),
    lc.HumanMessage("numbers", additional_kwargs={"big": 2**200, "small": 1e-300, "int": 1, "float": 1.0}),
]


@pytest.mark.parametrize("message", EVERY_KIND, ids=lambda m: m.type)
def test_a_message_comes_back_equal(message: BaseMessage) -> None:
    record = parse(encode(message), index=5)
    assert record.error is None
    assert (record.index, record.type) == (5, message.type)
    assert record.message == message
    assert type(record.message) is type(message)


def test_a_record_is_what_the_original_writes_with_two_keys_beside() -> None:
    message = AIMessage("hi", tool_calls=[CALL])
    value = json.loads(encode(message))
    assert len(value.pop("record_id")) == 32
    assert datetime.fromisoformat(value.pop("stored_at")).tzinfo is not None
    assert value == lc.message_to_dict(message)


def test_text_is_stored_readable() -> None:
    assert "漢字 👋" in encode(HumanMessage("漢字 👋"))


def test_the_messages_of_one_batch_share_a_time_and_no_id() -> None:
    records = parse_all(encode_all([HumanMessage("a"), AIMessage("b")]), start=7)
    assert [record.index for record in records] == [7, 8]
    assert records[0].stored_at == records[1].stored_at
    assert records[0].record_id != records[1].record_id


def test_a_time_is_kept_in_utc() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert parse(encode(HumanMessage("a"), stored_at=noon)).stored_at == datetime(2026, 1, 1, 10, tzinfo=UTC)


def test_a_chunk_is_stored_as_the_message_that_it_makes_up() -> None:
    chunk = AIMessageChunk("par", id="r1") + AIMessageChunk("tial")
    assert parse(encode(chunk)).message == AIMessage("partial", id="r1")


def test_a_chunk_that_another_writer_stored_is_read() -> None:
    raw = json.dumps(lc.message_to_dict(AIMessageChunk("piece")))
    assert parse(raw).message.content == "piece"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("just text", "expected a langchain_core message, got str; wrap text"),
        ({"role": "user"}, "got dict"),
        (HumanMessage("x", additional_kwargs={"when": datetime(2026, 1, 1)}), "datetime"),
        (ToolMessage("x", tool_call_id="1", artifact={1, 2}), "set"),
        (HumanMessage("x", additional_kwargs={"b": b"bytes"}), "bytes"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_named(message: Any, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        encode(message)
    with pytest.raises(InvalidInputError, match="message 1: "):
        encode_all([HumanMessage("fine"), message])


# What is wrong with a record, what the check of its shape says, and what building it says.
BAD_RECORDS: list[tuple[str, str | None, str | None]] = [
    ("", "not JSON", "not JSON"),
    ('{"type": "human", "data": {"content": "cut', "not JSON: .* at character", "not JSON"),
    ("not JSON at all", "not JSON", "not JSON"),
    ("[" * 100_000, "nested too deeply", "nested too deeply"),
    ("[1]", "a JSON array, not an object", "a JSON array"),
    ('"text"', "a JSON string, not an object", "a JSON string"),
    ("null", "a JSON null, not an object", "a JSON null"),
    ("true", "a JSON boolean", "a JSON boolean"),
    ("17", "a JSON number", "a JSON number"),
    ("{}", "no `type`", "no `type`"),
    ('{"type": 3, "data": {}}', "no `type`", "no `type`"),
    ('{"type": "martian", "data": {"content": "x"}}', "not a message type", "not a message type"),
    ('{"type": "human"}', "no `data` object", "no `data`"),
    ('{"type": "human", "data": []}', "no `data` object", "no `data`"),
    ('{"type": "human", "data": {}}', "no `content`", "no `content`"),
    ('{"type": "human", "data": {"content": null}}', "`content` is a JSON null", "`content`"),
    ('{"type": "human", "data": {"content": 5}}', "`content` is a JSON number", "`content`"),
    ('{"type": "ai", "data": {"content": ["a", 5]}}', "neither text nor an object", "neither text"),
    ('{"type": "ai", "data": {"content": "", "tool_calls": {}}}', "not a list of objects", "not a list"),
    ('{"type": "ai", "data": {"content": "", "tool_calls": [{"name": "f"}]}}', "lacks name, args", "lacks"),
    ('{"type": "tool", "data": {"content": "x"}}', "no `tool_call_id`", "no `tool_call_id`"),
    ('{"type": "chat", "data": {"content": "x"}}', "no `role`", "no `role`"),
    ('{"type": "function", "data": {"content": "x"}}', "no `name`", "no `name`"),
    ('{"type": "remove", "data": {"content": ""}}', "no `id`", "no `id`"),
    # Where only building the message tells: the check of shape looks into no nested field.
    ('{"type": "human", "data": {"content": "x", "name": ["no"]}}', None, "`name` is not what"),
    (
        '{"type": "ai", "data": {"content": "x", "usage_metadata": {"input_tokens": 1}}}',
        None,
        "`usage_metadata`",
    ),
    ('{"type": "human", "data": {"content": "x", "additional_kwargs": 5}}', None, "`additional_kwargs`"),
    ('{"type": "tool", "data": {"content": "x", "tool_call_id": "1", "status": "odd"}}', None, "`status`"),
    # And what looks odd, but is a message: langchain_core makes text of what a tool returned.
    ('{"type": "tool", "data": {"content": 5, "tool_call_id": "1"}}', None, None),
    ('{"type": "human", "data": {"content": "x", "unknown": {"a": 1}}, "more": 1}', None, None),
    ('{"type": "human", "data": {"content": "x"}, "stored_at": "yesterday", "record_id": 5}', None, None),
]


@pytest.mark.parametrize(("raw", "shape", "build"), BAD_RECORDS, ids=lambda v: str(v)[:50])
def test_a_bad_record_says_why(raw: str, shape: str | None, build: str | None) -> None:
    record = parse(raw, index=3)
    assert record.raw == raw
    if shape is None:
        assert record.error is None
    else:
        assert record.error is not None
        assert re.search(shape, record.error)
    if build is None:
        assert isinstance(record.message, BaseMessage)
    else:
        with pytest.raises(RecordError, match=build) as caught:
            record.message  # noqa: B018 - the access builds it
        assert caught.value.index == 3


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"type": "human", "data": {{"content": "{SECRET_WORDS}',
        f'{{"type": "human", "data": {{"content": "x", "name": ["{SECRET_WORDS}"]}}}}',
        f'{{"type": "ai", "data": {{"content": "x", "usage_metadata": "{SECRET_WORDS}"}}}}',
        f'{{"type": "{SECRET_WORDS}", "data": {{"content": "x"}}}}',
        f'{{"type": "tool", "data": {{"content": "x", "tool_call_id": {{"{SECRET_WORDS}": 1}}}}}}',
    ],
)
def test_an_error_quotes_nobody(raw: str) -> None:
    with pytest.raises(RecordError) as caught:
        build_messages([parse(raw)], "s")
    assert SECRET_WORDS not in "".join(traceback.format_exception(caught.value))


def test_a_history_names_session_index_and_reason() -> None:
    records = parse_all([encode(HumanMessage("a")), "{}"])
    with pytest.raises(
        RecordError, match=r"record 1 of session 'my session' cannot be read: it has no `type`"
    ):
        build_messages(records, "my session")


def test_messages_in_openai_form_are_converted() -> None:
    messages = from_openai(
        [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "hello", "name": "Ada"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "42"},
        ]
    )
    assert [message.type for message in messages] == ["system", "human", "ai", "tool"]
    assert messages[2].tool_calls[0]["args"] == {"a": 1}
    assert [parse(encode(message)).message for message in messages] == messages


@pytest.mark.parametrize(
    "bad", [{"role": "pirate", "content": "arr"}, {"content": "x"}, {"role": "tool", "content": "x"}]
)
def test_a_message_in_no_openai_form_is_named(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="message 1: not in OpenAI's form"):
        from_openai([{"role": "user", "content": "fine"}, bad])


def test_errors_say_where_as_attributes() -> None:
    with pytest.raises(InvalidInputError) as found:
        encode_all([HumanMessage("hi"), "hi"])
    assert (found.value.position, found.value.line) == (1, None)
    assert str(found.value) == f"message 1: {found.value.reason}"
    raw = encode(AIMessage("hi")).replace('"tool_calls":[]', '"tool_calls":[{"name":"f","args":{},"id":5}]')
    with pytest.raises(RecordError) as unreadable:
        _ = parse(raw, 3).message
    assert (unreadable.value.index, unreadable.value.field) == (3, "tool_calls")


@pytest.mark.parametrize(
    "error",
    [
        InvalidInputError("line 3 is not JSON", reason="not JSON", line=3),
        RecordError("not JSON", session_id="s", index=4, field="content"),
        RecordErrors([RecordError("not JSON", session_id="s", index=4), RecordError("no type")]),
    ],
)
def test_errors_can_be_sent_to_another_process(error: ChatMemError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back)) == (type(error), str(error))
    attributes = {name: value for name, value in vars(error).items() if name != "errors"}
    assert {name: value for name, value in vars(back).items() if name != "errors"} == attributes


@pytest.mark.parametrize(
    ("start", "content"),
    [
        ('{"type": "human", "data": {"content": "When does the fer', "When does the fer"),
        (
            '{"type": "ai", "data": {"content": [{"type": "text", "text": "At ni',
            [{"type": "text", "text": "At ni"}],
        ),
        ('{"type": "ai", "data": {"content": "whole", "tool_calls": [{"na', "whole"),
    ],
)
def test_the_start_of_a_record_is_read_as_far_as_it_goes(start: str, content: Any) -> None:
    record = parse_start(start)
    assert record.error is None
    assert record.data
    assert record.data["content"] == content


@pytest.mark.parametrize("start", ['{"type": "hum', '{"type": "human", "da', "nothing", "[1, 2", ""])
def test_the_start_of_a_record_that_says_nothing_is_an_error(start: str) -> None:
    assert parse_start(start).error is not None


def test_a_record_says_at_its_end_when_it_was_stored() -> None:
    raw = encode(HumanMessage("x"))
    assert stored_at(raw[-120:]) == parse(raw).stored_at
    assert stored_at('{"type": "human", "data": {"content": "\\"stored_at\\": \\"2026-01-01\\"}"}}') is None


@pytest.mark.parametrize("raw", ['"\ud800"', '{"type": "human", "data": {"content": "\ud800"}}', "\ud800"])
def test_a_text_with_a_lone_surrogate_is_parsed(raw: str) -> None:
    assert parse(raw).raw == parse_start(raw).raw == raw
    assert (parse(raw).error is None) == raw.startswith("{")
    assert (javascript_error(raw) is None) == raw.startswith("{")
