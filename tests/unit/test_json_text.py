"""JSON as text again: the same value, indented within bounds, however deep, wide or large."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb.formats import html_page, markdown_file
from chatmem_nb.json_text import INDENTED_LEVELS, indented, json_text, line_start, pretty_json, pretty_start
from chatmem_nb.records import StoredMessage, parse
from chatmem_nb.widgets.entries import laid_out, text_of, words_html
from chatmem_nb.widgets.rows import rows_of
from chatmem_nb.widgets.snapshot import Snapshot

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
DEEP = 400
"""Levels; about what the JSON parsers still read."""


def deep_and_wide(length: int, depth: int = DEEP) -> str:
    """Return JSON of that length, whose innermost list is long: each of its items would be indented."""
    return "[" * depth + ",".join(["1"] * ((length - 2 * depth) // 2)) + "]" * depth


@given(VALUES)
def test_shallow_json_is_indented_as_json_does_it(value: Any) -> None:
    expected = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    assert pretty_json(value) == expected
    assert indented(json.dumps(value), 100_000) == json.dumps(value, ensure_ascii=False, indent=2)


@given(VALUES, st.integers(min_value=0, max_value=60))
def test_a_start_is_the_start(value: Any, limit: int) -> None:
    whole = json.dumps(value, ensure_ascii=False, indent=2)
    assert pretty_start(value, limit) == (whole if len(whole) <= limit else whole[:limit] + "…")
    line = json.dumps(value, separators=(",", ":"))
    assert line_start(value, limit) == (line if len(line) <= limit else line[:limit] + "…")


def test_deep_levels_are_not_indented_and_nothing_is_lost() -> None:
    value = json.loads(deep_and_wide(5_000))
    text = pretty_json(value)
    assert max(len(line) - len(line.lstrip(" ")) for line in text.splitlines()) == 2 * INDENTED_LEVELS
    assert json.loads(text) == value


def test_what_would_be_too_long_stays_on_one_line() -> None:
    value = json.loads(deep_and_wide(20_000, depth=40))
    assert pretty_json(value, limit=100_000) == json_text(value)
    assert indented(json_text(value), 100_000) is None


def test_no_depth_is_too_deep() -> None:
    value: Any = 1
    for _ in range(sys.getrecursionlimit() * 20):
        value = [value]
    assert pretty_start(value, 10) == "[\n  [\n    …"
    assert line_start(value, 3) == "[[[…"
    text = pretty_json(value)
    assert text.count("[") == sys.getrecursionlimit() * 20
    while value != 1:  # a list so deep is freed from the inside, without recursion
        value = value[0]


def records(text: str) -> dict[str, StoredMessage]:
    """Records that hold the JSON `text` in each place that is laid out to be read."""
    made = {
        "arguments": '{"type":"ai","data":{"content":"","tool_calls":[{"name":"x","args":{"a":*},"id":""}]}}',
        "result": '{"type":"tool","data":{"content":"*","tool_call_id":"1"}}',  # no quote is in it
        "result as JSON": '{"type":"tool","data":{"content":*,"tool_call_id":"1"}}',
        "block": '{"type":"human","data":{"content":[{"type":"odd","x":*}]}}',
        "name": '{"type":"human","data":{"content":"","name":*}}',
    }
    return {place: parse(raw.replace("*", text)) for place, raw in made.items()}


PLACES = {
    "rows": lambda record: str(rows_of([record])),
    "snapshot": lambda record: Snapshot("s", [record], 1).html,
    "whole message": lambda record: words_html(text_of(record), "tool"),
    "raw view": lambda record: laid_out(record.raw) or "",
    "HTML export": html_page.message,
    "Markdown export": markdown_file.message,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape", [deep_and_wide(50_000), deep_and_wide(100_000, depth=45)], ids=["deep", "45"]
)
@pytest.mark.parametrize("place", PLACES)
def test_deep_and_wide_json_is_not_amplified(place: str, shape: str) -> None:
    for name, record in records(shape).items():
        before = time.thread_time()
        shown = PLACES[place](record)
        assert time.thread_time() - before < 3, name
        assert len(shown) < 3 * len(shape), name
