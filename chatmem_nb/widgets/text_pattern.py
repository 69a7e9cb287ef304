"""The text of a search: a substring, whole words, or a regular expression."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, Final

from ..errors import InvalidInputError

LONGEST: Final = 1_000
"""Characters of a regular expression at most."""
LIMIT_S: Final = 1.0
"""How long the matching of one search may take beyond what texts of that length usually take."""
_USUAL_S: Final = 1e-6
"""Seconds per character that an ordinary expression stays far below."""


class TextPattern:
    """Looks for `text` without regard to case.

    With `is_regex` it is a regular expression, with `whole_words` letters may not go on at either end.
    """

    def __init__(self, text: str, *, is_regex: bool = False, whole_words: bool = False) -> None:
        """Raises: InvalidInputError if the expression is invalid."""
        self.text, self.is_regex, self.whole_words = text, is_regex, whole_words
        self._folded = text.casefold()
        self._overrun_s = 0.0
        self._regex: Any = _compiled(text, whole_words) if is_regex else None
        self._in_folded = re.compile(_whole(re.escape(self._folded)))

    def is_in(self, text: object) -> bool:
        """Return whether `text` holds it. Raises: InvalidInputError if the expression takes too long."""
        if not isinstance(text, str):
            return False
        if self.is_regex:
            return self._first(text) is not None
        folded = text.casefold()
        # The plain search first: it is faster by far, and rules most texts out.
        return self._folded in folded and (not self.whole_words or self._in_folded.search(folded) is not None)

    def span(self, text: str) -> tuple[int, int] | None:
        """Return the first match in `text`."""
        if not self.text:
            return None
        if self.is_regex:
            match = self._first(text)
        else:
            escaped = re.escape(self.text)
            match = re.search(_whole(escaped) if self.whole_words else escaped, text, re.IGNORECASE)
        return match.span() if match else None

    def words_in(self, text: str, most: int, longest: int) -> list[str]:
        """Return what a regular expression matches in `text`, each once; [] without one."""
        if not self.is_regex:
            return []
        found: dict[str, None] = {}
        for word in self._all(text):
            if word.strip() and len(word) <= longest:
                found[word] = None
            if len(found) == most:
                break
        return list(found)

    def _first(self, text: str, place: int = 0) -> Any:
        """Return the first match from `place` on; the time above the usual adds up over the texts."""
        usual = len(text) * _USUAL_S
        began = time.monotonic()
        try:
            timeout = usual + LIMIT_S - self._overrun_s
            found = self._regex.search(text, place, timeout=timeout, concurrent=True)
        except TimeoutError:
            raise _too_slow() from None
        self._overrun_s += max(0.0, time.monotonic() - began - usual - 0.05)
        if self._overrun_s >= LIMIT_S:
            raise _too_slow()
        return found

    def _all(self, text: str) -> Iterator[str]:
        place = 0
        while place <= len(text):
            match = self._first(text, place)
            if match is None:
                return
            yield match.group()
            place = match.end() if match.end() > match.start() else match.end() + 1


def _whole(pattern: str) -> str:
    return rf"(?<!\w)(?:{pattern})(?!\w)"


def _compiled(text: str, whole_words: bool) -> Any:
    """Return the expression, compiled by `regex`.

    `re` holds the GIL and cannot be stopped, so one bad pattern would hang the whole kernel for ever;
    `regex` takes a timeout, and lets other threads run meanwhile.
    """
    import regex  # 0.1 s, and only for searches by regular expression

    if len(text) > LONGEST:
        raise InvalidInputError(
            f"The regular expression has {len(text):,} characters; {LONGEST:,} are possible.", field="text"
        )
    try:
        regex.compile(text, regex.IGNORECASE)  # by itself, so that the position in an error is right
        return regex.compile(_whole(text) if whole_words else text, regex.IGNORECASE)
    except regex.error as exc:
        where = "" if exc.pos is None else f" at position {exc.pos + 1}"
        raise InvalidInputError(
            f"This is not a regular expression: {exc.msg}{where}.", field="text"
        ) from None
    except (RecursionError, OverflowError, MemoryError, ValueError):
        raise InvalidInputError("This regular expression is too complex.", field="text") from None


def _too_slow() -> InvalidInputError:
    return InvalidInputError(
        "This regular expression takes too long and was stopped. Nested repeats such as (a+)+ are slow: "
        "write it without them.",
        field="text",
    )
