"""HistoryBrowser: the widget, and what its page can do as Python methods."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final, cast

import traitlets

from ..content import ROLE_ALIASES
from ..errors import InvalidInputError
from ..labels import Labels
from ..plain_text import counted
from ..records import StoredMessage, parse_all
from ..stores.protocol import SessionStore, service_of
from .append import ROLES
from .arguments import (
    checked_count,
    checked_flag,
    checked_height,
    checked_index,
    checked_labels,
    checked_moment,
    checked_names,
    checked_path,
    store_and_session,
)
from .connect import connection_to
from .entries import find_role
from .search import HITS_LIMIT, Hit
from .snapshot import Snapshot
from .state import OpenSession
from .widget import PageWidget

if TYPE_CHECKING:
    import pandas as pd
    from langchain_core.messages import BaseMessage

    from ..comparison import Comparison
    from ..exports import ExportReport

_STATIC: Final = pathlib.Path(__file__).parent / "static"


class HistoryBrowser(PageWidget):
    """A notebook widget to browse stored conversations: read, search, append, clear and export.

    The page cannot leave the store that was passed; `connect` and `disconnect` can, from Python. Methods wait
    for the service, without blocking the page. Observers of the traits `session` and `connected` run in a
    separate thread.

    Args:
        source: a store or another source of sessions, the path of a file, a frame of messages, or a history,
            whose session is opened. None: a form to connect.
        read_only: do not allow changes. As visitors of the page may be strangers, it cannot set variables or
            create files either; with a source that has no writing verbs it can, unless this is set.
        labels: labels that can be set on messages and sessions, also with `read_only`. They are kept in a
            file, never in the store. None: show the labels that a file of conversations contains, read-only.
        height: a CSS length.

    Raises: InvalidInputError if an argument is invalid. No request is made.

    >>> browser = HistoryBrowser(store)  # as the last line of a cell, it is shown
    >>> browser.select("trip-planner")
    >>> len(browser.to_dataframe()), browser.session_id
    (10, 'trip-planner')
    """

    _esm = _STATIC / "browser.js"
    _css = _STATIC / "browser.css"

    height = traitlets.Unicode("560px", help="A CSS length.").tag(sync=True)

    def __init__(
        self,
        source: object = None,
        *,
        read_only: bool = False,
        labels: Labels | None = None,
        height: str | int = "560px",
    ) -> None:
        store, session_id = store_and_session(source)
        super().__init__(
            bound=store is not None,
            labels=checked_labels(labels),
            read_only=checked_flag("read_only", read_only),
            height=checked_height(height),
        )
        if store is not None:
            self._methods.state.connect(connection_to(store), wanted=session_id)
            self._mirror()

    @property
    def store(self) -> SessionStore | None:
        """The connected store, or None."""
        connection = self._methods.state.connection
        return connection.store if connection else None

    @property
    def labels(self) -> Labels | None:
        """The labels that the page shows and sets, or None."""
        return self._methods.labelling.labels

    @property
    def session_id(self) -> str | None:
        """The id of the open session, or None."""
        return self._methods.state.session_id

    @property
    def selection(self) -> list[str]:
        """The ids of the sessions that are selected on the page. Assign to it to select others.

        See `to_dataframe(selected=True)` and `export(path, selected=True)`.
        """
        return list(self._methods.state.selection)

    @selection.setter
    def selection(self, session_ids: Iterable[str]) -> None:
        self._methods.state.select(checked_names("selection", session_ids))
        self._methods.state.tell_selection()

    @property
    def records(self) -> list[StoredMessage]:
        """All records of the open session, oldest first, including unreadable ones. Raises: StoreError."""
        store, session_id = self._opened()
        return parse_all(store.read(session_id))

    @property
    def hits(self) -> list[Hit]:
        """The matches of the last search."""
        search = self._methods.find.last
        return list(search.hits) if search else []

    @property
    def code(self) -> str:
        """Python code for what the page shows: the last search, else the open session."""
        return self._methods.export.code_now()

    def to_dataframe(self, selected: bool = False, *, hits: bool = False, **options: Any) -> pd.DataFrame:
        """Return the open session, the selected ones (`selected`), or the last matches (`hits`) as a frame.

        `options` are passed to `chatmem_nb.to_dataframe`. The messages are read again, also those of `hits`.

        Raises: InvalidInputError if there is no such session or search; StoreError.
        """
        from ..frames import to_dataframe  # imports pandas, which browsing does not need

        if not checked_flag("hits", hits):
            return to_dataframe(self._chosen(selected), **options)
        search = self._methods.find.last
        if search is None or self.store is None:
            raise InvalidInputError("nothing was searched for yet; call browser.find(text) first")
        if selected or "where" in options:
            raise InvalidInputError("hits=True cannot be combined with `selected` or `where`")
        names = list(search.matching_sessions)
        return to_dataframe((self.store, names), where=search.filter.keeps, **options)

    def export(self, path: str | pathlib.Path, *, selected: bool = False, **options: Any) -> ExportReport:
        """Export the open session, or with `selected` the selected ones, to a file.

        `options` are passed to `chatmem_nb.export`.

        Raises: InvalidInputError if no session is open or selected; OSError; StoreError.
        """
        from ..exports import export

        report: ExportReport = export(self._chosen(selected), checked_path(path), **options)
        return report

    def snapshot(self, last: int = 200) -> Snapshot:
        """Return the newest `last` messages of the open session as static HTML, saved with the notebook."""
        newest = checked_count("last", last)
        store, session_id = self._opened()
        total = store.length(session_id)
        start = max(0, total - newest)
        return Snapshot(session_id, parse_all(store.read(session_id, start, total), start), total)

    def compare(self, a: str, b: str) -> Comparison:
        """Compare two sessions side by side; see `chatmem_nb.compare`."""
        from ..comparison import compare

        if self.store is None:
            raise InvalidInputError("not connected to any service; connect first")
        return compare(self.store, a, b)

    def connect(self, source: object) -> None:
        """Connect to another store, or to the store of a history and open its session."""
        store, session_id = store_and_session(source)
        if store is None:
            raise InvalidInputError("connect takes a store or a history; disconnect() shows the form again")
        self._wait(self._methods.take(connection_to(store), wanted=session_id))

    def disconnect(self) -> None:
        """Disconnect from the store. Changes can no longer be undone.

        The page shows the form; if the browser was created with a source, it waits for `connect` instead.
        """
        self._wait(self._methods.take(None))

    def select(self, session_id: str, message: int | None = None, *, create: bool = False) -> None:
        """Open a session. One that does not exist is opened only with `create`.

        `message` is the number of a message on the page, from 1, to scroll to. A click on the number on the
        page copies the call that leads there.

        Raises: InvalidInputError if there is no such session or message; StoreError.
        """
        number = None if message is None else checked_index(message, "message")
        answer = self._ask("open", session_id=session_id, create=create)
        if not answer["epoch"]:
            raise InvalidInputError(f"there is no session {session_id!r:.80}; create=True opens a new one")
        if number is not None and not 1 <= number <= answer["total"]:
            raise InvalidInputError(
                f"message must be from 1 to {answer['total']:,}, the length of session {session_id!r:.80}; "
                f"got {number}",
                field="message",
            )
        self._methods.state.ask_for(session_id, None if number is None else number - 1)

    def append(self, message: str | BaseMessage | Sequence[BaseMessage], role: str = "human") -> int:
        """Append a text as a message of `role`, or LangChain messages, and return the new length."""
        _, session_id = self._opened()
        if not isinstance(role, str):
            raise InvalidInputError(f"role must be one of {', '.join(ROLES)}; got {role!r:.40}")
        if isinstance(message, str):
            word = find_role(role) if role in ROLE_ALIASES.values() else role
            return int(self._ask("append", session_id=session_id, content=message, role=word)["total"])
        self._check("append")
        messages = list(message) if isinstance(message, (list, tuple)) else [cast("BaseMessage", message)]
        return self._wait(self._methods.appender.append_messages(session_id, messages))

    def remove(self, index: int) -> None:
        """Remove the message at `index` of the open session; negative numbers count from the newest.

        Raises: InvalidInputError if there is no such message; StoreError; StoreConflictError if another
        client changed the session meanwhile; nothing is removed then.
        """
        asked = checked_index(index)
        self._check("remove")
        opened = self._counted()
        store, _ = self._opened()
        place = asked + opened.total if asked < 0 else asked
        found = store.read(opened.session_id, place, place + 1) if 0 <= place < opened.total else []
        if not found:
            raise InvalidInputError(
                f"there is no message {asked} in a session of {counted(opened.total, 'message')}"
            )
        self._wait(self._methods.editor.remove_record(opened.session_id, place, found[0]))

    def clear(self, *session_ids: str, without_undo: bool = False) -> list[str]:
        """Delete sessions (default: the open one) without confirmation; return the ids of those that existed.

        Messages that others append meanwhile are kept. `undo` inserts the deleted ones before them. More than
        50 MB cannot be restored, and is deleted only with `without_undo`.

        Raises: InvalidInputError; StoreError; StoreConflictError if another client keeps changing a session.
        """
        is_final = checked_flag("without_undo", without_undo)
        names = checked_names("session_ids", session_ids) or [self._opened()[1]]
        self._check("clear")
        done = self._wait(self._methods.editor.clear_sessions(names, without_undo=is_final))
        return list(done["cleared"])

    def undo(self) -> str:
        """Undo the last removal or clearing, made here or on the page, and return what was restored."""
        return str(self._ask("undo")["label"])

    def find(
        self,
        text: str = "",
        *,
        regex: bool = False,
        whole_words: bool = False,
        role: str = "",
        tool: str = "",
        model: str = "",
        errors_only: bool = False,
        label: str = "",
        since: datetime | str = "",
        until: datetime | str = "",
        everywhere: bool = False,
        selected: bool = False,
        limit: int = 1_000,
    ) -> list[Hit]:
        """Search the open session for messages that meet all criteria, and return the first `limit`.

        Reads the sessions that it searches. Case is ignored.

        Args:
            text: searched for in the text and the tool calls of a message.
            regex: treat `text` as a regular expression of the package `regex`, with a time limit.
            whole_words: match whole words only.
            role: "human", "ai", "system", "tool" or "other", or a role of frames ("user", "assistant");
                "not system" for all but instructions, which may be the same in every session.
            tool: a part of the name of a tool that is called, or whose result the message is.
            model: a part of the name of the model.
            errors_only: only unreadable records, and results of tools that failed.
            label: "*" for any label, "star", "note", or "tag:" and its name.
            since: stored at this time or later, as datetime or ISO 8601 (without a zone: UTC).
            until: stored before this time.
            everywhere: search all sessions.
            selected: search the selected sessions.
            limit: return at most so many.

        Raises: InvalidInputError; StoreError.
        """
        wanted: dict[str, Any] = {
            "text": text,
            "regex": checked_flag("regex", regex),
            "whole_words": checked_flag("whole_words", whole_words),
            "role": find_role(role),
            "tool": tool,
            "model": model,
            "errors_only": errors_only,
            "label": label,
            "since": checked_moment("since", since),
            "until": checked_moment("until", until),
        }
        scope = self._scope_of(everywhere, selected)
        self._ask("find", **scope, **wanted, limit=checked_count("limit", limit, high=HITS_LIMIT))
        return self.hits

    def _scope_of(self, everywhere: bool, selected: bool) -> dict[str, str]:
        if checked_flag("everywhere", everywhere):
            if selected:
                raise InvalidInputError("take everywhere=True or selected=True, not both")
            return {"scope": "all"}
        if checked_flag("selected", selected):
            return {"scope": "selected"}
        return {"scope": "session", "session_id": self._opened()[1]}

    def stats(self) -> dict[str, Any]:
        """Return figures of the open session: messages, turns, tokens, tools, times. Reads all of it."""
        opened = self._counted()
        figures = self._ask("stats", session_id=opened.session_id, epoch=opened.epoch, all=True)
        return {name: value for name, value in figures.items() if name not in ("spent", "facts")}

    def __repr__(self) -> str:
        connection, session = self._methods.state.connection, self._methods.state.session
        if connection is None:
            return "HistoryBrowser(not connected)"
        parts = [service_of(connection.store) or type(connection.store).__name__, connection.target]
        if self.session_id is not None:
            parts.append(f"session {self.session_id!r}")
        if session is not None:
            parts.append(counted(session.total, "message"))
        return f"HistoryBrowser({', '.join(part for part in parts if part)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        # For viewers without a kernel: names and counts, no text of a conversation.
        return {**data, "text/html": f"<pre>{escape(repr(self))}</pre>"}, metadata

    @traitlets.validate("height")
    def _height_is_a_length(self, proposal: Mapping[str, Any]) -> str:
        try:
            return checked_height(proposal["value"])
        except InvalidInputError as exc:
            raise traitlets.TraitError(str(exc)) from None

    def _chosen(self, selected: bool) -> tuple[SessionStore, list[str]]:
        if not checked_flag("selected", selected):
            store, session_id = self._opened()
            return store, [session_id]
        if self.store is None or not self.selection:
            raise InvalidInputError("no session is selected; select some, or set browser.selection")
        return self.store, self.selection

    def _opened(self) -> tuple[SessionStore, str]:
        """Return the store and the open session. Raises: InvalidInputError if no session is open."""
        store, session_id = self.store, self.session_id
        if store is None or session_id is None:
            raise InvalidInputError("no session is open; click on one, or call browser.select(session_id)")
        return store, session_id

    def _counted(self) -> OpenSession:
        """Return the open session; open it now if no view has done so yet."""
        _, session_id = self._opened()
        self.select(session_id, create=True)
        opened = self._methods.state.session
        if opened is None:
            raise InvalidInputError("the session was closed in the meantime")
        return opened
