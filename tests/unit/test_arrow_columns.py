"""Frames that are built chunk by chunk are those that are built at once."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb.columns import arrow_columns
from chatmem_nb.columns.arrow_columns import Columns
from chatmem_nb.columns.schema import COLUMNS, frame_of
from chatmem_nb.columns.values import Fields, column_values
from chatmem_nb.records import encode, parse_all
from tests.strategies import json_values, messages

STAMPS = [
    "2026-03-02T09:00:00.000000+00:00",
    "2026-03-02 09:00:00.000000+00:00",
    "2026-03-02T09:00:00.000000+02:00",
    "2026-03-02T09:00:61.000000+00:00",
    "2026-13-02T09:00:00.000000+00:00",
    "0000-03-02T09:00:00.000000+00:00",
    "0001-01-01T00:00:00.000000+00:00",
    "9999-12-31T23:59:59.999999+00:00",
    "2026-03-02T09:00:00Z",
    "2026-W10-1",
    "\ud800" * 32,
    "",
    5,
    None,
]
records = st.one_of(
    messages.map(encode),
    json_values.map(json.dumps),
    st.sampled_from(
        ['{"type": "alien", "data": {"content": "hi"}}', "", '{"type": "chat", "data": {"role": "x"}}']
    ),
    st.sampled_from(STAMPS).map(
        lambda stamp: json.dumps({"type": "human", "data": {"content": "é\ud800"}, "stored_at": stamp})
    ),
)


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_columns, "TOGETHER", 2)
    monkeypatch.setattr(arrow_columns, "_CHUNK_ROWS", 4)


def at_once(raws: list[str]) -> pd.DataFrame:
    return frame_of(COLUMNS, column_values(list(COLUMNS), Fields.of(["s"] * len(raws), parse_all(raws))))


@given(st.lists(records, max_size=12))
def test_chunks_make_the_frame_that_all_rows_make_at_once(raws: list[str]) -> None:
    columns = Columns(list(COLUMNS))
    columns.add_raw("s", 0, raws)
    pd.testing.assert_frame_equal(columns.frame(), at_once(raws))


def tool_text(status: str, *, is_plain: bool) -> str:
    content = "x" if is_plain else ["x"]
    return json.dumps({"type": "tool", "data": {"content": content, "tool_call_id": "1", "status": status}})


def test_categories_stand_in_the_order_of_rows_whatever_their_shape() -> None:
    raws = [
        tool_text("plain", is_plain=True),
        tool_text("odd", is_plain=False),
        tool_text("late", is_plain=True),
        tool_text("odd", is_plain=True),
    ]
    columns = Columns(list(COLUMNS))
    columns.add_raw("s", 0, [*raws[:2], *reversed(raws)])
    assert columns.frame()["status"].cat.categories.tolist() == ["success", "error", "plain", "odd", "late"]


def test_calls_that_only_old_records_keep_are_found_in_every_batch() -> None:
    old = {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    new = [{"name": "g", "args": {}, "id": "2", "type": "tool_call"}]
    raws = [
        json.dumps({"type": "ai", "data": {"content": "", "additional_kwargs": kwargs, "tool_calls": calls}})
        for kwargs, calls in [(old, []), ({}, new), (old, new), ({}, []), (old, [])]
    ]
    columns = Columns(list(COLUMNS))
    columns.add_raw("s", 0, raws)
    frame = columns.frame()
    pd.testing.assert_frame_equal(frame, at_once(raws))
    names = [None if calls != calls else json.loads(calls)[0]["name"] for calls in frame["tool_calls"]]
    assert names == ["f", "g", "g", None, "f"]


@given(st.lists(records, max_size=12))
def test_parsed_records_make_the_same_frame_as_their_texts(raws: list[str]) -> None:
    columns = Columns(list(COLUMNS))
    for record in parse_all(raws):
        columns.add("s", [record])
    pd.testing.assert_frame_equal(columns.frame(), at_once(raws))


@pytest.mark.parametrize("stamp", STAMPS)
def test_a_time_is_what_python_reads_whatever_stands_beside_it(stamp: object) -> None:
    raws = [
        json.dumps({"type": "human", "data": {"content": ""}, "stored_at": one}) for one in (stamp, STAMPS[0])
    ]
    columns = Columns(["stored_at"])
    columns.add_raw("s", 0, raws)
    pd.testing.assert_series_equal(columns.frame().stored_at, at_once(raws).stored_at)


def test_chosen_columns_come_in_the_order_in_which_they_were_asked_for() -> None:
    columns = Columns(["content", "stored_at", "index"])
    columns.add_raw("s", 3, ['{"type": "human", "data": {"content": "hi"}}'] * 5)
    frame = columns.frame()
    assert list(frame) == ["content", "stored_at", "index"]
    assert frame["index"].tolist() == [3, 4, 5, 6, 7]
