"""The messages between the page and the kernel: every method with what it takes and returns, every event.

A request is `{rid, view, method, params}`, its reply `{rid, view, ok, result}` or `{rid, view, ok, error}`;
`view` is one rendering of the widget, `rid` counts its requests. Events are sent unasked.

The kernel parses requests by these models. The front end is checked against the TypeScript types made of them
(`frontend/protocol.d.ts`), and the tests check what the kernel, and their stand-in for it, send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..stores.protocol import checked_session_id

LARGEST_INDEX: Final = 2**53
"""The largest whole number that JavaScript keeps exactly."""
LARGEST_TEXT: Final = 20_000_000
"""Characters of one text from the page at most."""


def _whole(value: object) -> object:
    """JavaScript does not tell 3.0 from 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Index: TypeAlias = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=LARGEST_INDEX)]
Text: TypeAlias = Annotated[str, Field(max_length=LARGEST_TEXT)]
SessionId: TypeAlias = Annotated[str, Field(max_length=100_000), AfterValidator(checked_session_id)]
SessionIds: TypeAlias = Annotated[list[SessionId], Field(max_length=100_000), AfterValidator(_unique)]
Role: TypeAlias = Literal["human", "ai", "system", "tool", "other"]
Scope: TypeAlias = Literal["session", "selected", "all", "hits"]
Service: TypeAlias = Literal["upstash", "momento", "local"]
Failure: TypeAlias = Literal["status", "text"]
"""What tells that a tool failed: the status of its result, or its text."""
Sort: TypeAlias = Literal["found", "id", "length", "last_write", "ttl"]


# What the page sends.


