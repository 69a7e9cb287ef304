"""What the kernel replies to changes: of messages, of sessions, and of their labels."""

from __future__ import annotations

from .parts import Label, LabelledMessage, LineError, SessionLength, Undo
from .results import Result


class Labelled(Result):
    """The label after a change; null if it is empty."""

    label: Label | None


class LabelsOfSession(Labelled):
    """The label of a session, and the labelled messages in it, in order."""

    messages: list[LabelledMessage]


class Appended(Result):
    """The index of the appended message, and the new length."""

    index: int
    total: int


class AppendedJSON(Result):
    """How many messages were appended, or the errors in them."""

    count: int
    errors: list[LineError]
    index: int | None
    total: int | None


class Removed(Result):
    """The open session after a message was removed."""

    epoch: int | None
    total: int
    undo: Undo | None


class ClearMeasured(Result):
    """What clearing would remove. `bytes` is null if that is too much to be undone."""

    sessions: list[SessionLength]
    messages: int
    bytes: int | None
    undoable: bool
    note: str


class Cleared(Result):
    """The sessions that were cleared. `later` are those that others have appended to meanwhile."""

    cleared: list[str]
    missing: list[str]
    later: list[SessionLength]
    undo: Undo | None


class Undone(Result):
    """The change that was undone."""

    label: str
    session_id: str
    epoch: int | None
    total: int | None
    undo: Undo | None
