"""Each tool call is joined with its own result, and with nobody else's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
from langchain_core.messages import AIMessage, BaseMessage, FunctionMessage, HumanMessage, ToolMessage

from chatmem_nb import sessions_frame, tool_calls_frame
from chatmem_nb.records import encode, parse_all

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def call(name: str, args: dict[str, object], call_id: str) -> dict[str, object]:
    return {"name": name, "args": args, "id": call_id, "type": "tool_call"}


def test_calls_find_their_results() -> None:
    chat: list[BaseMessage] = [
        AIMessage("", tool_calls=[call("a", {"x": 1}, "1"), call("b", {}, "2"), call("c", {"y": [2]}, "3")]),
        ToolMessage("second", tool_call_id="2", status="error"),
        ToolMessage("first", tool_call_id="1"),
        ToolMessage("nobody's", tool_call_id="9"),
    ]
    frame = tool_calls_frame(chat)
    assert frame.name.tolist()[:3] == ["a", "b", "c"]
    assert frame.status.tolist() == ["success", "error", "missing", "success"]
    assert frame.result.tolist()[:2] == ["first", "second"]
    assert frame.error[1] == "second"
    assert frame.result_index.tolist()[:2] == [2, 1]
    assert [json.loads(args) for args in frame.args[:3]] == [{"x": 1}, {}, {"y": [2]}]


def test_a_result_without_a_call_is_a_row() -> None:
    row = tool_calls_frame([HumanMessage("hi"), ToolMessage("lost", tool_call_id="9", name="a")]).iloc[0]
    assert (row["kind"], row["index"], row["tool_call_id"], row["result"]) == ("result", 1, "9", "lost")
    assert pd.isna(row["call"])


def test_failures_by_status_and_by_text_are_distinguished() -> None:
    chat: list[BaseMessage] = [
        AIMessage(
            "", tool_calls=[call("a", {}, "1"), call("a", {}, "2"), call("a", {}, "3"), call("a", {}, "4")]
        ),
        ToolMessage("broken", tool_call_id="1", status="error"),
        ToolMessage("Error: no such city", tool_call_id="2"),
        ToolMessage("sunny", tool_call_id="3"),
    ]
    frame = tool_calls_frame(chat)
    assert frame.failed.tolist() == [True, True, False, False]
    assert frame.failed_by.astype(object).where(frame.failed_by.notna(), None).tolist() == [
        "status",
        "text",
        None,
        None,
    ]
    assert frame.status.tolist() == ["error", "success", "success", "missing"]
    own_rule = tool_calls_frame(chat, failed=lambda text: text == "sunny")
    assert own_rule.failed.tolist() == [True, False, True, False]


def test_results_of_a_repeated_call_id_are_matched_in_order() -> None:
    chat: list[BaseMessage] = []
    for answer in ("one", "two"):
        chat += [AIMessage("", tool_calls=[call("a", {}, "1")]), ToolMessage(answer, tool_call_id="1")]
    assert tool_calls_frame(chat).result.tolist() == ["one", "two"]


def test_the_time_between_call_and_result_is_taken_where_it_is_known() -> None:
    asked = encode(AIMessage("", tool_calls=[call("a", {}, "1")]), stored_at=NOON)
    answered = encode(ToolMessage("x", tool_call_id="1"), stored_at=NOON + timedelta(seconds=2.5))
    frame = tool_calls_frame(parse_all([asked, answered]))
    assert frame.took[0] == pd.Timedelta(seconds=2.5)
    unknown = tool_calls_frame([AIMessage("", tool_calls=[call("a", {}, "1")])])
    assert unknown.took.isna().all()
    assert unknown.dtypes.equals(frame.dtypes)


def test_arguments_that_cannot_be_read_are_kept_as_written() -> None:
    chat = AIMessage(
        "",
        invalid_tool_calls=[
            {"name": "a", "args": "{cut", "id": "1", "error": "EOF", "type": "invalid_tool_call"}
        ],
    )
    frame = tool_calls_frame([chat])
    assert frame[["status", "args", "error"]].iloc[0].tolist() == ["invalid", "{cut", "EOF"]


def test_calls_in_the_form_of_openai_are_found() -> None:
    raw = json.dumps(
        {
            "type": "ai",
            "data": {
                "content": "",
                "additional_kwargs": {
                    "tool_calls": [
                        {"id": "1", "type": "function", "function": {"name": "a", "arguments": '{"x": 1}'}},
                        {"id": "2", "type": "function", "function": {"name": "b", "arguments": "{cut"}},
                    ]
                },
            },
        }
    )
    frame = tool_calls_frame(parse_all([raw]))
    assert frame.status.tolist() == ["missing", "invalid"]
    assert frame.args.tolist() == ['{"x":1}', "{cut"]


def test_function_results_are_matched_by_name() -> None:
    asked = AIMessage("", additional_kwargs={"function_call": {"name": "a", "arguments": "{}"}})
    frame = tool_calls_frame([asked, FunctionMessage("done", name="a")])
    assert frame[["name", "args", "result", "status"]].iloc[0].tolist() == ["a", "{}", "done", "success"]


def test_a_session_is_summed_up() -> None:
    usage = {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
    raws = [encode(HumanMessage("hé"), stored_at=NOON), "not json"]
    raws += [encode(AIMessage("yo", usage_metadata=usage), stored_at=NOON + timedelta(hours=1))] * 2
    row = sessions_frame(parse_all(raws)).iloc[0]
    assert (row.n_messages, row.n_bad, row.total_tokens) == (4, 1, 10)
    assert (row.first_role, row.first_text, row.last_role, row.last_text) == ("user", "hé", "assistant", "yo")
    assert row.bytes == sum(len(raw.encode()) for raw in raws)
    assert row.last_at - row.first_at == pd.Timedelta(hours=1)
    assert sessions_frame([]).dtypes.equals(sessions_frame(parse_all(raws)).dtypes)


def test_sums_that_no_column_holds_are_missing() -> None:
    usage = {"input_tokens": 2**62, "output_tokens": 0, "total_tokens": 2**62}
    row = sessions_frame([AIMessage("", usage_metadata=usage)] * 3).iloc[0]
    assert pd.isna(row.input_tokens)
    assert row.output_tokens == 0


def test_a_session_counts_its_turns_and_its_failed_calls() -> None:
    chat: list[BaseMessage] = [
        HumanMessage("first"),
        AIMessage("", tool_calls=[call("a", {}, "1"), call("a", {}, "2"), call("a", {}, "3")]),
        ToolMessage("broken", tool_call_id="1", status="error"),
        ToolMessage("Error: no such city", tool_call_id="2"),
        ToolMessage("sunny", tool_call_id="3"),
        HumanMessage("second"),
        AIMessage("done"),
    ]
    stamps = [NOON + timedelta(minutes=minute) for minute in (5, 1, 2, 3, 9, 4, 0)]  # clocks differ
    raws = [encode(message, stored_at=stamp) for message, stamp in zip(chat, stamps, strict=True)]
    row = sessions_frame(parse_all(raws)).iloc[0]
    assert (row.n_turns, row.n_tool_calls, row.n_failed_calls, row.last_human_text) == (2, 3, 2, "second")
    assert (row.first_at, row.last_at, row.duration) == (NOON, stamps[4], pd.Timedelta(minutes=9))
    frame = tool_calls_frame(parse_all(raws))
    assert (len(frame), frame.failed.sum()) == (row.n_tool_calls, row.n_failed_calls)
