"""Columns that are decoded from the texts of plain records are those of parsed records, letter for letter."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from chatmem_nb.columns.raw_values import Texts, raw_values
from chatmem_nb.columns.schema import COLUMNS
from chatmem_nb.columns.values import STAMPS, Fields, column_values
from chatmem_nb.records import encode, encode_all, parse_all, plain_records, timestamp
from tests.strategies import json_objects, json_values, messages, tool_calls, usage

NAMES = [STAMPS if name == "stored_at" else name for name in COLUMNS]
spaces = st.sampled_from(["", "", "", " ", "\n\t"])
# JSON texts that readers differ about, and some that are no JSON.
odd_numbers = [
    "1",
    "-0",
    "1.0",
    "1e5",
    "1E400",
    "0.1e-7",
    str(2**63),
    str(2**64),
    "9" * 5_000,
    "NaN",
    "01",
    "1.",
]
odd_strings = ['""', '"x"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\/\\b"']
no_strings = [
    '"\\x"',
    '"a\x01"',
    '"\x7f\u2028"',
    '"é"',
    '"\ud800"',
    '"\\u00',
    "-Infinity",
    "null",
    "true",
    "[1,]",
]
odd_values = [
    "[]",
    "[ ]",
    '["a", {"type": "text", "text": "b"}]',
    "{}",
    "{ }",
    '{"a":1,"a":2}',
    '{"a" : [1.50, "\\u00e9"]}',
    '{"model_name":"m","finish_reason":""}',
    '{"model":"m","token_usage":{"prompt_tokens":3.0}}',
    '{"input_tokens":1,"output_tokens":2,"total_tokens":3}',
    '{"input_tokens":-1}',
    '{"x":NaN}',
    '{"__openai_role__":"developer"}',
    '[{"name":"f","args":{},"id":null}]',
    '[{"name":"f","args":"{"}]',
    '{"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}',
    "[" * 150 + "]" * 150,
    "[" * 300 + "]" * 300,
    '{"x":"\\ud800"}',
]
json_texts = st.one_of(
    st.sampled_from([*odd_numbers, *odd_strings, *no_strings, *odd_values]),
    json_values.map(json.dumps),
    json_values.map(partial(json.dumps, ensure_ascii=False, separators=(",", ":"))),
)


def objects(fields: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """JSON objects of some of `fields`, in any order, keys repeated and escaped."""
    member = st.one_of(
        *(st.tuples(st.sampled_from([f'"{name}"', f'"{name}"', f'"\\u{ord(name[0]):04x}{name[1:]}"']), value)
          for name, value in fields.items())
    )  # fmt: skip
    return st.builds(
        lambda members, space: (
            "{" + f",{space}".join(f"{key}:{space}{value}" for key, value in members) + "}"
        ),
        st.lists(member, max_size=len(fields) + 2),
        spaces,
    )


def usually(*texts: str) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(texts), st.sampled_from(texts), st.sampled_from(texts), json_texts)


KINDS = ('"human"', '"ai"', '"system"', '"tool"')
DATA = {
    "content": usually('"hi"', '"é\\n"'),
    "additional_kwargs": usually("{}"),
    "response_metadata": usually("{}", '{"model_name":"m","finish_reason":"stop"}'),
    "usage_metadata": usually("null", '{"input_tokens":1,"output_tokens":2,"total_tokens":3}'),
    "tool_calls": usually("[]", '[{"name":"f","args":{"a":1},"id":"1"}]'),
    "invalid_tool_calls": usually("[]"),
    "artifact": usually("null"),
    "name": usually("null", '"n"'),
    "id": usually("null", '"i"'),
    "tool_call_id": usually("null", '"c"'),
    "status": usually('"success"'),
    "type": usually(*KINDS),
    "example": usually("false"),
    "other": json_texts,
}
whole_data = objects(DATA).map(
    lambda text: '{"content":"hi","tool_call_id":"c"' + ("," + text[1:] if text != "{}" else "}")
)
data_texts = st.one_of(whole_data, whole_data, objects(DATA), json_texts)
record_texts = objects(
    {
        "type": usually(*KINDS),
        "data": data_texts,
        "record_id": usually('"0"'),
        "stored_at": usually('"2026-03-02T09:00:00.000000+00:00"'),
        "other": json_texts,
    }
)
STORED_AT = ', "stored_at": "2026-03-02T09:00:00.000000+00:00"'
usual_texts = st.builds(
    lambda kind, data, end: f'{{"type": {kind}, "data": {data}{end}}}',
    st.sampled_from(KINDS),
    data_texts,
    st.sampled_from(["", ', "record_id": "0"', STORED_AT, ', "unreadable": "x"']),
)


@st.composite
def damaged(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text with a few characters replaced or left out."""
    text = draw(texts)
    start, left_out = draw(st.integers(0, len(text))), draw(st.integers(0, 2))
    replacement = draw(st.sampled_from(["", "x", '"', "\\", "}", ",", " ", "\x00", "1"]))
    return text[:start] + replacement + text[start + left_out :]


