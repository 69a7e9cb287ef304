"""Sessions joined from the pages or pieces in which they are read, so that each is written by one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..errors import InvalidInputError
from ..formats.piece import Piece


def joined_pages(pages: Iterable[tuple[str, int, list[str]]]) -> Iterator[tuple[str, list[str]]]:
    """Yield (session_id, records) of what `read_many` yields, one session in memory at a time.

    A session is yielded once its last page was read, so that an interruption leaves none incomplete. Both
    services limit the size of a session (Momento 5 MB, Upstash 100 MB), and so the memory that this takes.
    """
    current: str | None = None
    records: list[str] = []
    for session_id, start, page in pages:
        if start == 0:
            if current is not None:
                yield current, records
            current, records = session_id, []
        records += page
    if current is not None:
        yield current, records


def joined_pieces(path: Path, pieces: Iterable[Piece], counts: Mapping[str, int]) -> Iterator[Piece]:
    """Yield each session when its last piece was read; `counts` are the numbers of their pieces.

    Only sessions whose pieces alternate are in memory at the same time.

    Raises: InvalidInputError if the numbers differ, because the file was changed meanwhile.
    """
    left = dict(counts)
    started: dict[str, Piece] = {}
    for name, records, n_rebuilt, labels in pieces:
        if not left.get(name):
            raise InvalidInputError(_changed(path, name))
        left[name] -= 1
        before = started.pop(name, None) or Piece(name, [], 0, [])
        before.records.extend(records)
        piece = before._replace(n_rebuilt=before.n_rebuilt + n_rebuilt, labels=[*before.labels, *labels])
        if left[name]:
            started[name] = piece
        else:
            yield piece
    for name, missing in left.items():
        if missing:
            raise InvalidInputError(_changed(path, name))


def _changed(path: Path, name: str) -> str:
    return (
        f"{path} was changed while it was imported, and session {name!r} was not stored; "
        'wait until the file is complete, and import it again with on_conflict="merge"'
    )
