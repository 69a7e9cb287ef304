"""Redis globs, for services that have none."""

from __future__ import annotations

import re


def compile_glob(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for the Redis glob `pattern`, to be used with `fullmatch`.

    `*` matches any characters, `?` one, `[a-c]` one of these, `[^a]` any other one; `\\` escapes a character.
    A class that is not closed ends with the pattern. Redis counts bytes where this counts characters.
    """
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            if parts[-1:] != [".*"]:  # a run of stars means one, and would take exponential time
                parts.append(".*")
        elif char == "?":
            parts.append(".")
        elif char == "[":
            part, at = _class(pattern, at)
            parts.append(part)
        else:
            if char == "\\" and at < len(pattern):
                char, at = pattern[at], at + 1
            parts.append(re.escape(char))
    return re.compile("".join(parts), re.DOTALL)


def _class(pattern: str, at: int) -> tuple[str, int]:
    """Return the regular expression of the class after the `[` before `at`, and the index after the class."""
    negated = pattern[at : at + 1] == "^"
    at += negated
    members = []
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "\\" and at + 1 < len(pattern):
            members.append(re.escape(pattern[at + 1]))
            at += 2
        elif pattern[at + 1 : at + 2] == "-" and at + 2 < len(pattern):
            low, high = sorted((pattern[at], pattern[at + 2]))
            members.append(f"{re.escape(low)}-{re.escape(high)}")
            at += 3
        else:
            members.append(re.escape(pattern[at]))
            at += 1
    if not members:
        return (".", at + 1) if negated else ("(?!)", at + 1)
    return f"[{'^' if negated else ''}{''.join(members)}]", at + 1
