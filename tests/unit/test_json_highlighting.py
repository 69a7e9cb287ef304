"""Coloured JSON is, byte for byte, what Pygments and the sanitiser make of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb import markdown
from chatmem_nb.json_highlighting import json_html
from chatmem_nb.json_text import json_text, pretty_json
from chatmem_nb.markdown import code_html, showable
from tests.strategies import json_values
from tests.unit.markdown_payloads import HOSTILE

pieces = st.sampled_from(
    [
        *('"a"', '"', '"\\""', '"é\xa0<b>&amp;"', '"\\', "{", "}", "[", "]", ",", ":", " ", "\n", "\t", "\r"),
        *("1", "-", "2.5e+3", "true", "null", "NaN", "nul", "//x\n", "/*", "x", "'", "<", "\u2028", "\x00"),
    ]
)


def sanitised(text: str) -> str:
    return markdown._CLEANER.clean(markdown._code_block(showable(text), "json"))


@given(json_values.filter(lambda value: type(value) is not str))
def test_values_are_coloured_as_by_pygments(value: object) -> None:
    for text in (pretty_json(value), json_text(value), json.dumps(value)):
        assert code_html(text, "json") == sanitised(text)


@given(st.lists(pieces, max_size=12).map("".join))
def test_any_text_is_coloured_as_by_pygments(text: str) -> None:
    assert code_html(text, "json") == sanitised(text)


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_in_a_value_or_a_name_stays_text(payload: str) -> None:
    text = pretty_json({payload: [payload]})
    assert code_html(text, "json") == sanitised(text)
    assert code_html(payload, "json") == sanitised(payload)


def test_what_has_other_syntax_is_left_to_pygments() -> None:
    assert json_html('{"a": NaN}') is None
    assert json_html('"a" "b": 1') is None
    assert json_html('{"a": 1}') is not None
