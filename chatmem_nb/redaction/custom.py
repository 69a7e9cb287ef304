"""Own patterns and own detectors of a redactor."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from operator import index
from typing import Any, TypeAlias

from ..errors import InvalidInputError
from .spans import Span

CustomDetector: TypeAlias = Callable[[str], Iterable[Any]]
"""From a text to spans: pairs, triples, or objects with `start` and `end`."""


def compiled(
    patterns: Mapping[str, str | re.Pattern[str]], taken: Collection[str]
) -> dict[str, re.Pattern[str]]:
    """Return own patterns by kind; `taken` are kinds that they must not be of.

    Raises: InvalidInputError.
    """
    if not isinstance(patterns, Mapping):
        raise InvalidInputError('patterns must be a mapping, as in {"ticket": r"T-[0-9]+"}', field="patterns")
    found: dict[str, re.Pattern[str]] = {}
    for name, pattern in patterns.items():
        kind = _kind(name)
        if kind in found or kind.lower() in taken:
            raise InvalidInputError(f"the pattern name {name!r} is taken; choose another")
        try:
            found[kind] = re.compile(pattern, re.IGNORECASE) if isinstance(pattern, str) else pattern
        except re.error as exc:
            raise InvalidInputError(f"the pattern {name!r} is not a regular expression: {exc}") from None
        if not isinstance(found[kind].pattern, str):
            raise InvalidInputError(f"the pattern {name!r} is of bytes; give one of text")
    return found


def _kind(name: object) -> str:
    kind = re.sub(r"[^A-Z0-9]+", "_", str(name).upper()).strip("_")
    if not kind or not kind[0].isalpha():
        raise InvalidInputError(f"{name!r} is no name of a kind; use letters, as in 'ticket'")
    return kind


def matches(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """Yield what `pattern` finds in `text`."""
    for found in pattern.finditer(text):
        if found.end() > found.start():
            yield Span(found.start(), found.end(), kind)


def checked_span(found: Any, length: int) -> Span:
    """Return what an own detector yielded as a span.

    Raises: InvalidInputError if it is not a span, or lies outside a text of `length` characters.
    """
    if hasattr(found, "start") and hasattr(found, "end"):
        place = (found.start, found.end, getattr(found, "entity_type", "custom"))
    else:
        place = tuple(found) if isinstance(found, (tuple, list)) else ()
    try:
        start, end = index(place[0]), index(place[1])
        kind = _kind(place[2] if len(place) > 2 else "custom")
    except (IndexError, TypeError):
        raise InvalidInputError(
            "a detector returned something that is no span; return (start, end) or (start, end, kind)"
        ) from None
    if not 0 <= start < end <= length:
        raise InvalidInputError(
            f"a detector returned the span ({start}, {end}) of a text of {length} characters"
        )
    return Span(start, end, kind)
