"""The shortcuts of the Markdown parser change nothing: byte for byte what it makes without them."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatmem_nb import markdown
from chatmem_nb.markdown import to_html
from tests.unit.markdown_payloads import HOSTILE, SLOW

PLAIN_PARSER = markdown._parser()

characters = st.text(
    st.sampled_from("ab1 é中Z \n\n\t.!?'\"()[]-+*_#:;,=/|%@{}^<>&$~`\\\u3000\u2028"), max_size=30
)
starts = st.sampled_from(
    ["", "", "a", "**b** ", "- ", "  - c ", "1. ", "2) ", "> ", "# ", "    ", "\t", "| ", "x|"]
)
ENDS = """
a b|---|===|a_b|_a_|**a**|$5 or $6|$x$|$$|--:|:|!|[a](https://b.c)|[a]|[a]: https://b.c|`a|a *b|![a](b)|&amp;
"""
ends = st.sampled_from(["", "", "  ", "|", "|-:", "--|--", "\\", "```", "~~a~~", *ENDS.strip().split("|")])
lines = st.lists(st.builds("".join, st.tuples(starts, ends, ends)), max_size=6).map("\n".join)


def without_shortcuts(text: str) -> str:
    html = PLAIN_PARSER.render(markdown.showable(text), {markdown._ATTRIBUTES_LEFT: 10**9})
    return markdown._CLEANER.clean(html)


@given(characters | lines | st.tuples(lines, characters, lines).map("".join))
@example("a\n===\n\nb|c\n-|:-\n")
@example("Up to $1 or $2, for lucas_brown_4047.")
def test_the_result_is_that_of_the_parser_without_shortcuts(text: str) -> None:
    assert to_html(text) == without_shortcuts(text)


@given(st.text(st.sampled_from("ab éZ中 \n\n.!?'\"()-+#:;,=/1 %@{}^_$\u3000\u2028x"), max_size=30))
def test_prose_is_what_the_parser_makes_of_it(text: str) -> None:
    assert to_html(text) == without_shortcuts(text)


@given(
    st.lists(
        st.text(st.sampled_from("ab1é中Z .,:;?!()'\"-_*\u00a0\u3000€«"), max_size=4) | st.just(""), max_size=7
    ).map("**".join)
)
@example("**a:** b")
@example("a **b**, **c**")
@example("**a****b**")
def test_bold_type_is_what_the_parser_makes_of_it(text: str) -> None:
    for start in ("", "- ", "1. ", "# "):
        assert to_html(start + text) == without_shortcuts(start + text)


def test_hostile_text_is_parsed_as_without_shortcuts() -> None:
    for text in (*HOSTILE, *(text[:400] for text in SLOW.values())):
        assert to_html(text) == without_shortcuts(text), text


@pytest.mark.parametrize(
    "piece", ["a ", "a_", "a_b ", "a__", "$", "$a", "$1 ", "a!", "a\n", "a\n\n", "**a", "-:\n", "- "]
)
@pytest.mark.parametrize("length", [3_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_shortcut_takes_longer_than_in_proportion(piece: str, length: int) -> None:
    started = time.process_time()
    to_html("b" + piece * (length // len(piece) - 1) + "*")
    assert time.process_time() - started < 3


@pytest.mark.slow
def test_prose_that_is_long_takes_no_longer_than_its_length() -> None:
    assert to_html("a " * 4_000 + "*") == f"<p>{'a ' * 4_000}*</p>\n"
