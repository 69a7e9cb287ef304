"""What a search looks for: words, whole words, regular expressions that cannot hang the kernel."""

from __future__ import annotations

import threading
import time

import pytest

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.widgets.text_pattern import LONGEST, TextPattern


@pytest.mark.parametrize(
    ("text", "options", "within", "span"),
    [
        ("cat", {}, "The CATegory", (4, 7)),
        ("cat", {"whole_words": True}, "category, Cat.", (10, 13)),
        ("cat", {"whole_words": True}, "category", None),
        ("(", {"whole_words": True}, "a ( b", (2, 3)),
        ("c.t", {}, "cat", None),
        ("c.t", {"is_regex": True}, "a CUT", (2, 5)),
        ("c.t", {"is_regex": True, "whole_words": True}, "cuts cut", (5, 8)),
        ("a|b", {"is_regex": True, "whole_words": True}, "ab b", (3, 4)),
        (r"^\w+$", {"is_regex": True}, "word", (0, 4)),
    ],
)
def test_a_pattern_is_found_where_it_stands(
    text: str, options: dict[str, bool], within: str, span: tuple[int, int] | None
) -> None:
    pattern = TextPattern(text, **options)
    assert pattern.span(within) == span
    assert pattern.is_in(within) == (span is not None)
    assert not pattern.is_in(None)


def test_what_an_expression_matched_is_told_once_each() -> None:
    pattern = TextPattern(r"\w*ing|x*", is_regex=True)
    assert pattern.words_in("Going, doing, going, Going", 20, 200) == ["Going", "doing", "going"]
    assert pattern.words_in("going doing", 1, 200) == ["going"]
    assert pattern.words_in("going", 20, 4) == []
    assert TextPattern("going").words_in("going", 20, 200) == []


@pytest.mark.parametrize("text", ["(", "a{2,1}", "[", r"(?P<n>a)(?P<n", "*", "(?<=a+", "x" * (LONGEST + 1)])
def test_an_invalid_expression_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInputError, match="regular expression") as caught:
        TextPattern(text, is_regex=True)
    assert caught.value.field == "text"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expression", "hostile"),
    [
        (r"(x+x+)+y", "x" * 5_000),
        (r"(a|aa)+$", "a" * 5_000 + "b"),
    ],
)
def test_a_pathological_expression_is_stopped_while_others_run(expression: str, hostile: str) -> None:
    ticks, stop = [], threading.Event()

    def tick() -> None:
        while not stop.wait(0.01):
            ticks.append(time.monotonic())

    other = threading.Thread(target=tick)
    other.start()
    began = time.thread_time()
    pattern = TextPattern(expression, is_regex=True)
    try:
        with pytest.raises(InvalidInputError, match="takes too long"):
            any(pattern.is_in(hostile) for _ in range(200))  # each may stay within the limit by itself
    finally:
        stop.set()
        other.join()
    assert time.thread_time() - began < 4
    assert len(ticks) > 5


def test_a_short_expression_over_long_texts_is_not_stopped() -> None:
    pattern = TextPattern(r"needle\d+", is_regex=True)
    text = "hay " * 250_000 + "needle7"
    assert all(pattern.is_in(text) for _ in range(20))
