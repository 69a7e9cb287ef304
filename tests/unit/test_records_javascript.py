"""Records in the forms of `@langchain/community` of npm, as its class wrote them."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage

from chatmem_nb import RecordError, Redactor
from chatmem_nb.columns.edits import rebuilt
from chatmem_nb.records import (
    encode,
    javascript_error,
    messages_of,
    parse,
    parse_all,
    parse_fields,
    parse_start,
)
from chatmem_nb.redaction import redaction_of

GENERIC = '{"type":"generic","data":{"content":"Really?","role":"critic","id":"g1","additional_kwargs":{}}}'
LEGACY = [
    '{"type":"human","text":"Hello!"}',
    '{"type":"ai","role":null,"text":"Hi."}',
    '{"type":"generic","role":"critic","text":"Really?"}',
]


def test_a_generic_message_is_a_chat_message() -> None:
    record = parse(GENERIC)
    assert (record.type, record.error, record.raw) == ("chat", None, GENERIC)
    assert record.message == ChatMessage(role="critic", content="Really?", id="g1")
    assert messages_of([GENERIC], "talk") == [record.message]


def test_the_legacy_form_is_read() -> None:
    assert [parse(raw).message for raw in LEGACY] == [
        HumanMessage("Hello!"),
        AIMessage("Hi."),
        ChatMessage(role="critic", content="Really?"),
    ]
    assert messages_of(LEGACY, "talk") == [parse(raw).message for raw in LEGACY]


def test_columns_agree_with_records() -> None:
    raws = [GENERIC, *LEGACY, '{"type":["generic"],"data":{}}', '{"type":"generic","data":{"content":"x"}}']
    fields, records = parse_fields(raws), parse_all(raws)
    assert fields.types == [record.type for record in records]
    assert fields.datas == [record.data for record in records]
    assert fields.errors == [record.error for record in records]
    assert fields.errors[-1] == "its `data` has no `role`"


def test_the_start_of_a_long_generic_record_is_read() -> None:
    start = parse_start(GENERIC[:57])
    assert (start.type, start.data) == ("chat", {"content": "Really?", "role": "cri"})


def test_an_edited_record_stays_in_a_form_that_javascript_reads() -> None:
    for raw in (GENERIC, LEGACY[2]):
        edited = rebuilt(parse(raw), {"content": "Truly?"})
        assert javascript_error(edited) is None
        assert "Really" not in edited
        assert parse(edited).message.content == "Truly?"


def test_a_redacted_record_stays_readable() -> None:
    redaction = redaction_of(Redactor())
    assert redaction is not None
    for raw in (GENERIC, *LEGACY):
        addressed = json.loads(raw.replace("!", " ann@example.com").replace("?", " ann@example.com"))
        redacted = parse(redaction.record(json.dumps(addressed)))
        assert redacted.error is None
        assert "ann@" not in redacted.raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ('{"type":"chat","data":{"content":"x","role":"r"}}', "neither human, ai"),
        ('{"type":"generic","data":{"content":"x"}}', "no `role`"),
        ('{"type":"tool","data":{"content":"x"}}', "no `tool_call_id`"),
        ('{"type":"function","data":{"content":"x"}}', "no `name`"),
        ('{"type":"human","data":{}}', "no `content`"),
        ('{"type":"human"}', "no `content`"),
        ('{"type":["human"],"data":{}}', "neither human, ai"),
        ('{"type":"human","data":{"content":"x","score":NaN}}', "no NaN"),
        ("[" * 100_000, "not JSON"),
        ("null", "neither human, ai"),
    ],
)
def test_javascript_error_says_why(raw: str, reason: str) -> None:
    assert reason in str(javascript_error(raw))


def test_javascript_reads_lone_surrogates_and_large_numbers() -> None:
    assert javascript_error(encode(HumanMessage("\ud800 ✓"))) is None
    assert javascript_error('{"type":"human","data":{"content":"x","n":' + "9" * 400 + "}}") is None


def test_a_record_without_text_or_data_is_still_unreadable() -> None:
    with pytest.raises(RecordError):
        messages_of(['{"type":"human"}'], "talk")
