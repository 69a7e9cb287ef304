"""Labels as a DataFrame, and joined onto a DataFrame of messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..columns.schema import Kind, frame_of
from ..errors import InvalidInputError
from ..json_text import json_text
from ..records import StoredMessage, parse
from .label import Label, Mark

if TYPE_CHECKING:
    from .labels import Labels

LABEL_COLUMNS: dict[str, Kind] = {
    "session_id": "text",
    "index": "Int64",
    "identity": "text",
    "label": "category",
    "value": "text",
    "author": "text",
    "labelled_at": "time",
    "gone": "bool",
}
JOINED_COLUMNS: dict[str, Kind] = {
    "star": "bool",
    "tags": "text",
    "note": "text",
    "labelled_by": "text",
    "labelled_at": "time",
    "session_star": "bool",
    "session_tags": "text",
    "session_note": "text",
}
_NO_LABEL = Label("")
_Located = tuple[Label, int | None, bool]


def labels_frame(labels: Labels, records_of: Callable[[str], Sequence[StoredMessage]] | None) -> pd.DataFrame:
    """Return one row per star, tag and note; see `Labels.to_dataframe`."""
    columns: dict[str, list[Any]] = {name: [] for name in LABEL_COLUMNS}
    for session_id in labels.sessions():
        for label, index, is_gone in _located(labels, session_id, records_of):
            for kind, value, mark in _marks(label):
                row = (session_id, index, label.key and label.key.identity, kind, value, mark.author, mark.at)
                for name, cell in zip(LABEL_COLUMNS, (*row, is_gone), strict=True):
                    columns[name].append(cell)
    if records_of is None:
        del columns["gone"]
    return frame_of(LABEL_COLUMNS, columns, {"label": ("star", "tag", "note")})


def _located(
    labels: Labels, session_id: str, records_of: Callable[[str], Sequence[StoredMessage]] | None
) -> Iterator[_Located]:
    """Yield the labels of a session, each with the index of its message and whether that was removed."""
    found = labels.of_session(session_id, () if records_of is None else records_of(session_id))
    if found.session:
        yield found.session, None, False
    for index in sorted(found.messages):
        yield found.messages[index], index, False
    for label in sorted(found.gone, key=lambda label: (label.index is None, label.index or 0)):
        yield label, label.index, True


def _marks(label: Label) -> Iterator[tuple[str, str | None, Mark]]:
    if label.star is not None:
        yield "star", None, label.star
    for tag, mark in label.tags.items():
        yield "tag", tag, mark
    if label.note_mark is not None:
        yield "note", label.note, label.note_mark


def join_labels(labels: Labels, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with the labels of its messages; see `Labels.join`."""
    if missing := [name for name in ("session_id", "index", "raw") if name not in frame]:
        raise InvalidInputError(f"the frame has no columns {missing}; make it with to_dataframe(...)")
    if taken := [name for name in JOINED_COLUMNS if name in frame]:
        raise InvalidInputError(f"the frame has columns {taken} already; drop them before joining labels")
    of_row = _labels_of_rows(labels, frame)
    columns: dict[str, list[Any]] = {name: [] for name in JOINED_COLUMNS}
    for session_id, label in zip(frame["session_id"].tolist(), of_row, strict=True):
        session = labels.of_session(session_id).session if isinstance(session_id, str) else None
        for name, cell in zip(JOINED_COLUMNS, _cells(label or _NO_LABEL, session or _NO_LABEL), strict=True):
            columns[name].append(cell)
    added = frame_of(JOINED_COLUMNS, columns, {})
    added.index = frame.index
    return pd.concat([frame, added], axis=1)


def _cells(label: Label, session: Label) -> tuple[Any, ...]:
    mark = label.last_mark
    return (
        label.star is not None,
        json_text(list(label.tags)) if label.tags else None,
        label.note or None,
        mark and mark.author,
        mark and mark.at,
        session.star is not None,
        json_text(list(session.tags)) if session.tags else None,
        session.note or None,
    )


def _labels_of_rows(labels: Labels, frame: pd.DataFrame) -> list[Label | None]:
    of_row: list[Label | None] = [None] * len(frame)
    positions: dict[str, list[int]] = {}
    labelled = set(labels.sessions())
    for position, session_id in enumerate(frame["session_id"].tolist()):
        if session_id in labelled:
            positions.setdefault(session_id, []).append(position)
    raws, indexes = frame["raw"].tolist(), frame["index"].tolist()
    for session_id, places in positions.items():
        # Positions in place of indexes: a frame that was assembled by hand may contain an index twice.
        places = sorted(places, key=lambda place: indexes[place])
        records = [parse(raws[place] if isinstance(raws[place], str) else "", place) for place in places]
        for place, label in labels.of_session(session_id, records).messages.items():
            of_row[place] = label
    return of_row
