"""Glob patterns are matched as Redis matches them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb.stores.redis_glob import compile_glob


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*", ["", "a", "a\nb"], []),
        ("a*c", ["ac", "abc", "a**c"], ["ab", "acd"]),
        ("a?c", ["abc", "a?c", "a漢c"], ["ac", "abbc"]),
        ("[a-c]x", ["ax", "bx", "cx"], ["dx", "x", "-x"]),
        ("[c-a]x", ["bx"], ["dx"]),
        ("[^a-c]x", ["dx", "^x"], ["ax", "x"]),
        ("[a\\]]x", ["ax", "]x"], ["bx"]),
        ("[abc", ["a", "b"], ["[abc", "abc"]),
        ("\\*", ["*"], ["a", "\\*"]),
        ("a\\", ["a\\"], ["a"]),
        ("a.c", ["a.c"], ["abc"]),
        ("[]x", [], ["x", "]x"]),
        ("[^]x", ["ax", "]x"], ["x"]),
        ("a**b", ["ab", "axb"], ["a"]),
        ("(a|b)+$", ["(a|b)+$"], ["a"]),
        ("[-a]", ["-", "a"], ["b"]),
        ("[a&&b]", ["a", "&", "b"], ["c"]),
    ],
)
def test_a_glob_is_that_of_redis(pattern: str, matching: list[str], others: list[str]) -> None:
    glob = compile_glob(pattern)
    assert [text for text in matching if not glob.fullmatch(text)] == []
    assert [text for text in others if glob.fullmatch(text)] == []


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_a_glob_and_its_escape_matches_itself_alone(text: str, other: str) -> None:
    compile_glob(text).fullmatch(other)
    escaped = compile_glob(re.sub(r"([*?\[\]\\^-])", r"\\\1", text))
    assert escaped.fullmatch(text)
    assert text == other or not escaped.fullmatch(other)
