"""A frame holds all that was stored, in fixed dtypes, whatever it was, and gives it back."""

from __future__ import annotations

import json
import math
from typing import Any, ClassVar

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from chatmem_nb import InvalidInputError, RecordErrors, to_dataframe
from chatmem_nb.columns.row_records import frame_records
from chatmem_nb.columns.schema import COLUMNS
from chatmem_nb.exports.report import left_out_frame
from chatmem_nb.frames.outcomes import Outcome, outcomes_frame
from chatmem_nb.json_text import json_text
from chatmem_nb.records import encode, encode_all, parse, parse_all, parse_fields
from tests.strategies import json_values, messages

BAD = [
    "not json",
    "[]",
    "{}",
    '{"type": "alien", "data": {"content": "hi"}}',
    '{"type": "ai", "data": {"content": 5}}',
    '{"type": "human", "data": null}',
    '{"type": 7, "data": {}}',
]


@given(st.lists(messages, max_size=4))
def test_records_come_back_byte_for_byte(chat: list[BaseMessage]) -> None:
    raws = encode_all(chat)
    frame = to_dataframe(parse_all(raws))
    assert frame.raw.tolist() == raws
    assert frame.dtypes.astype(str).tolist() == to_dataframe([]).dtypes.astype(str).tolist()
    found = [record for _, records, _ in frame_records(frame, "s") for record in records]
    assert found == raws
    assert sum(rebuilt for _, _, rebuilt in frame_records(frame, "s")) == 0


@given(messages)
def test_columns_alone_make_up_the_message(message: BaseMessage) -> None:
    frame = to_dataframe([message]).drop(columns="raw")
    ((_, [raw], rebuilt),) = frame_records(frame, "s")
    assert rebuilt == 1
    back = parse(raw).message
    # What has no column: calls that could not be read.
    if isinstance(message, AIMessage):
        message.invalid_tool_calls = []
    assert back == message or back.model_dump() == _as_stored(message)


def _as_stored(message: BaseMessage) -> dict[str, Any]:
    return parse(encode(message)).message.model_dump()


@given(st.sampled_from(["ai", "tool", "human", "alien", "remove", "chat"]), json_values)
def test_no_shape_of_data_breaks_a_frame(kind: str, data: Any) -> None:
    raw = json.dumps({"type": kind, "data": data})
    frame = to_dataframe([parse(raw)])
    assert frame.raw.tolist() == [raw]


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "content",
                "tool_calls",
                "usage_metadata",
                "response_metadata",
                "additional_kwargs",
                "name",
                "id",
                "status",
                "role",
            ]
        ),
        json_values
        | st.dictionaries(st.sampled_from(["token_usage", "usage", "model", "tool_calls"]), json_values),
    )
)
def test_no_value_in_a_field_breaks_a_frame(data: dict[str, Any]) -> None:
    for kind in ("ai", "tool"):
        assert len(to_dataframe([parse(json.dumps({"type": kind, "data": data}))])) == 1


def test_every_column_has_its_dtype() -> None:
    dtypes = to_dataframe([]).dtypes.astype(str)
    assert list(dtypes.index) == list(COLUMNS)
    assert dtypes["index"] == "int32"
    assert dtypes["input_tokens"] == "Int64"
    assert dtypes["stored_at"] == "datetime64[us, UTC]"
    assert set(dtypes[["type", "role", "status"]]) == {"category"}
    assert dtypes["content"] == dtypes["raw"] == "str"


def test_bad_records_keep_their_row_raw_text_and_reason() -> None:
    frame = to_dataframe(parse_all([encode(HumanMessage("hi")), *BAD]))
    assert frame.raw.tolist()[1:] == BAD
    assert frame.error.isna().tolist() == [True] + [False] * len(BAD)
    assert frame.type.tolist()[4] == "alien"
    assert frame["index"].tolist() == list(range(8))


def test_strict_lists_every_bad_record() -> None:
    refused = '{"type": "ai", "data": {"content": "x", "usage_metadata": {"input_tokens": "many"}}}'
    with pytest.raises(RecordErrors) as caught:
        to_dataframe(parse_all([*BAD, encode(HumanMessage("fine")), refused]), strict=True)
    assert [error.index for error in caught.value.errors] == [*range(len(BAD)), len(BAD) + 1]
    assert "9 records" not in str(caught.value)
    assert f"{len(BAD) + 1} records cannot be read" in str(caught.value)


