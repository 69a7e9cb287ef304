"""What results and events are made of, apart from the entries of the transcript."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Payload, Role, Service


class Spent(Payload):
    """What the store has spent since it was connected."""

    requests: int
    billed: int
    bytes_received: int


class Variable(Payload):
    """The name of an environment variable of a service, and whether it is set; never its value."""

    name: str
    set: bool


class Input(Payload):
    """A field of the connect form."""

    name: str
    label: str
    hint: str
    secret: bool


class Client(Payload):
    """A service that the form can connect to."""

    service: Service
    label: str
    env: list[Variable]
    inputs: list[Input]


class Permissions(Payload):
    """What the page may do."""

    connect: bool
    write: bool
    variables: bool
    files: bool


class Undo(Payload):
    """The change that the next undo would revert."""

    available: bool
    label: str | None


class Tag(Payload):
    """A tag that can be set. `colour` is a CSS colour, or empty."""

    name: str
    colour: str


class FileFormat(Payload):
    """A file that can be downloaded. `name` is that of the request, `label` and `about` are shown."""

    name: str
    label: str
    about: str


class Label(Payload):
    """The label of a message or a session, with the author and time of its last change."""

    star: bool
    tags: list[str]
    note: str
    author: str
    at: str | None


class LabelledMessage(Payload):
    """A labelled message. `index` is null if it is no longer stored, `was` its index when labelled."""

    index: int | None
    was: int | None
    label: Label


class Preview(Payload):
    """The beginning of a message."""

    role: Role
    text: str


class SessionRow(Payload):
    """A session in the list."""

    session_id: str
    length: int
    ttl_s: float | None
    first: Preview | None
    last: Preview | None
    last_write: str | None
    label: Label | None = None
    labelled: int = 0
    """How many of its messages have labels."""


class ListingSpent(Payload):
    """What listing the sessions has cost."""

    requests: int
    billed: int


class ToolCount(Payload):
    """How often a tool was called."""

    name: str
    calls: int


class Hit(Payload):
    """A message that a search found. `at` is where the match is in the snippet, in code points."""

    session_id: str
    index: int
    role: Role
    snippet: str
    at: Annotated[list[int], Field(min_length=2, max_length=2)]
    identity: str
    words: list[str] = Field(default_factory=list)
    """The distinct texts that a regular expression matched."""


class Scanned(Payload):
    """How much a search has read."""

    sessions: int
    messages: int


class LineError(Payload):
    """An error in a line of pasted JSON."""

    line: int
    message: str


class SessionLength(Payload):
    """A session and its length."""

    session_id: str
    length: int


class Redacted(Payload):
    """How many values were replaced, and how many records were omitted because they cannot be parsed."""

    values: int
    left_out: int