class Params(BaseModel):
    """The parameters of a request. A null is as good as a missing one."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", defer_build=True)


class NoParams(Params):
    """A request without parameters."""


class CancelParams(Params):
    """Give up request `rid` of the same view."""

    rid: Annotated[int, BeforeValidator(_whole), Field(ge=-LARGEST_INDEX, le=LARGEST_INDEX)]


class ConnectParams(Params):
    """What was typed into the form; with `use_env` the environment is used instead."""

    service: Service
    use_env: bool = False
    url: Annotated[str, Field(max_length=2_000)] = ""
    token: Annotated[str, Field(max_length=10_000, repr=False)] = ""
    api_key: Annotated[str, Field(max_length=10_000, repr=False)] = ""
    endpoint: Annotated[str, Field(max_length=2_000)] = ""
    cache_name: Annotated[str, Field(max_length=500)] = ""
    key_prefix: Annotated[str, Field(max_length=1_000)] = ""
    kind: Literal["upstash", "momento"] = "upstash"
    """Which service a local server imitates."""


class SessionIdsParams(Params):
    """Some sessions."""

    session_ids: SessionIds


class SessionsParams(Params):
    """Sessions `start` to `stop` of those that match `query`, in the order of `sort`."""

    query: Annotated[str, Field(max_length=1_000)] = ""
    label: Annotated[str, Field(max_length=200)] = ""
    """A LabelFilter; of the session, or of one of its messages."""
    sort: Sort = "found"
    descending: bool = False
    start: Index = 0
    stop: Index | None = None
    refresh: bool = False
    """Whether to list again instead of using what was found before."""
    of: Annotated[str, Field(max_length=100_000)] = ""
    """A session whose place in this list is wanted."""


class SelectAllParams(SessionsParams):
    """Sessions `start` to `stop` of that list, without `stop` to its end; or what the last search matched."""

    matches: bool = False


class OpenParams(Params):
    """Open a session; one that does not exist only with `create`."""

    session_id: SessionId
    create: bool = False


class OpenSessionParams(Params):
    """About the open session, as of `epoch`."""

    session_id: SessionId
    epoch: Index


class WindowParams(OpenSessionParams):
    """Messages `start` to `stop`."""

    start: Index
    stop: Index


class StatsParams(OpenSessionParams):
    """With `all`, of all messages, however many."""

    all: bool = False


class MessageParams(OpenSessionParams):
    """One message: where it was, and a digest of what it was."""

    index: Index
    identity: Annotated[str, Field(max_length=100)]


class FullParams(MessageParams):
    """Its text from `offset` on."""

    offset: Index = 0


class ImageParams(MessageParams):
    """The picture in its content block number `block`."""

    block: Index


class CallsParams(MessageParams):
    """Its tool calls `start` to `stop`."""

    start: Index
    stop: Index


class CopyParams(OpenSessionParams):
    """Some messages, as text for the clipboard."""

    indexes: Annotated[list[Index], Field(max_length=1_000)]
    identities: Annotated[list[Text], Field(max_length=1_000)]
    format: Literal["text", "markdown", "json"] = "text"


class LocateParams(OpenSessionParams):
    """The first message of a day or time."""

    date: Annotated[str, Field(max_length=64)]


LabelFilter: TypeAlias = Annotated[str, Field(max_length=200, pattern=r"^($|\*$|star$|note$|tag:)")]
"""What is labelled: "" for all, "*" with any label, "star", "note", or "tag:" and its name."""


class LabelChanges(Params):
    """What changes of a label; what is not given stays."""

    star: bool | None = None
    add: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)] = []
    remove: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)] = []
    note: Annotated[str, Field(max_length=20_000)] | None = None


class LabelSessionParams(LabelChanges):
    """Label a session."""

    session_id: SessionId


class LabelMessageParams(MessageParams, LabelChanges):
    """Label one message."""


class FindParams(Params):
    """What to search for; what is empty does not count."""

    scope: Literal["session", "selected", "all"] = "session"
    session_id: Annotated[str, Field(max_length=100_000)] = ""
    text: Annotated[str, Field(max_length=10_000)] = ""
    regex: bool = False
    whole_words: bool = False
    role: Literal["", "human", "ai", "system", "tool", "other"] = ""
    tool: Annotated[str, Field(max_length=1_000)] = ""
    model: Annotated[str, Field(max_length=1_000)] = ""
    errors_only: bool = False
    label: LabelFilter = ""
    since: Annotated[str, Field(max_length=64)] = ""
    """Stored at this time or later, ISO 8601."""
    until: Annotated[str, Field(max_length=64)] = ""
    """Stored before this time."""
    limit: Annotated[int, BeforeValidator(_whole), Field(ge=1, le=10_000)] = 1_000


class CompareParams(Params):
    """Two sessions, to be shown beside each other."""

    a: SessionId
    b: SessionId


class FollowParams(Params):
    """Whether the view wants to hear of new messages."""

    on: bool
    visible: bool = True
    session_id: str = ""


class PreviewParams(Params):
    """Text that is being typed."""

    text: Annotated[str, Field(max_length=1_000_000)]


class AppendParams(Params):
    """One message to append."""

    session_id: SessionId
    role: Literal["human", "ai", "system", "tool"] = "human"
    content: Text
    tool_call_id: Annotated[str, Field(max_length=1_000)] = ""
    name: Annotated[str, Field(max_length=1_000)] = ""


class AppendJSONParams(Params):
    """Messages as JSON to append, or with `dry_run` to check."""

    session_id: SessionId
    text: Text
    dry_run: bool = False


class CodeParams(Params):
    """Python for what is shown."""

    scope: Scope = "session"
    message: Index | None = None
    """With the index of a message: a line that opens the open session at it."""
    redact: bool = False
    """Whether personal data and credentials are replaced in what leaves."""


class VariableParams(Params):
    """A DataFrame of `scope`, into a variable of the notebook."""

    name: Annotated[str, Field(max_length=200)]
    scope: Scope = "session"
    overwrite: bool = False
    redact: bool = False


class ExportParams(Params):
    """A file of `scope`."""

    format: Literal["jsonl", "csv", "md", "html", "parquet"]
    scope: Scope = "session"
    redact: bool = False


# What the kernel sends.


class Message(BaseModel):
    """Something that the kernel sends, or a part of it. A field with a default may be left out."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class Spent(Message):
    """What the store was asked for since this browser got it."""

    requests: int
    billed: int
    bytes_received: int


