"""What the kernel sends without a request: progress, and changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from .base import Payload
from .parts import Hit, Label


class Partial(Payload):
    """The matches since the last progress event, and how many there are so far."""

    hits: list[Hit]
    count: int
    sessions: int


class Progress(Payload):
    """The progress of request `rid` of `view`."""

    event: Literal["progress"]
    view: str
    rid: int
    done: int
    total: int | None
    note: str
    partial: Partial | None


class Changed(Payload):
    """Something has changed; `what` says which event it is."""

    event: Literal["changed"]


class SessionChanged(Changed):
    """The open session has changed. `session` is null if none is open."""

    what: Literal["session"]
    session: str | None
    epoch: int | None
    total: int | None


class MessageRequested(Changed):
    """Python asks the page to show message `index` of the open session."""

    what: Literal["message"]
    session: str
    index: int


class LabelChanged(Changed):
    """The label of message `index` of a session has changed, or that of the session if `index` is null."""

    what: Literal["label"]
    session: str
    index: int | None
    identity: str
    label: Label | None


class LabelsChanged(Changed):
    """Labels have changed in their file, perhaps in another notebook."""

    what: Literal["labels"]


class SessionsChanged(Changed):
    """The list of sessions has changed."""

    what: Literal["sessions"]


class SelectionChanged(Changed):
    """Other sessions were selected."""

    what: Literal["selection"]
    selection: list[str]


class ConnectionChanged(Changed):
    """Another store was connected, or the service became reachable or unreachable."""

    what: Literal["connection"]
    connected: bool
    number: int
    reachable: bool


EVENTS: Final[Mapping[str, type[Payload]]] = {
    "progress": Progress,
    "session": SessionChanged,
    "message": MessageRequested,
    "label": LabelChanged,
    "labels": LabelsChanged,
    "sessions": SessionsChanged,
    "selection": SelectionChanged,
    "connection": ConnectionChanged,
}
"""The events: progress, and the others by their `what`."""
