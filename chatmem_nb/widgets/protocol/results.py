"""What the kernel replies: the result of each method, or an error."""

from __future__ import annotations

from .base import Payload
from .entries import Call, Entry, Tokens
from .parts import (
    Client,
    FileFormat,
    Hit,
    Label,
    ListingSpent,
    Permissions,
    Redacted,
    Scanned,
    SessionRow,
    Spent,
    Tag,
    ToolCount,
    Undo,
)


class Result(Payload):
    """The result of a method."""

    spent: Spent | None = None


class Hello(Result):
    """The state that a view starts from. `number` identifies the connection, and changes with it."""

    connected: bool
    number: int
    reachable: bool
    service: str | None
    target: str
    session: str
    message: int | None = None
    """Index of the message in it that Python asked to show."""
    selection: list[str]
    clients: list[Client]
    price_note: str
    may: Permissions
    undo: Undo | None
    palette: list[Tag] | None = None
    """The tags that can be set; null if labels cannot be set."""
    formats: list[FileFormat]
    """The files that can be downloaded."""


class SessionPage(Result):
    """A page of the session list. `total` is null until all sessions are found."""

    rows: list[SessionRow]
    total: int | None
    complete: bool
    found: int
    at: int | None = None
    """Position of the session given as `of`, if it was found."""
    listing_spent: ListingSpent
    cost: str
    tags: list[Tag] | None = None
    """The tags to filter by; null without labels."""


class Opened(Result):
    """The session that was opened. `epoch` is 0 if it does not exist."""

    session_id: str
    epoch: int
    total: int
    ttl_s: float | None
    exists: bool


class Stats(Result):
    """Figures of the open session. `facts` has them as text, by label."""

    messages: int
    turns: int
    tokens: Tokens | None
    tools: list[ToolCount]
    bad: int
    failed: list[int]
    """Indexes of the results of tool calls that failed, or appear to have failed."""
    first_time: str | None
    last_time: str | None
    partial: bool
    scanned: int
    facts: dict[str, str]


class Window(Result):
    """Messages of the open session. `stats` is set if these are all of its messages."""

    start: int
    rows: list[Entry]
    total: int
    stats: Stats | None = None
    label: Label | None = None
    """That of the session."""


class Raw(Result):
    """A record as it is stored. `pretty` is set if it is short, valid JSON."""

    raw: str
    pretty: str | None = None
    chars: int


class Full(Result):
    """A part of a text. `next` is the offset of the following part."""

    text: str
    next: int | None = None
    html: str | None = None


class Image(Result):
    """An image."""

    data_url: str


class Calls(Result):
    """Tool calls of one message."""

    tool_calls: list[Call]
    total: int


class Copied(Result):
    """Text for the clipboard."""

    text: str


class Located(Result):
    """The position of a message."""

    index: int
    identity: str


class Found(Result):
    """The matches of a search: `count` in `sessions` sessions, of which `hits` has the first `limit`."""

    hits: list[Hit]
    count: int
    sessions: int
    complete: bool
    scanned: Scanned


class Compared(Result):
    """Two sessions side by side. `style` is the CSS for `html`."""

    html: str
    style: str


class Followed(Result):
    """Whether the view is notified of new messages."""

    on: bool


class Selected(Result):
    """How many sessions are selected."""

    selected: int


class AllSelected(Selected):
    """All sessions that are selected."""

    session_ids: list[str]


class Cancelled(Result):
    """Whether there was a request to cancel."""

    cancelled: bool


class Rendered(Result):
    """Text rendered as HTML."""

    html: str


class Code(Result):
    """Python code."""

    code: str


class RedactableResult(Result):
    """An export, and what was redacted in it."""

    redacted: Redacted | None = None


class VariableSet(RedactableResult):
    """The variable that a DataFrame was assigned to."""

    name: str
    rows: int


class Exported(RedactableResult):
    """A file, whose bytes are the buffer of the reply."""

    filename: str
    mime: str
    bytes: int
    left_out: str | None = None
    """What the format cannot hold, in words."""


class Error(Payload):
    """Why a request failed. `field` names the invalid parameter, if there is one."""

    type: str
    message: str
    field: str | None
