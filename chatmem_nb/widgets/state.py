"""The state of one browser, shared by its views: the store, the open session, the selection."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..stores.protocol import SessionStore, commands_of
from .request_errors import RequestError


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The open session, and its length when it was last counted."""

    session_id: str
    epoch: int
    """Changes whenever indexes may have changed; appends only increase `total`."""
    total: int


@dataclass(frozen=True, slots=True)
class ConnectedStore:
    """A store, and how to describe it without its secrets."""

    store: SessionStore
    target: str
    """Host or cache name."""
    code: str
    """Python code that creates such a store, with secrets from the environment."""
    owned: bool
    """Whether this browser created the store, and closes it."""
    close_also: Callable[[], None] | None = None
    spent_before: tuple[int, int, int] = (0, 0, 0)

    def spent(self) -> dict[str, int]:
        """Return what the store has spent since it was connected."""
        now = commands_of(self.store)
        requests, billed, received = self.spent_before
        return {
            "requests": now.requests - requests,
            "billed": now.billed - billed,
            "bytes_received": now.bytes_received - received,
        }


class BrowserState:
    """The state, guarded by a lock. `tell` sends an event to all views, and is called without the lock."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._lock = threading.RLock()
        self._epochs = itertools.count(1)
        self._tickets = itertools.count(1)
        self._ticket = 0
        self._connection: ConnectedStore | None = None
        self._session: OpenSession | None = None
        self._selection: tuple[str, ...] = ()
        self._reachable = True
        self._wanted: str | None = None
        self._message: tuple[str, int] | None = None
        self.connections = 0
        """Identifies the connection: how many were made and ended so far."""

    @property
    def connection(self) -> ConnectedStore | None:
        """The connection, or None."""
        return self._connection

    @property
    def session(self) -> OpenSession | None:
        """The open session, or None."""
        return self._session

    @property
    def selection(self) -> tuple[str, ...]:
        """The selected sessions, in order of selection."""
        return self._selection

    @property
    def store(self) -> SessionStore:
        """The store. Raises: RequestError if not connected."""
        return self.connected().store

    def connected(self) -> ConnectedStore:
        """Return the connection. Raises: RequestError if not connected."""
        connection = self._connection
        if connection is None:
            raise RequestError("not_connected", "Not connected to any service. Connect first.")
        return connection

    @property
    def session_id(self) -> str | None:
        """The open session, or the session to open first."""
        session = self._session
        return session.session_id if session is not None else self._wanted

    @property
    def message(self) -> int | None:
        """Index of the message that Python asked for in the open session, or None."""
        asked = self._message
        return asked[1] if asked is not None and asked[0] == self.session_id else None

    def ask_for(self, session_id: str, index: int | None) -> None:
        """Ask the views to show message `index` of the open session; None: cancel that."""
        with self._lock:
            self._message = None if index is None else (session_id, index)
        if index is not None:
            self._tell({"event": "changed", "what": "message", "session": session_id, "index": index})

    def connect(
        self, connection: ConnectedStore | None, *, wanted: str | None = None
    ) -> ConnectedStore | None:
        """Replace the connection, and return the previous one. No session is open then.

        `wanted` is the session that a view opens first.
        """
        if connection is not None:
            now = commands_of(connection.store)
            spent = (now.requests, now.billed, now.bytes_received)
            connection = replace(connection, spent_before=spent)
        with self._lock:
            before, self._connection = self._connection, connection
            self.connections += 1
            self._session, self._selection, self._reachable = None, (), True
            self._wanted, self._message = wanted, None
            self._ticket = next(self._tickets)
        self._tell_connection()
        return before

    def reached(self, reachable: bool) -> None:
        """Set whether the service is reachable, and notify the views if that has changed."""
        with self._lock:
            if self._reachable == reachable or self._connection is None:
                return
            self._reachable = reachable
        self._tell_connection()

    @property
    def reachable(self) -> bool:
        """Whether the service responded to the last request."""
        return self._reachable

    def ticket(self) -> int:
        """Return the number of an attempt to open a session; of two concurrent ones, the later one wins."""
        with self._lock:
            self._ticket = next(self._tickets)
            return self._ticket

    def open(self, session_id: str, total: int, ticket: int) -> OpenSession:
        """Make `session_id` the open session. Its epoch stays the same if it was open and has not shrunk.

        Raises: RequestError "stale" if another session was requested since.
        """
        with self._lock:
            if ticket != self._ticket:
                raise stale()
            self._message = None
            now = self._session
            if now is None or now.session_id != session_id or total < now.total:
                self._session = OpenSession(session_id, next(self._epochs), total)
            elif total == now.total:
                return now
            else:
                self._session = replace(now, total=total)
            opened = self._session
        self._tell_session()
        return opened

    def at(self, session_id: str, epoch: int) -> OpenSession:
        """Return the open session. Raises: RequestError "stale" if it is another."""
        session = self._session
        if session is None or session.session_id != session_id or session.epoch != epoch:
            raise stale()
        return session

    def count(self, session_id: str, total: int, *, changed: bool = False) -> OpenSession | None:
        """Set the length of `session_id` if it is open, with a new epoch if it shrank or `changed`."""
        with self._lock:
            now = self._session
            if now is None or now.session_id != session_id:
                return None
            if changed or total < now.total:
                self._session = OpenSession(session_id, next(self._epochs), total)
            elif total == now.total:
                return now
            else:
                self._session = replace(now, total=total)
            counted = self._session
        self._tell_session()
        return counted

    def select(self, session_ids: Sequence[str]) -> None:
        """Select exactly `session_ids`."""
        with self._lock:
            self._selection = tuple(dict.fromkeys(session_ids))

    def tell_label(self, session_id: str, index: int | None, identity: str, label: Any) -> None:
        """Notify the views of the label of a session, or of one of its messages."""
        event = {"event": "changed", "what": "label", "session": session_id}
        self._tell({**event, "index": index, "identity": identity, "label": label})

    def tell_labels(self) -> None:
        """Tell the views that labels have changed in their file."""
        self._tell({"event": "changed", "what": "labels"})

    def tell_sessions(self) -> None:
        """Notify the views that the list of sessions has changed."""
        self._tell({"event": "changed", "what": "sessions"})

    def tell_selection(self) -> None:
        """Notify the views of the selection."""
        self._tell({"event": "changed", "what": "selection", "selection": list(self._selection)})

    def _tell_connection(self) -> None:
        event = {"event": "changed", "what": "connection", "connected": self._connection is not None}
        self._tell({**event, "number": self.connections, "reachable": self._reachable})

    def _tell_session(self) -> None:
        now = self._session
        known = (now.session_id, now.epoch, now.total) if now is not None else (None, None, None)
        session_id, epoch, total = known
        self._tell(
            {"event": "changed", "what": "session", "session": session_id, "epoch": epoch, "total": total}
        )


def stale() -> RequestError:
    """Return the error for a request about an older state."""
    return RequestError("stale", "Another session was opened, or this one was changed, in the meantime.")