class Result(Message):
    """The result of a method."""

    spent: Spent | None = None


class Variable(Message):
    """An environment variable of a service, never its value."""

    name: str
    set: bool


class Input(Message):
    """A field of the connect form."""

    name: str
    label: str
    hint: str
    secret: bool


class Client(Message):
    """A service that the form connects to."""

    service: Service
    label: str
    env: list[Variable]
    inputs: list[Input]


class Permissions(Message):
    """What the page may offer."""

    connect: bool
    write: bool
    variables: bool
    files: bool


class Undo(Message):
    """What the next undo would bring back."""

    available: bool
    label: str | None


class Tag(Message):
    """A tag that can be set; `colour` is one of CSS, or empty."""

    name: str
    colour: str


class Label(Message):
    """What is said of a message or a session, and who said the last of it."""

    star: bool
    tags: list[str]
    note: str
    author: str
    at: str | None


class Labelled(Result):
    """What is said now; null if nothing is."""

    label: Label | None


class LabelledMessage(Message):
    """A labelled message of a session; `index` is null if it is not there any more, `was` where it was."""

    index: int | None
    was: int | None
    label: Label


class LabelsOfSession(Result):
    """What is said of a session, and of its messages in their order."""

    label: Label | None
    messages: list[LabelledMessage]


class Hello(Result):
    """What a view needs to begin. `number` is that of the connection: another number is another store."""

    connected: bool
    number: int
    reachable: bool
    service: str | None
    target: str
    session: str
    message: int | None = None
    """Index of the message that Python asked for in it."""
    selection: list[str]
    clients: list[Client]
    price_note: str
    may: Permissions
    undo: Undo | None
    palette: list[Tag] | None = None
    """The tags, if the browser has labels."""


class Preview(Message):
    """The first words of a message."""

    role: Role
    text: str


class SessionRow(Message):
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


class ListingSpent(Message):
    """What listing the sessions has cost."""

    requests: int
    billed: int


class SessionPage(Result):
    """Some sessions; `total` is null until all are found."""

    rows: list[SessionRow]
    total: int | None
    complete: bool
    found: int
    at: int | None = None
    """Where the session stands whose place was wanted, if it was found."""
    listing_spent: ListingSpent
    cost: str


class Opened(Result):
    """The session that was opened; `epoch` is 0 if there is none."""

    session_id: str
    epoch: int
    total: int
    ttl_s: float | None
    exists: bool


class Block(Message):
    """A content block other than text, without its data."""

    kind: Literal["image", "audio", "file", "reasoning", "other"]
    label: str
    bytes: int | None = None
    html: str | None = None
    showable: bool = False


class CallResult(Message):
    """The result of a tool call."""

    index: int
    text: str
    clipped: int | None = None
    """Characters of the whole text, if it was cut; `identity` is then that of its message."""
    identity: str | None = None
    failure: Failure | None = None


class Call(Message):
    """A tool call with its result, if that is known."""

    name: str
    line: str | None = None
    """The arguments on one line, cut if they are long."""
    args: str | None = None
    """All of them as JSON, if the line was cut."""
    error: str | None = None
    result: CallResult | None = None


class CallOfResult(Message):
    """The tool call that a message is the result of."""

    name: str
    index: int


class Tokens(Message):
    """Token counts of one message or of many."""

    input: int | None
    output: int | None
    total: int | None


class Entry(Message):
    """A record as the transcript shows it; one with an `error` has its `raw` text instead of the rest.

    One with `answers` is the result of that call, which holds its text.
    """

    index: int
    identity: str
    role: Role
    stored_at: str | None = None
    error: str | None = None
    name: str | None = None
    html: str | None = None
    clipped: int | None = None
    """Characters of the whole text, if it was cut."""
    blocks: list[Block] = []
    tool_calls: list[Call] = []
    tool_calls_total: int | None = None
    """How many there are, if not all are here."""
    answers: CallOfResult | None = None
    failure: Failure | None = None
    raw: str | None = None
    model: str | None = None
    finish_reason: str | None = None
    tokens: Tokens | None = None
    label: Label | None = None


