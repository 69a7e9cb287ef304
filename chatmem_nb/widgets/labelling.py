"""Labels on the page: shows them on messages and sessions, sets them, and filters by them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from ..labels import Label, Labels, StoredLabels
from ..markdown import showable
from ..records import StoredMessage
from .protocol.requests import LabelChanges, LabelMessageParams, LabelSessionParams, OpenSessionParams
from .reading import records
from .request_errors import RequestError
from .request_parsing import RequestContext
from .state import BrowserState
from .transcript import Transcript

NOTE_CLIP: Final = 4_000
"""Maximum length of a note that is sent to the page."""
TAGS_SHOWN: Final = 200
"""Maximum number of tags outside the palette that the page can filter by."""
ANY_LABEL: Final = "*"
_TAG: Final = "tag:"


class Labelling:
    """The methods of the page that set labels, and what its other methods need of them."""

    def __init__(self, state: BrowserState, transcript: Transcript, labels: Labels | None) -> None:
        self._state, self._transcript, self.labels = state, transcript, labels
        self._stored: tuple[object, StoredLabels] | None = None

    @property
    def current(self) -> Labels | None:
        """The labels to show: those passed to the browser, else those stored in the open file."""
        connection = self._state.connection
        if self.labels is not None or connection is None:
            return self.labels
        read = getattr(connection.store, "label_events", None)
        if read is None:
            return None
        if self._stored is None or self._stored[0] is not connection.store:
            self._stored = connection.store, StoredLabels(Path(connection.target), read)
        return self._stored[1]

    def palette(self) -> list[dict[str, str]] | None:
        """Return the tags that can be set and their colours; None if labels are read-only or absent."""
        if self.labels is None:
            return None
        return [{"name": name, "colour": colour} for name, colour in self.labels.palette.items()]

    async def label(self, params: LabelMessageParams, context: RequestContext) -> dict[str, Any]:
        """Set the label of a message; return what the page shows of it."""
        record = await self._transcript.record_of(params)
        # Equal records are distinguished by their order; one with a record id has no equal.
        before = [] if record.record_id else await self._records_to(params.session_id, record.index)
        found = await asyncio.to_thread(self._set, params.session_id, record, params, before)
        self._state.tell_label(params.session_id, record.index, params.identity, found)
        return {"label": found}

    async def label_session(self, params: LabelSessionParams, context: RequestContext) -> dict[str, Any]:
        """Set the label of a session; return what the page shows of it."""
        found = await asyncio.to_thread(self._set, params.session_id, None, params, [])
        self._state.tell_label(params.session_id, None, "", found)
        return {"label": found}

    async def session_labels(self, params: OpenSessionParams, context: RequestContext) -> dict[str, Any]:
        """Return all labels of the open session, also of removed messages. Reads it if it has any."""
        opened, labels = self._state.at(params.session_id, params.epoch), self._required()
        await asyncio.to_thread(labels.refresh)
        one = opened.session_id
        known = [label for label in labels if label.session_id == one and label.key is not None]
        whole = await self._records_to(one, opened.total - 1) if known and opened.total else []
        found = await asyncio.to_thread(labels.of_session, one, whole)
        here = sorted(found.messages.items())
        gone = sorted(found.gone, key=lambda label: label.index or 0)
        rows = [(index, label) for index, label in [*here, *((None, label) for label in gone)] if label]
        messages = [{"index": i, "was": label.index, "label": shown(label)} for i, label in rows]
        return {"label": shown(found.session), "messages": messages}

    def _set(
        self,
        session_id: str,
        record: StoredMessage | None,
        changes: LabelChanges,
        before: Sequence[StoredMessage],
    ) -> dict[str, Any] | None:
        labels = self._required()
        labels.set(
            session_id,
            record,
            star=changes.star,
            add=changes.add,
            remove=changes.remove,
            note=changes.note,
            records=before,
        )
        if record is None:
            return shown(labels.of_session(session_id).session)
        found = labels.of_session(session_id, [record], is_whole=False).messages
        return shown(found.get(record.index))

    async def add_to_rows(
        self, session_id: str, rows: list[dict[str, Any]], found: Sequence[StoredMessage]
    ) -> dict[str, Any] | None:
        """Add the label of its message to each row, and return that of the session."""
        labels = self.current
        if labels is None:
            return None
        await asyncio.to_thread(labels.refresh)
        of_session = labels.of_session(session_id, found, is_whole=False)
        for row in rows:
            if (label := shown(of_session.messages.get(row["index"]))) is not None:
                row["label"] = label
        return shown(of_session.session)

    async def add_to_sessions(self, rows: list[dict[str, Any]]) -> None:
        """Add the label of its session, and the number of its labelled messages, to each row of the list."""
        labels = self.current
        if labels is None:
            return
        counts: dict[str, int] = {}
        await asyncio.to_thread(labels.refresh)
        names = {row["session_id"] for row in rows}
        for label in labels:
            if label.key is not None and label.session_id in names:
                counts[label.session_id] = counts.get(label.session_id, 0) + 1
        for row in rows:
            if (label_shown := shown(labels.of_session(row["session_id"]).session)) is not None:
                row["label"] = label_shown
            if count := counts.get(row["session_id"]):
                row["labelled"] = count

    async def tags(self) -> list[dict[str, str]] | None:
        """Return the tags to filter by: the palette, and others in use. None if there are no labels."""
        labels = self.current
        if labels is None or (labels is not self.labels and not await asyncio.to_thread(labels.sessions)):
            return None
        palette = await asyncio.to_thread(lambda: labels.palette)
        in_use = {tag: "" for label in labels for tag in label.tags}
        names = {**dict(sorted(in_use.items())[:TAGS_SHOWN]), **palette}
        return [{"name": name, "colour": names[name]} for name in {**palette, **names}]

    async def session_filter(self, wanted: str) -> Callable[[str], bool]:
        """Return a function that tells whether a session, or a message of it, has the label `wanted`."""
        if not wanted:
            return lambda session_id: True
        is_match, labels = _matcher(wanted), self._required()
        await asyncio.to_thread(labels.refresh)
        names = {label.session_id for label in labels if is_match(label)}
        return names.__contains__

    def matching(self, session_id: str, found: Iterable[StoredMessage], wanted: str) -> list[StoredMessage]:
        """Return those of `found` that have the label `wanted`."""
        is_match, candidates = _matcher(wanted), list(found)
        of_index = self._required().of_session(session_id, candidates, is_whole=False).messages
        return [record for record in candidates if (label := of_index.get(record.index)) and is_match(label)]

    def _required(self) -> Labels:
        labels = self.current
        if labels is None:
            raise RequestError("not_allowed", "This browser has no labels: make it with labels=Labels(path).")
        return labels

    async def _records_to(self, session_id: str, index: int) -> list[StoredMessage]:
        return await records(self._state.store, session_id, 0, index + 1)


def shown(label: Label | None) -> dict[str, Any] | None:
    """Return `label` as the page shows it; None if it is empty."""
    if not label:
        return None
    mark = label.last_mark
    return {
        "star": label.star is not None,
        "tags": [showable(tag) for tag in label.tags],
        "note": showable(label.note[:NOTE_CLIP]),
        "author": showable(mark.author[:200]) if mark else "",
        "at": mark.at.isoformat() if mark and mark.at else None,
    }


def _matcher(wanted: str) -> Callable[[Label], bool]:
    if wanted == ANY_LABEL:
        return bool
    if wanted == "star":
        return lambda label: label.star is not None
    if wanted == "note":
        return lambda label: bool(label.note)
    tag = wanted.removeprefix(_TAG)
    return lambda label: tag in label.tags
