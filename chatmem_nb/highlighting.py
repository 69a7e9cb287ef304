"""Code as HTML with its syntax coloured, by Pygments, within bounds.

Pygments' lexers are regular expressions, and many of its 500 take minutes, or forever, on code made for it:
24 characters of `mcschema` stopped a kernel. A regular expression that runs holds the GIL, and nothing can
stop it, so only languages whose lexers passed a fuzz are coloured, and only short code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Any, Final

import pygments
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from .time_limit import TimeLimitExceeded, check_time, time_limit

HIGHLIGHT_LIMIT: Final = 4_000
"""Characters of a code block that is coloured at most; longer ones stay plain."""
_TIME_LIMIT_S: Final = 0.25
# What most attacks on a regular expression consist of, and no code that people write.
_LONG_RUN: Final = re.compile(r"\w{200}|\s{200}|(.)\1{200}")

LANGUAGES: Final[dict[str, tuple[str, ...]]] = {
    "bash": ("sh", "shell", "zsh"),
    "c": ("h",),
    "cpp": ("c++", "cc", "hpp"),
    "css": (),
    "diff": ("patch",),
    "docker": ("dockerfile",),
    "go": ("golang",),
    "graphql": (),
    "html": (),
    "java": (),
    "javascript": ("js", "jsx"),
    "json": ("jsonl",),
    "kotlin": ("kt",),
    "lua": (),
    "makefile": ("make",),
    "markdown": ("md",),
    "perl": ("pl",),
    "php": (),
    "powershell": ("ps1",),
    "python": ("py", "python3"),
    "r": (),
    "ruby": ("rb",),
    "rust": ("rs",),
    "scala": (),
    "sql": (),
    "swift": (),
    "toml": (),
    "typescript": ("ts", "tsx"),
    "xml": ("svg",),
    "yaml": ("yml",),
}
"""Languages that are coloured, and their other names. tests/unit/test_code_fuzz.py tries each of them."""

_NAMES: Final = {name: language for language, names in LANGUAGES.items() for name in (language, *names)}
_FORMATTER: Final = HtmlFormatter(nowrap=True)


@cache
def _lexer(language: str) -> Any:
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)


def coloured(code: str, language: str) -> str:
    """Return `code` as HTML, coloured if `language` is known and the code is short enough; else only escaped.

    Never guesses a language.
    """
    known = _NAMES.get(language)
    if known is None or not is_colourable(code):
        return escape(code)
    lexer = _lexer(known)
    try:
        with time_limit(_TIME_LIMIT_S, len(code)):
            return pygments.format(_checked(lexer.get_tokens(code)), _FORMATTER)
    except TimeLimitExceeded:
        return escape(code)


def is_colourable(code: str) -> bool:
    """Whether `code` is short enough, and not made to take long."""
    return len(code) <= HIGHLIGHT_LIMIT and _LONG_RUN.search(code) is None


def _checked(tokens: Iterator[Any]) -> Iterator[Any]:
    check_time()  # before the first token as well, which may take long itself
    for token in tokens:
        yield token
        check_time()
