"""The labels of the messages that an export writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..errors import InvalidInputError
from ..formats.writer import SessionEvents
from ..labels import Label, Labels, keys_of
from ..labels.transfer import events_of
from ..records import StoredMessage
from ..redaction import Redaction
from ..sources import Session


class ExportedLabels:
    """Matches labels to messages while they are read, and identifies these messages as they are written.

    A message without a `record_id` is identified by a digest of its record, which redaction changes.
    """

    def __init__(self, labels: Labels, redaction: Redaction | None) -> None:
        if not isinstance(labels, Labels):
            raise InvalidInputError(
                f"labels must be Labels, not {type(labels).__name__}; open them: Labels(path)", field="labels"
            )
        self.path = labels.path
        self._labels, self._redaction = labels, redaction
        self._labelled = set(labels.sessions())
        self._written_id = {self._name(session_id): session_id for session_id in self._labelled}
        self._read: dict[str, list[StoredMessage]] = {}
        self._kept: list[StoredMessage] = []
        self.written = self.left_out = 0

    def _name(self, session_id: str) -> str:
        return session_id if self._redaction is None else self._redaction.session_id(session_id)

    def follow(self, found: Iterable[Session]) -> Iterator[Session]:
        """Yield the pieces `found`, remembering the records of a session that has labels."""
        for session_id, records in found:
            if session_id in self._labelled:
                self._read.setdefault(str(session_id), []).extend(records)
            yield session_id, records

    def add(self, name: str | None, records: Sequence[StoredMessage]) -> None:
        """Add records of the session written as `name`, in the form in which they are written."""
        if name in self._written_id:
            self._kept += records

    def end_session(self, name: str | None, *, can_hold: bool) -> SessionEvents:
        """Return the labels of the session that was added, and count them."""
        kept, self._kept = self._kept, []
        session_id = self._written_id.get(name or "")
        if name is None or session_id is None:
            return SessionEvents([], {})
        found = self._labels.of_session(session_id, self._read.pop(session_id, []))
        events = SessionEvents(self._events(found.session, session_id, name), {})
        for record, key in zip(kept, keys_of(kept), strict=True):
            if label := found.messages.pop(record.index, None):
                redact = self._redactor(session_id)
                events.messages[record.index] = events_of(label, name, key, record.index, redact)
        self._count(events, [*found.messages.values(), *found.gone], name, can_hold=can_hold)
        return events

    def _count(self, events: SessionEvents, lost: list[Label], name: str, *, can_hold: bool) -> None:
        """Count `events`, and the labels `lost` with their messages."""
        self.written += events.number if can_hold else 0
        self.left_out += sum(len(events_of(label, name)) for label in lost)
        self.left_out += 0 if can_hold else events.number

    def _events(self, label: Label | None, session_id: str, name: str) -> list[dict[str, Any]]:
        return [] if label is None else events_of(label, name, redact=self._redactor(session_id))

    def _redactor(self, session_id: str) -> Any:
        redaction = self._redaction
        return None if redaction is None else lambda text: redaction.text(text, session_id)