def test_numbers_beyond_64_bits_stay_as_they_are() -> None:
    huge = 2**80 + 1
    call = {"name": "f", "args": {"n": huge, "x": 1e22}, "id": "1", "type": "tool_call"}
    frame = to_dataframe([AIMessage("", tool_calls=[call], additional_kwargs={"n": -huge})])
    assert json.loads(frame.tool_calls[0])[0]["args"] == {"n": huge, "x": 1e22}
    assert json.loads(frame.additional_kwargs[0]) == {"n": -huge}


def test_counts_that_no_column_holds_are_missing_and_stay_in_the_text() -> None:
    data = {
        "content": "",
        "usage_metadata": {"input_tokens": 2**70, "output_tokens": 2.5, "total_tokens": "7"},
    }
    frame = to_dataframe([parse(json.dumps({"type": "ai", "data": data}))])
    assert frame[["input_tokens", "output_tokens", "total_tokens"]].isna().all(axis=None)
    assert json.loads(frame.usage_metadata[0])["input_tokens"] == 2**70


def test_nan_and_infinity_stay() -> None:
    frame = to_dataframe([ToolMessage("", tool_call_id="1", artifact={"a": math.nan, "b": -math.inf})])
    artifact = json.loads(frame.artifact[0])
    assert math.isnan(artifact["a"])
    assert artifact["b"] == -math.inf


def test_a_lone_surrogate_stands_as_its_escape_and_comes_back() -> None:
    message = HumanMessage("half \ud83d of a face", name="\udc00", additional_kwargs={"k": "\ud800"})
    frame = to_dataframe([message, HumanMessage("fine")])
    assert frame.content[0] == "half \\ud83d of a face"
    assert json.loads(frame.content_json[0]) == "half \ud83d of a face"
    assert json.loads(frame.additional_kwargs[0]) == {"k": "\ud800"}
    assert frame.content.dtype == to_dataframe([]).content.dtype
    frame.to_html().encode()
    ((_, raws, rebuilt),) = frame_records(frame, "s")
    assert rebuilt == 0
    assert parse(raws[0]).message == message


def test_only_the_columns_asked_for_are_there_in_that_order() -> None:
    frame = to_dataframe([HumanMessage("hi")], columns=["content", "role", "content"])
    assert list(frame.columns) == ["content", "role"]
    assert to_dataframe([], columns=[]).shape == (0, 0)
    with pytest.raises(InvalidInputError, match="contnet"):
        to_dataframe([], columns=["contnet"])
    with pytest.raises(InvalidInputError, match=r"\['content'\]"):
        to_dataframe([], columns="content")


def test_where_takes_the_roles_of_langchain_and_of_chat_apis() -> None:
    records = parse_all(
        encode_all([HumanMessage("a"), AIMessage("b"), SystemMessage("c"), ChatMessage("d", role="human")])
    )
    for words, expected in (("human", "ad"), ("user", "a"), (["ai", "user"], "ab"), ({"assistant"}, "b")):
        assert "".join(to_dataframe(records, where={"role": words})["content"]) == expected


def test_where_not_system_keeps_all_but_instructions() -> None:
    developer = SystemMessage("b", additional_kwargs={"__openai_role__": "developer"})
    talk = encode_all([SystemMessage("a"), developer, HumanMessage("c"), ChatMessage("d", role="narrator")])
    records = parse_all([*talk, "not JSON"])
    assert to_dataframe(records, where={"role": "not system"})["index"].tolist() == [2, 3, 4]
    assert to_dataframe(records, where={"role": {"not system", "developer"}})["index"].min() == 1
    assert to_dataframe(records, where={"role": "not system", "index": [0, 2]})["index"].tolist() == [2]


def test_where_keeps_what_fits() -> None:
    chat = [HumanMessage("a", name="Ada"), AIMessage("b"), HumanMessage("c")]
    assert to_dataframe(chat, where={"role": "user"}).content.tolist() == ["a", "c"]
    assert to_dataframe(chat, where={"role": ["user"], "name": "Ada"})["index"].tolist() == [0]
    assert to_dataframe(chat, where={"name": None}).content.tolist() == ["b", "c"]
    assert to_dataframe(chat, where=lambda record: record.index > 1).content.tolist() == ["c"]
    with pytest.raises(InvalidInputError, match="where"):
        to_dataframe(chat, where="role == 'user'")


