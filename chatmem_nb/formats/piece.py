"""What readers of files yield."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

RECORDS: Final = 5_000
"""Records of a piece, at most."""


class Piece(NamedTuple):
    """Some records of one session; its other pieces may come later."""

    session_id: str
    records: list[str]
    n_rebuilt: int = 0
    """How many of them were rebuilt, because columns had been edited."""
    labels: Sequence[dict[str, Any]] = ()
    """Labels of the session and its messages, as lines of their log; not checked."""


def is_in_order(places: Iterable[tuple[Any, Any]]) -> bool:
    """Whether the messages of each session, given as (session id, index), are sorted by index."""
    last: dict[Any, Any] = {}
    for name, index in places:
        if index is not None:
            if index < last.get(name, index):
                return False
            last[name] = index
    return True