raw_texts = st.one_of(
    usual_texts,
    usual_texts,
    record_texts,
    damaged(usual_texts),
    damaged(messages.map(encode)),
    messages.map(encode),
    json_texts,
    st.text(max_size=20),
)


def by_parsing(raws: list[str]) -> dict[str, Any]:
    fields = Fields.of(["s"] * len(raws), parse_all(raws))
    return {name: list(values) for name, values in column_values(NAMES, fields).items()}


def from_texts(raws: list[str]) -> dict[str, Any]:
    found = raw_values(NAMES, Texts(["s"] * len(raws), range(len(raws)), raws))
    found[STAMPS] = list(map(timestamp, found[STAMPS]))
    return {name: list(found[name]) for name in NAMES}


@given(st.lists(raw_texts, max_size=6))
def test_columns_of_texts_are_those_of_parsed_records(raws: list[str]) -> None:
    # `repr` tells 1 from 1.0 and from True, and finds NaN equal to itself.
    assert repr(from_texts(raws)) == repr(by_parsing(raws))


plain_messages = st.one_of(
    st.builds(HumanMessage, st.text(), additional_kwargs=json_objects),
    st.builds(SystemMessage, st.text(), name=st.none() | st.text()),
    st.builds(
        AIMessage, st.text(), tool_calls=tool_calls, usage_metadata=usage, response_metadata=json_objects
    ),
    st.builds(ToolMessage, st.text(), tool_call_id=st.text(), artifact=json_values),
)


@given(st.lists(plain_messages.map(encode), min_size=1, max_size=6))
def test_messages_of_text_are_plain(raws: list[str]) -> None:
    found = plain_records(raws)
    assert found is not None
    assert list(found.places) == list(range(len(raws)))


def test_records_that_are_not_plain_do_not_slow_down_the_others() -> None:
    raws = encode_all([HumanMessage("a"), HumanMessage([{"type": "text", "text": "b"}]), AIMessage("c")])
    found = plain_records(raws)
    assert found is not None
    assert found.places == [0, 2]
    assert from_texts(raws)["content"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "raw",
    [
        '{"type": "tool", "data": {"content": "x"}}',
        '{"type": "ai", "data": {"content": "x", "tool_calls": [{"name": "f"}]}}',
        '{"type": "human", "data": {"content": "x", "response_metadata": {"x": ' + "9" * 5_000 + "}}}",
        '{"type": "human", "data": {"content": "x", "tool_calls": {}}}',
    ],
)
def test_records_that_only_look_plain_are_parsed(raw: str) -> None:
    raws = [*encode_all([HumanMessage("a")]), raw]
    assert plain_records(raws) is None
    assert from_texts(raws) == by_parsing(raws)