def test_any_history_of_langchain_is_a_source() -> None:
    class History:
        messages: ClassVar = [HumanMessage("a"), AIMessage("b")]

    history = History()
    assert to_dataframe(history).content.tolist() == ["a", "b"]


@pytest.mark.parametrize("source", ["a text", b"bytes", 5, None, {"a": []}, ["text"], [HumanMessage("a"), 5]])
def test_what_holds_no_conversations_is_refused(source: Any) -> None:
    with pytest.raises(InvalidInputError, match="expected"):
        to_dataframe(source)


def test_what_json_cannot_hold_costs_only_its_field() -> None:
    frame = to_dataframe([ToolMessage("fine", tool_call_id="1", artifact={1, 2}), HumanMessage("next")])
    assert frame.content.tolist() == ["fine", "next"]
    assert "JSON cannot" in frame.error[0]
    assert pd.isna(frame.artifact[0])


@pytest.mark.slow
def test_a_message_of_fifty_megabytes_is_one_row() -> None:
    text = "é" * 25_000_000
    frame = to_dataframe([HumanMessage(text)], columns=["content", "content_json"])
    assert frame.content[0] == text


def test_json_text_is_exact() -> None:
    value = {"a": [1, 2.5, None, True, "é\u2028", 2**90], "b": {"c": "\ud800"}}
    assert json.loads(json_text(value)) == value


@pytest.mark.parametrize("depth", [150, 400, 980, 5_000])
@pytest.mark.parametrize("around", ["[]", "{}"])
def test_nothing_is_nested_too_deeply_for_a_frame(depth: int, around: str) -> None:
    opening, closing = ("[", "]") if around == "[]" else ('{"a":', "}")
    deep = opening * depth + "1" + closing * depth
    raws = [
        f'{{"type": "tool", "data": {{"tool_call_id": "1", "content": {deep}}}}}',
        f'{{"type": "tool", "data": {{"tool_call_id": "1", "content": "x", "artifact": {deep}}}}}',
        f'{{"type": "ai", "data": {{"content": "x", "additional_kwargs": {{"deep": {deep}}}}}}}',
    ]
    frame = to_dataframe(parse_all(raws))
    assert frame.raw.tolist() == raws
    if depth < 900:
        assert frame.artifact[1] == deep
        assert len(list(frame_records(frame, "s"))) == 1


def test_a_time_at_the_edge_of_the_calendar_is_kept_or_missing() -> None:
    times = [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999+00:00",
        "soon",
        5,
        "2026-01-01T00:00:00",
    ]
    raws = [json.dumps({"type": "human", "data": {"content": ""}, "stored_at": time}) for time in times]
    frame = to_dataframe(parse_all(raws))
    assert frame.stored_at.isna().tolist() == [True, False, True, True, False]
    assert frame.stored_at[1].isoformat() == times[1]


@given(
    st.one_of(messages.map(encode), json_values.map(json.dumps), st.sampled_from(BAD), st.text(max_size=20))
)
def test_fields_say_what_records_say(raw: str) -> None:
    record, fields = parse(raw), parse_fields([raw])
    found = (fields.types, fields.datas, fields.errors, fields.times)
    assert repr(found) == repr(([record.type], [record.data], [record.error], [record.stored_at]))


def test_reports_have_the_same_dtypes_however_few_their_rows() -> None:
    done = [Outcome("a", "create", 0, 2), Outcome("b", "failed", 1, problem="no record")]
    for some in (done[:1], done[1:], done):
        assert outcomes_frame(some).dtypes.equals(outcomes_frame([]).dtypes)
    assert outcomes_frame(done)["problem"].tolist() == ["", "no record"]
    left_out = [("a", None, "no answer", 2, True)]
    assert left_out_frame(left_out).dtypes.equals(left_out_frame([]).dtypes)


@pytest.mark.parametrize(
    ("where", "near"),
    [
        ({"role": "assitant"}, "assistant"),
        ({"role": ["user", "sytem"]}, "system"),
        ({"type": "humann"}, "human"),
    ],
)
def test_a_misspelt_role_or_type_is_refused(where: Any, near: str) -> None:
    with pytest.raises(InvalidInputError, match=f"did you mean '{near}'"):
        to_dataframe([], where=where)


def test_a_role_of_its_own_is_found() -> None:
    roles = ("moderator", "assistant 2", "User")
    talk = [ChatMessage(f"I am the {role}.", role=role) for role in roles]
    for message in talk:
        found = to_dataframe(talk, where={"role": message.role})
        assert found["content"].tolist() == [message.content]