class ToolCount(Message):
    """How often a tool was called."""

    name: str
    calls: int


class Stats(Result):
    """Figures of the open session; `facts` says them in words, label to text."""

    messages: int
    turns: int
    tokens: Tokens | None
    tools: list[ToolCount]
    bad: int
    failed: list[int]
    """Indexes of the results of calls that failed, or look as if."""
    first_time: str | None
    last_time: str | None
    partial: bool
    scanned: int
    facts: dict[str, str]


class Window(Result):
    """Some messages of the open session; with its figures, if they are all."""

    start: int
    rows: list[Entry]
    total: int
    stats: Stats | None = None


class Raw(Result):
    """A record as it is stored; `pretty` if it is JSON and short."""

    raw: str
    pretty: str | None = None
    chars: int


class Full(Result):
    """A part of a text; `next` is where the following one begins."""

    text: str
    next: int | None = None
    html: str | None = None


class Image(Result):
    """A picture."""

    data_url: str


class Calls(Result):
    """Some tool calls of one message."""

    tool_calls: list[Call]
    total: int


class Copied(Result):
    """Text for the clipboard."""

    text: str


class Located(Result):
    """Where a message is."""

    index: int
    identity: str


class Hit(Message):
    """A message that a search found; the match is at `at` in the snippet, counted in code points."""

    session_id: str
    index: int
    role: Role
    snippet: str
    at: Annotated[list[int], Field(min_length=2, max_length=2)]
    identity: str
    words: list[str] = []
    """What a regular expression matched in it, each once."""


class Scanned(Message):
    """What a search has read."""

    sessions: int
    messages: int


class Found(Result):
    """What a search found; `hits` are the first `limit` of `count`, and stand in so many `sessions`."""

    hits: list[Hit]
    count: int
    sessions: int
    complete: bool
    scanned: Scanned


class Compared(Result):
    """Two sessions beside each other; `style` is CSS for `html`."""

    html: str
    style: str


class Followed(Result):
    """Whether the view is told of new messages."""

    on: bool


class Selected(Result):
    """How many sessions are ticked."""

    selected: int


class AllSelected(Selected):
    """All that are ticked now."""

    session_ids: list[str]


class Cancelled(Result):
    """Whether there was something to cancel."""

    cancelled: bool


class Rendered(Result):
    """Text as it will look."""

    html: str


class Appended(Result):
    """Where a message was appended, and the new length."""

    index: int
    total: int


class LineError(Message):
    """What is wrong in a line of pasted JSON."""

    line: int
    message: str


class AppendedJSON(Result):
    """The messages that were appended, or what is wrong with them."""

    count: int
    errors: list[LineError]
    index: int | None
    total: int | None


class Removed(Result):
    """The open session after a message was removed."""

    epoch: int | None
    total: int
    undo: Undo | None


class SessionLength(Message):
    """A session and its length."""

    session_id: str
    length: int


class ClearMeasured(Result):
    """What clearing would remove; `bytes` is null if that is too much to be undone."""

    sessions: list[SessionLength]
    messages: int
    bytes: int | None
    undoable: bool
    note: str


class Cleared(Result):
    """What was cleared; `later` are those to which others have appended meanwhile."""

    cleared: list[str]
    missing: list[str]
    later: list[SessionLength]
    undo: Undo | None


class Undone(Result):
    """What was brought back."""

    label: str
    session_id: str
    epoch: int | None
    total: int | None
    undo: Undo | None


class Code(Result):
    """Python that can be run."""

    code: str


class Redacted(Message):
    """How many values were replaced, and how many records left out because they could not be understood."""

    values: int
    left_out: int


class VariableSet(Result):
    """The variable that holds a DataFrame."""

    redacted: Redacted | None = None

    name: str
    rows: int


class Exported(Result):
    """A file, whose bytes come as the reply's buffer."""

    redacted: Redacted | None = None

    filename: str
    mime: str
    bytes: int


class Error(Message):
    """Why a request failed; `field` names the parameter that is wrong."""

    type: str
    message: str
    field: str | None


