"""What the page sends: the parameters of each method."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ..file_formats import FormatName
from .base import (
    LARGEST_INDEX,
    Index,
    LabelFilter,
    Params,
    RoleFilter,
    Scope,
    Service,
    SessionId,
    SessionIds,
    Sort,
    Text,
    WholeNumber,
)


class NoParams(Params):
    """A request without parameters."""


class CancelParams(Params):
    """Cancel request `rid` of the same view."""

    rid: Annotated[WholeNumber, Field(ge=-LARGEST_INDEX, le=LARGEST_INDEX)]


class ConnectParams(Params):
    """Connect with the values of the form, or with those of the environment if `use_env` is set."""

    service: Service
    use_env: bool = False
    url: Annotated[str, Field(max_length=2_000)] = ""
    token: Annotated[str, Field(max_length=10_000, repr=False)] = ""
    api_key: Annotated[str, Field(max_length=10_000, repr=False)] = ""
    endpoint: Annotated[str, Field(max_length=2_000)] = ""
    cache_name: Annotated[str, Field(max_length=500)] = ""
    key_prefix: Annotated[str, Field(max_length=1_000)] = ""
    kind: Literal["upstash", "momento"] = "upstash"
    """The service that a local server imitates."""


class SessionIdsParams(Params):
    """Several sessions."""

    session_ids: SessionIds


class SessionsParams(Params):
    """List sessions `start` to `stop` of those that match `query` and `label`, ordered by `sort`."""

    query: Annotated[str, Field(max_length=1_000)] = ""
    label: Annotated[str, Field(max_length=200)] = ""
    """A `LabelFilter` that the session or one of its messages must match."""
    sort: Sort = "found"
    descending: bool = False
    start: Index = 0
    stop: Index | None = None
    refresh: bool = False
    """Whether to list again instead of using the sessions found before."""
    of: Annotated[str, Field(max_length=100_000)] = ""
    """A session whose position in this list is returned too."""


class SelectAllParams(SessionsParams):
    """Select sessions of that list, without `stop` to its end; with `matches`, those of the last search."""

    matches: bool = False


class OpenParams(Params):
    """Open a session. One that does not exist is opened only with `create`."""

    session_id: SessionId
    create: bool = False


class OpenSessionParams(Params):
    """The open session, as of `epoch`."""

    session_id: SessionId
    epoch: Index


class WindowParams(OpenSessionParams):
    """Get messages `start` to `stop`."""

    start: Index
    stop: Index


class StatsParams(OpenSessionParams):
    """Get the figures of the session, with `all` however long it is."""

    all: bool = False


class MessageParams(OpenSessionParams):
    """One message, by its index and a digest of its record."""

    index: Index
    identity: Annotated[str, Field(max_length=100)]


class FullParams(MessageParams):
    """Get the text of a message, starting at `offset`."""

    offset: Index = 0


class ImageParams(MessageParams):
    """Get the image in content block number `block` of a message."""

    block: Index


class CallsParams(MessageParams):
    """Get tool calls `start` to `stop` of a message."""

    start: Index
    stop: Index


class CopyParams(OpenSessionParams):
    """Get messages as text for the clipboard."""

    indexes: Annotated[list[Index], Field(max_length=1_000)]
    identities: Annotated[list[Text], Field(max_length=1_000)]
    format: Literal["text", "markdown", "json"] = "text"


class LocateParams(OpenSessionParams):
    """Find the first message stored at or after a date or time."""

    date: Annotated[str, Field(max_length=64)]


_Tags: TypeAlias = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)]


class LabelChanges(Params):
    """Changes to a label. Fields that are not given keep their values."""

    star: bool | None = None
    add: _Tags = Field(default_factory=list)
    remove: _Tags = Field(default_factory=list)
    note: Annotated[str, Field(max_length=20_000)] | None = None


class LabelSessionParams(LabelChanges):
    """Change the label of a session."""

    session_id: SessionId


class LabelMessageParams(MessageParams, LabelChanges):
    """Change the label of a message."""


class FindParams(Params):
    """Search for messages that meet every criterion given; empty ones are ignored."""

    scope: Literal["session", "selected", "all"] = "session"
    session_id: Annotated[str, Field(max_length=100_000)] = ""
    text: Annotated[str, Field(max_length=10_000)] = ""
    regex: bool = False
    whole_words: bool = False
    role: RoleFilter = ""
    tool: Annotated[str, Field(max_length=1_000)] = ""
    model: Annotated[str, Field(max_length=1_000)] = ""
    errors_only: bool = False
    label: LabelFilter = ""
    since: Annotated[str, Field(max_length=64)] = ""
    """Match messages stored at or after this time (ISO 8601)."""
    until: Annotated[str, Field(max_length=64)] = ""
    """Match messages stored before this time."""
    limit: Annotated[WholeNumber, Field(ge=1, le=10_000)] = 1_000


class CompareParams(Params):
    """Compare two sessions side by side."""

    a: SessionId
    b: SessionId


class FollowParams(Params):
    """Start or stop notifying the view of new messages."""

    on: bool
    visible: bool = True
    session_id: str = ""


class PreviewParams(Params):
    """Render text that is being typed."""

    text: Annotated[str, Field(max_length=1_000_000)]


class AppendParams(Params):
    """Append one message."""

    session_id: SessionId
    role: Literal["human", "ai", "system", "tool"] = "human"
    content: Text
    tool_call_id: Annotated[str, Field(max_length=1_000)] = ""
    name: Annotated[str, Field(max_length=1_000)] = ""


class AppendJSONParams(Params):
    """Append messages given as JSON; with `dry_run`, only validate them."""

    session_id: SessionId
    text: Text
    dry_run: bool = False


class ExportedParams(Params):
    """The sessions or matches to export."""

    scope: Scope = "session"
    redact: bool = False
    """Whether to replace personal data and credentials."""


class CodeParams(ExportedParams):
    """Get Python code for what is shown."""

    message: Index | None = None
    """If given, get a line that opens the session at this message instead."""
    format: FormatName | None = None
    """The file to write; null for a DataFrame."""


class VariableParams(ExportedParams):
    """Assign a DataFrame to a variable of the notebook."""

    name: Annotated[str, Field(max_length=200)]
    overwrite: bool = False


class ExportParams(ExportedParams):
    """Export to a file."""

    format: FormatName
