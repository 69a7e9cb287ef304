"""Every method that the page can call, by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from ..errors import StoreUnavailableError
from ..labels import Labels
from ..markdown import to_html
from ..stores.protocol import commands_of
from .append import MessageAppender
from .connect import ConnectionForm
from .edit import SessionEditor
from .export import Export
from .figures import Statistics
from .file_formats import shown_formats
from .follow import Follow, Probe
from .jobs import Rendering
from .label_watch import LabelWatch
from .labelling import Labelling
from .permissions import Permissions
from .protocol.requests import (
    ConnectParams,
    NoParams,
    PreviewParams,
    SelectAllParams,
    SessionIdsParams,
    WindowParams,
)
from .python_code import Code
from .request_errors import RequestError
from .request_parsing import RequestContext, parse_params
from .search import MessageSearch
from .sessions import SessionList
from .side_by_side import SideBySide
from .state import BrowserState, ConnectedStore
from .transcript import Transcript

Result = dict[str, Any]
Method = Callable[[Any, RequestContext], Awaitable[Result]]

_PREVIEW_LIMIT: Final = 50_000


class Methods:
    """The parts of one browser, and the table of the methods that the page can call."""

    def __init__(
        self,
        tell: Callable[[Result], None],
        is_read_only: Callable[[], bool],
        owner: Callable[[], object],
        *,
        bound: bool,
        labels: Labels | None = None,
    ) -> None:
        self.state = BrowserState(tell)
        self._rendering = Rendering()
        self.permissions = Permissions(self.state, is_read_only, bound=bound, has_labels=labels is not None)
        self.form = ConnectionForm(self.state)
        self.statistics = Statistics(self.state)
        self.transcript = Transcript(self.state, self.statistics)
        self.labelling = Labelling(self.state, self.transcript, labels)
        self.sessions = SessionList(self.state, self.labelling)
        self.appender = MessageAppender(self.state, self.sessions)
        self.editor = SessionEditor(self.state, self.sessions)
        self.find = MessageSearch(self.state, self.sessions, self.labelling)
        self.export = Export(self.state, self.sessions, self.find, Code(self.state, owner))
        self.side_by_side = SideBySide(self.state)
        self.follow = Follow(self.state)
        self.probe = Probe(self.state)
        self.label_watch = LabelWatch(self.state, labels)
        self._table: dict[str, Method] = {
            "hello": self.hello,
            "connect": self.connect,
            "disconnect": self.disconnect,
            "preview": self.preview,
            "select": self.select,
            "select_all": self.select_all,
            "window": self.window,
            "sessions": self.sessions.sessions,
            "stats": self.statistics.stats,
            "find": self.find.find,
            "label": self.labelling.label,
            "label_session": self.labelling.label_session,
            "session_labels": self.labelling.session_labels,
            "compare": self.side_by_side.compare,
            "follow": self.follow.follow,
            **{name: getattr(self.transcript, name) for name in _TRANSCRIPT},
            "append": self.appender.append,
            "append_json": self.appender.append_json,
            **{name: getattr(self.editor, name) for name in _EDITS},
            **{name: getattr(self.export, name) for name in _EXPORT},
        }

    @property
    def names(self) -> Iterable[str]:
        """The methods that the page can call."""
        return self._table

    async def call(self, method: str, values: Mapping[str, Any], context: RequestContext) -> Result:
        """Return the result of `method`, and what the store has spent so far.

        Raises: RequestError; ChatMemError.
        """
        if method not in self._table:
            raise RequestError("invalid", f"There is no method {method[:40]!r}.")
        self.permissions.check(method)
        params = parse_params(method, values)
        self.follow.keep_alive(context.view)
        self.label_watch.page_is_active()
        connection = self.state.connection
        asked_before = commands_of(connection.store).requests if connection else 0
        try:
            result = await self._table[method](params, context)
        except StoreUnavailableError:
            if self.state.connection is connection:
                self.state.reached(False)
                self.probe.start()
            raise
        now = self.state.connection
        if now is None:
            return result
        if now is connection and commands_of(now.store).requests > asked_before:
            self.state.reached(True)
        return {**result, "spent": now.spent()}

    async def hello(self, params: NoParams, context: RequestContext) -> Result:
        """Return the state that a view starts from."""
        return self._described()

    def _described(self) -> Result:
        may = self.permissions.shown()
        described = self.form.described(offers=may["connect"])
        return {
            **described,
            "message": self.state.message,
            "may": may,
            "undo": self.editor.undos.shown() if may["write"] else None,
            "palette": self.labelling.palette(),
            "formats": shown_formats() if may["files"] else [],
        }

    async def connect(self, params: ConnectParams, context: RequestContext) -> Result:
        """Connect with the values of the form."""
        await self.form.connect(params, context)
        self.forget()
        return self._described()

    async def disconnect(self, params: NoParams, context: RequestContext) -> Result:
        """Disconnect from the store. Changes can no longer be undone."""
        await self.take(None)
        return self._described()

    async def take(self, connection: ConnectedStore | None, *, wanted: str | None = None) -> None:
        """Show another store, or none; `wanted` is the session to open first."""
        await self.form.take(connection, wanted=wanted)
        self.forget()

    def forget(self) -> None:
        """Drop all state of the previous store."""
        self.probe.stop()
        self.sessions.forget_all()
        self.editor.undos.clear()
        self.find.forget()

    async def end(self) -> None:
        """Stop all background work, and close the store if it was opened here."""
        self.follow.stop()
        self.label_watch.stop()
        await self.take(None)

    async def preview(self, params: PreviewParams, context: RequestContext) -> Result:
        """Return text that is being typed, rendered as HTML."""
        text = params.text
        return {"html": await self._rendering.run(to_html, text[:_PREVIEW_LIMIT])}

    async def window(self, params: WindowParams, context: RequestContext) -> Result:
        """Return rows of the open session, with their labels."""
        found, records = await self.transcript.window(params, context)
        label = await self.labelling.add_to_rows(params.session_id, found["rows"], records)
        return {**found, "label": label}

    async def select(self, params: SessionIdsParams, context: RequestContext) -> Result:
        """Set the selected sessions."""
        names = params.session_ids
        self.state.select(names)
        return {"selected": len(names)}

    async def select_all(self, params: SelectAllParams, context: RequestContext) -> Result:
        """Select all sessions of the list, or those of the last search, and no others."""
        if params.matches:
            names = list(self.export.search().matching_sessions)
        else:
            names = await self.sessions.ids(params, context)
        self.state.select(names)
        return {"selected": len(names), "session_ids": names}


_TRANSCRIPT: Final = ("open", "raw", "full", "image", "calls", "copy", "locate")
_EXPORT: Final = ("code", "to_variable", "export")
_EDITS: Final = ("remove", "measure_clear", "clear", "undo")