class Partial(Message):
    """What a search has found since it last said so, and how many there are by now."""

    hits: list[Hit]
    count: int
    sessions: int


class Progress(Message):
    """How far request `rid` of `view` is."""

    event: Literal["progress"]
    view: str
    rid: int
    done: int
    total: int | None
    note: str
    partial: Partial | None


class SessionChanged(Message):
    """The open session has changed; `session` is null if none is open."""

    event: Literal["changed"]
    what: Literal["session"]
    session: str | None
    epoch: int | None
    total: int | None


class MessageWanted(Message):
    """Python asks for message `index` of the open session."""

    event: Literal["changed"]
    what: Literal["message"]
    session: str
    index: int


class LabelChanged(Message):
    """Message `index` of a session is labelled otherwise, or the session itself if it is null."""

    event: Literal["changed"]
    what: Literal["label"]
    session: str
    index: int | None
    identity: str
    label: Label | None


class SessionsChanged(Message):
    """The list of sessions has changed."""

    event: Literal["changed"]
    what: Literal["sessions"]


class SelectionChanged(Message):
    """Other sessions are ticked."""

    event: Literal["changed"]
    what: Literal["selection"]
    selection: list[str]


class ConnectionChanged(Message):
    """Another store is connected, or the same one is reachable again or no longer."""

    event: Literal["changed"]
    what: Literal["connection"]
    connected: bool
    number: int
    reachable: bool


EVENTS: Final[Mapping[str, type[Message]]] = {
    "progress": Progress,
    "session": SessionChanged,
    "message": MessageWanted,
    "label": LabelChanged,
    "sessions": SessionsChanged,
    "selection": SelectionChanged,
    "connection": ConnectionChanged,
}
"""The events, by what has changed."""


@dataclass(frozen=True, slots=True)
class Method:
    """What a method takes and returns."""

    params: type[Params]
    result: type[Result]


METHODS: Final[Mapping[str, Method]] = {
    "hello": Method(NoParams, Hello),
    "cancel": Method(CancelParams, Cancelled),
    "connect": Method(ConnectParams, Hello),
    "disconnect": Method(NoParams, Hello),
    "select": Method(SessionIdsParams, Selected),
    "select_all": Method(SelectAllParams, AllSelected),
    "sessions": Method(SessionsParams, SessionPage),
    "open": Method(OpenParams, Opened),
    "window": Method(WindowParams, Window),
    "stats": Method(StatsParams, Stats),
    "raw": Method(MessageParams, Raw),
    "full": Method(FullParams, Full),
    "image": Method(ImageParams, Image),
    "calls": Method(CallsParams, Calls),
    "copy": Method(CopyParams, Copied),
    "locate": Method(LocateParams, Located),
    "find": Method(FindParams, Found),
    "label": Method(LabelMessageParams, Labelled),
    "label_session": Method(LabelSessionParams, Labelled),
    "session_labels": Method(OpenSessionParams, LabelsOfSession),
    "compare": Method(CompareParams, Compared),
    "follow": Method(FollowParams, Followed),
    "preview": Method(PreviewParams, Rendered),
    "append": Method(AppendParams, Appended),
    "append_json": Method(AppendJSONParams, AppendedJSON),
    "remove": Method(MessageParams, Removed),
    "measure_clear": Method(SessionIdsParams, ClearMeasured),
    "clear": Method(SessionIdsParams, Cleared),
    "undo": Method(NoParams, Undone),
    "code": Method(CodeParams, Code),
    "to_variable": Method(VariableParams, VariableSet),
    "export": Method(ExportParams, Exported),
}
"""Every method of the page."""


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON schema of everything that is sent, by the name of its model."""
    models: dict[str, type[BaseModel]] = {"Error": Error}
    for method in METHODS.values():
        models |= {model.__name__: model for model in (method.params, method.result)}
    models |= {model.__name__: model for model in EVENTS.values()}
    found: dict[str, dict[str, Any]] = {}
    for name, model in models.items():
        schema = model.model_json_schema()
        found |= schema.pop("$defs", {})
        found[name] = schema
    return found
