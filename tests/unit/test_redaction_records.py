"""Every place that a record has is redacted, and what comes out is a record."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, ToolMessage

from chatmem_nb import RecordError, Redactor
from chatmem_nb.records import encode, parse, parse_all, to_json
from chatmem_nb.redaction import Redaction
from tests.odd_records import odd_records
from tests.strategies import messages

KEY = "a key for tests, and for nothing else"
EMAIL = "bob@example.com"
PHONE = 14155552671
CARD = 4111111111111111


def redacted(message: BaseMessage, **options: Any) -> dict[str, Any]:
    raw = Redactor(**options).record(encode(message))
    assert parse(raw).error is None
    assert parse(raw).message is not None
    return parse(raw).data or {}


def planted() -> list[BaseMessage]:
    """Messages with one address in every place that a message has."""
    deep = {"a": [{EMAIL: [f"x {EMAIL}", {"b": json.dumps({"c": json.dumps({"d": EMAIL})})}]}]}
    call = {"name": EMAIL, "args": deep, "id": f"call-{EMAIL}", "type": "tool_call"}
    bad_call = {"name": EMAIL, "args": EMAIL, "id": EMAIL, "error": EMAIL, "type": "invalid_tool_call"}
    blocks: list[Any] = [
        EMAIL,
        {"type": "text", "text": EMAIL, "annotations": [{"url": f"mailto:{EMAIL}"}]},
        {"type": "image_url", "image_url": {"url": f"https://a.test/?u={EMAIL}"}},
        {"type": "reasoning", "reasoning": EMAIL, "summary": [{"text": EMAIL}]},
        {"type": "tool_use", "id": EMAIL, "name": EMAIL, "input": deep},
        {"type": "file", "filename": EMAIL, "metadata": deep},
    ]
    common: dict[str, Any] = {
        "name": EMAIL,
        "id": EMAIL,
        "response_metadata": deep,
        "additional_kwargs": deep,
    }
    return [
        HumanMessage(EMAIL, **common),
        HumanMessage(blocks, **common),
        AIMessage(blocks, tool_calls=[call], invalid_tool_calls=[bad_call], **common),
        AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": json.dumps(deep)}}),
        ToolMessage(blocks, tool_call_id=EMAIL, artifact=deep, **common),
        ChatMessage(EMAIL, role=EMAIL, **common),
        HumanMessage(EMAIL, example=True, an_extra_field=deep),
    ]


@pytest.mark.parametrize("message", planted(), ids=lambda message: message.type)
@pytest.mark.parametrize("options", [{}, {"key": KEY}])
def test_a_value_is_absent_wherever_it_stood(message: BaseMessage, options: dict[str, Any]) -> None:
    data = redacted(message, **options)
    assert "example.com" not in json.dumps(data)
    assert "bob" not in json.dumps(data)


def test_numbers_are_redacted_and_counts_stay_numbers() -> None:
    args = {
        "phone": PHONE,
        "card": CARD,
        "float": float(CARD),
        "text": str(CARD),
        "n": 12345678,
        "pi": 3.14159265,
    }
    usage = {"input_tokens": CARD, "output_tokens": 2, "total_tokens": 3}
    call = {"name": "f", "args": args, "id": "1", "type": "tool_call"}
    data = redacted(AIMessage("", tool_calls=[call], usage_metadata=usage))
    assert data["tool_calls"][0]["args"] == {
        "phone": "[PHONE]", "card": "[CARD]", "float": "[CARD]", "text": "[CARD]", "n": 12345678,
        "pi": 3.14159265,
    }  # fmt: skip
    assert data["usage_metadata"]["input_tokens"] == 0
    assert data["usage_metadata"]["total_tokens"] == 3


def test_json_in_a_text_stays_json() -> None:
    arguments = json.dumps({"to": EMAIL, "phone": PHONE, "keep": [1, 2.5, None]})
    data = redacted(HumanMessage(arguments))
    assert json.loads(data["content"]) == {"to": "[EMAIL]", "phone": "[PHONE]", "keep": [1, 2.5, None]}
    untouched = '{"a":  1,\n "b": "text"}'
    assert redacted(HumanMessage(untouched))["content"] == untouched


def test_json_in_a_text_is_redacted_by_its_names_beside_a_lone_surrogate() -> None:
    text = r'{"name": "password", "value": "correct horse", "half": "\ud83d"}'
    data = redacted(HumanMessage(text))
    assert "correct horse" not in data["content"]
    assert json.loads(data["content"])["half"] == "\ud83d"


def test_a_pair_of_escaped_surrogates_hides_no_letter_of_an_address() -> None:
    bold = "".join(chr(0x1D41A + ord(letter) - ord("a")) for letter in "bob")
    escaped = json.dumps(bold)[1:-1]
    assert escaped.startswith(r"\ud835\udc1b")
    text = redacted(HumanMessage(f"write to {escaped}@example.com"))["content"]
    assert text == "write to [EMAIL]"


def test_a_key_that_comes_twice_hides_nothing() -> None:
    hidden = f'{{"a": "{EMAIL}", "a": "x"}}'
    assert redacted(HumanMessage(hidden))["content"] == '{"a": "[EMAIL]", "a": "x"}'
    raw = f'{{"type": "human", "data": {{"content": "{EMAIL}", "content": "x"}}}}'
    assert EMAIL not in Redactor().record(raw)


def test_keys_that_become_one_keep_their_values() -> None:
    data = redacted(HumanMessage("x", additional_kwargs={f"u{n}@example.com": n for n in range(1000)}))
    kept = data["additional_kwargs"]
    assert sorted(kept.values()) == list(range(1000))
    assert all(name.startswith("[EMAIL]") for name in kept)


def test_a_value_split_across_blocks_of_text_is_found() -> None:
    content: list[Any] = [
        "write to bob@exa",
        {"type": "image", "url": "https://a.test"},
        {"type": "text", "text": "mple.com or"},
    ]
    data = redacted(HumanMessage(content))
    assert [data["content"][0], data["content"][2]["text"]] == ["write to [EMAIL]", " or"]
    digits = [{"type": "text", "text": piece} for piece in ("4111 11", "11 1111", " 1111 and", " more")]
    data = redacted(AIMessage(digits))
    assert [block["text"] for block in data["content"]] == ["[CARD]", "", " and", " more"]


def test_a_secret_by_name_is_redacted_whatever_it_is() -> None:
    fields = {
        "password": "correct horse",
        "apiKey": "abcd-1234-efgh",
        "pwd": 1234,
        "token": "the",
        "note": "password",
    }
    data = redacted(HumanMessage("x", additional_kwargs=fields))
    assert data["additional_kwargs"] == {
        "password": "[SECRET]", "apiKey": "[SECRET]", "pwd": "[SECRET]", "token": "the", "note": "password",
    }  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"password": ["hunter2", {"old": "hunter1"}]},
        {"password": {"value": "hunter2", "pin": 4711}},
        {"password": 4711.5},
        {
            "headers": [
                {"name": "Authorization", "value": "hunter2-hunter1"},
                {"key": "pwd", "value": "hunter2"},
            ]
        },
        {"arguments": json.dumps({"passwd": "hunter2"})},
    ],
)
def test_a_secret_by_name_hides_in_no_container(fields: dict[str, Any]) -> None:
    data = redacted(HumanMessage("x", additional_kwargs=fields))
    assert "hunter" not in json.dumps(data)
    assert "4711" not in json.dumps(data)
    assert "[SECRET]" in json.dumps(data)


def test_record_ids_and_times_stay() -> None:
    raw = encode(HumanMessage(EMAIL))
    before, after = parse(raw), parse(Redactor(key=KEY).record(raw))
    assert (before.record_id, before.stored_at, before.type) == (after.record_id, after.stored_at, after.type)


def test_a_pattern_cannot_take_the_type_or_a_field_away() -> None:
    data = redacted(HumanMessage("human content"), patterns={"all": "human|content|type|data"})
    assert data["content"] == "[ALL] [ALL]"
    assert data["type"] == "human"


@pytest.mark.parametrize(
    "raw", ["not json", "", '{"type": "human", "data": {"content": "' + EMAIL, "[" * 100_000]
)
def test_a_record_that_is_not_json_is_left_out_and_named(raw: str) -> None:
    with pytest.raises(RecordError) as caught:
        Redactor().record(raw)
    assert EMAIL not in str(caught.value)
    redaction = Redaction(Redactor())
    kept = redaction.records("s", parse_all([encode(HumanMessage("a")), raw, encode(HumanMessage("b"))]))
    assert [record.index for record in kept] == [0, 2]
    assert [(left.session_id, left.index) for left in redaction.left_out] == [("s", 1)]


def test_what_is_no_message_but_json_is_redacted_all_the_same() -> None:
    for raw in (f'"{EMAIL}"', f'["{EMAIL}", {PHONE}]', str(CARD), f'{{"role": "user", "text": "{EMAIL}"}}'):
        after = Redactor().record(raw)
        assert "example" not in after
        assert str(PHONE) not in after
        assert str(CARD) not in after
        json.loads(after)


def test_values_are_counted_by_kind() -> None:
    redaction = Redaction(Redactor())
    records = parse_all([encode(HumanMessage(f"{EMAIL} {EMAIL} {CARD}")), encode(HumanMessage(str(PHONE)))])
    redaction.records("s", records)
    assert redaction.counts == {"email": 2, "card": 1, "phone": 1}


def test_session_ids_are_replaced_wherever_they_stand() -> None:
    redaction = Redaction(Redactor(key=KEY, session_ids=True))
    raw = encode(HumanMessage("in alice-smith now", additional_kwargs={"thread": "alice-smith"}))
    [(name, records)] = list(redaction.sessions([("alice-smith", parse_all([raw]))]))
    assert name is not None
    assert name.startswith("session-")
    assert "alice" not in records[0].raw
    assert Redaction(Redactor(key=KEY, session_ids=True)).session_id("alice-smith") == name
    assert Redaction(Redactor(key=KEY)).session_id("alice-smith") == "alice-smith"


def test_a_session_id_within_texts_is_not_taken_for_clean_later() -> None:
    redactor = Redactor(key=KEY, session_ids=True)
    raw = encode(HumanMessage("hello alice"))
    Redaction(redactor).records("other", parse_all([raw]))
    [record] = Redaction(redactor).records("alice", parse_all([raw]))
    assert "alice" not in record.raw


@pytest.mark.parametrize(
    "record_id", ["d463b572e7d4615f4a94e00183116271", "6525839458759a14959b6efede3d941b"]
)
def test_the_id_of_a_record_is_not_taken_for_a_number_of_somebody(record_id: str) -> None:
    raw = to_json({**json.loads(encode(HumanMessage("hello"))), "record_id": record_id})
    redaction = Redaction(Redactor())
    assert json.loads(redaction.record(raw))["record_id"] == record_id
    assert redaction.found == 0
    planted = to_json({**json.loads(raw), "record_id": "call +1 415 555 2671"})
    assert "2671" not in redaction.record(planted)


@pytest.mark.parametrize("raw", odd_records(), ids=itertools.count())
def test_odd_records_stay_as_readable_as_they_were(raw: str) -> None:
    before = parse(raw)
    redaction = Redaction(Redactor())
    kept = redaction.records("s", [before])
    if not kept:
        assert before.error is not None
        return
    assert (kept[0].error is None) == (before.error is None)
    assert kept[0].type == before.type


PLACED = st.sampled_from(
    [
        EMAIL,
        "BOB@EXAMPLE.COM",
        "bob%40example.com",
        "bob\\u0040example.com",
        "b\u200bob@example.com",
        "ｂｏｂ＠example.com",
    ]
)


def plant(value: Any, secret: str, draw: Any) -> Any:
    """`value` with `secret` put into some of its texts and keys."""
    if type(value) is str and draw(st.booleans()):
        return f"{value} {secret} {value}"
    if type(value) is list:
        return [plant(item, secret, draw) for item in value]
    if type(value) is dict:
        return {
            (f"{key} {secret}" if draw(st.booleans()) else key): plant(item, secret, draw)
            for key, item in value.items()
        }
    return value


@given(message=messages, secret=PLACED, data=st.data())
def test_redaction_of_any_message_yields_a_message_without_the_value(
    message: BaseMessage, secret: str, data: st.DataObject
) -> None:
    record = json.loads(encode(message))
    fields = {"additional_kwargs", "response_metadata", "artifact"}
    for field in fields & set(record["data"]):
        record["data"][field] = plant(record["data"][field], secret, data.draw)
    if type(record["data"]["content"]) is str:
        record["data"]["content"] = plant(record["data"]["content"], secret, data.draw)
    before = parse(to_json(record))
    [after] = Redaction(Redactor(key=KEY)).records("s", [before])
    assert after.error is None
    assert after.message is not None
    assert secret.casefold() not in json.loads(json.dumps(after.raw)).casefold()
    again = Redactor(key=KEY).record(after.raw)
    assert again == after.raw


@given(message=messages)
def test_a_message_with_nothing_to_redact_is_equal(message: BaseMessage) -> None:
    raw = encode(message)
    redaction = Redaction(Redactor(kinds=["email"]))
    [after] = redaction.records("s", [parse(raw)])
    if not redaction.counts:
        assert after.message == parse(raw).message
