"""What a client has seen of a cache: hints that save requests, and may be wrong at any time."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

_REMEMBERED = 100_000
"""Of each kind; at one more, all of them are forgotten."""


class Seen:
    """Names that are in the index, and lengths that lists had; safe to use from every thread."""

    def __init__(self) -> None:
        self._names: dict[tuple[bytes, str], bool] = {}
        self._lengths: dict[bytes, int] = {}

    def name(self, index: bytes, session_id: str) -> bool:
        """Whether the name was put into this index."""
        return (index, session_id) in self._names

    def put_name(self, index: bytes, session_id: str) -> None:
        _put(self._names, (index, session_id), True)

    def drop_name(self, index: bytes, session_id: str) -> None:
        self._names.pop((index, session_id), None)

    def length(self, key: bytes) -> int | None:
        """How long the list was after the last push; None if there was none."""
        return self._lengths.get(key)

    def put_length(self, key: bytes, length: int) -> None:
        _put(self._lengths, key, length)


def _put(seen: dict[K, V], key: K, value: V) -> None:
    if len(seen) >= _REMEMBERED:
        seen.clear()
    seen[key] = value
