"""Which session ids fit what someone types: part of an id, or a glob; case does not count."""

from __future__ import annotations

import re
from collections.abc import Callable


def matcher(query: str) -> Callable[[str], bool]:
    """Return whether an id holds `query`, or fits it as a glob if it has `*` or `?`; case does not count."""
    query = query.strip()
    if not query:
        return lambda name: True
    if "*" in query or "?" in query:
        return _glob(query.casefold())
    folded = query.casefold()
    return lambda name: folded in name.casefold()


def _glob(pattern: str) -> Callable[[str], bool]:
    """Return whether an id fits `pattern`; in one pass, where a regular expression could take for ever."""
    parts = [
        re.compile("".join("." if char == "?" else re.escape(char) for char in part), re.DOTALL)
        for part in pattern.split("*")
    ]
    head, *middle = parts[:-1] or parts
    tail = parts[-1] if len(parts) > 1 else None

    def matches(name: str) -> bool:
        name = name.casefold()
        found = head.match(name)
        if found is None or tail is None:
            return found is not None and found.end() == len(name)
        at = found.end()
        for part in middle:
            found = part.search(name, at)
            if found is None:
                return False
            at = found.end()
        width = _width(tail)
        return at + width <= len(name) and tail.fullmatch(name, len(name) - width) is not None

    return matches


def _width(part: re.Pattern[str]) -> int:
    """How many characters `part` matches: each letter, escaped or not, and each dot is one."""
    return len(re.sub(r"\\(.)", r"\1", part.pattern, flags=re.DOTALL))
