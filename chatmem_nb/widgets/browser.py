"""HistoryBrowser: one anywidget over a store, a history, or a form to connect with."""

from __future__ import annotations

import asyncio
import pathlib
import re
import threading
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import anywidget
import traitlets

from ..errors import InvalidInputError
from ..stores.base import SessionStore, checked_session_id
from ._connection import given
from ._jobs import Jobs
from ._methods import Methods
from ._refusals import Refusal, as_error, refusal_of
from ._requests import Call, Params, Request, address_of, python_call, read_request
from ._wire import sendable

_STATIC: Final = pathlib.Path(__file__).parent / "static"
_HEIGHT: Final = re.compile(r"\d{1,5}(\.\d+)?(px|em|rem|vh|%)")
# All that a page may set: nothing that Python relies on, above all not `read_only`.
_SET_BY_THE_PAGE: Final = frozenset({"height", "tabbable", "tooltip"})


class HistoryBrowser(anywidget.AnyWidget):
    """A browser of stored conversations, for a notebook: look, find, append, clear, and take away.

    `source` is a store, a history (its session is opened), or nothing: then a form asks where to connect.
    With `read_only` it changes nothing, whatever the page asks for. `height` is a CSS length.

    Nothing of a conversation, and no secret, is ever a trait: a saved notebook holds neither.

    Raises: InvalidInputError, where `source` or `height` is none of these. Makes no request.
    """

    _esm = _STATIC / "browser.js"
    _css = _STATIC / "browser.css"

    connected = traitlets.Bool(False, help="Whether there is a store. Set here, not by the page.").tag(
        sync=True
    )
    session = traitlets.Unicode("", help='The open session; "" if there is none.').tag(sync=True)
    read_only = traitlets.Bool(False, help="Whether all changes are refused.").tag(sync=True)
    height = traitlets.Unicode("560px", help="A CSS length.").tag(sync=True)

    def __init__(
        self, source: object = None, *, read_only: bool = False, height: str | int = "560px"
    ) -> None:
        store, session_id = _source(source)
        height = _checked_height(height)
        self._jobs = Jobs()
        self._mirroring = threading.RLock()
        self._methods = Methods(self._tell, lambda: bool(self.read_only))
        super().__init__(read_only=bool(read_only), height=height)
        self.on_msg(self._on_message)
        if store is not None:
            self._methods.state.connect(given(store), wanted=session_id)
            self._mirror()

    @property
    def store(self) -> SessionStore | None:
        """The store that is shown, or None."""
        connection = self._methods.state.connection
        return connection.store if connection else None

    @property
    def session_id(self) -> str | None:
        """The id of the open session, or None."""
        return self._methods.state.session_id

    def close(self) -> None:
        """End everything that is under way, close what this browser opened, and remove all its views."""
        self._jobs.close(self._methods.take(None))
        super().close()

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take from the page what is the page's to set, and nothing else."""
        super().set_state({name: value for name, value in sync_data.items() if name in _SET_BY_THE_PAGE})

    def __repr__(self) -> str:
        connection, session = self._methods.state.connection, self._methods.state.session
        if connection is None:
            return "HistoryBrowser(not connected)"
        parts = [connection.store.service, connection.target]
        if self.session_id is not None:
            parts.append(
                f"session {self.session_id!r}" + (f", {session.total:,} messages" if session else "")
            )
        return f"HistoryBrowser({', '.join(part for part in parts if part)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        # What is left of the widget where no kernel is behind it: names and counts, none of the words.
        return {**data, "text/html": f"<pre>{escape(repr(self))}</pre>"}, metadata

    @traitlets.validate("height")
    def _height_is_a_length(self, proposal: Mapping[str, Any]) -> str:
        try:
            return _checked_height(proposal["value"])
        except InvalidInputError as exc:
            raise traitlets.TraitError(str(exc)) from None

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        """Start what the page asks for. Never waits, never raises: errors in a callback are shown nowhere."""
        address = address_of(content)
        if address is None or not isinstance(content, dict):
            return  # nobody to answer
        try:
            request = read_request(content)
            if request.method == "cancel":
                target = request.params.integer("rid", low=-(2**53))
                self._reply(
                    address, {"ok": True, "result": {"cancelled": self._jobs.cancel((request.view, target))}}
                )
            elif not self._jobs.start((request.view, request.rid), lambda: self._serve(request)):
                raise Refusal("busy", "Too much is under way at once, or this number is taken. Try again.")
        except Refusal as refusal:
            self._reply(address, {"ok": False, "error": as_error(refusal)})

    async def _serve(self, request: Request) -> None:
        address = (request.rid, request.view)
        buffers: list[bytes] = []

        def progress(done: int, total: int | None, note: str, partial: Mapping[str, Any] | None) -> None:
            event = {
                "event": "progress",
                "view": request.view,
                "rid": request.rid,
                "done": done,
                "total": total,
            }
            self._tell({**event, "note": note, "partial": partial})

        call = Call(progress, request.view, buffers.append)
        try:
            result = await self._methods.answer(request.method, request.params, call)
            await self._mirrored()
        except asyncio.CancelledError as exc:
            self._reply(address, {"ok": False, "error": as_error(refusal_of(exc))})
            raise
        except Exception as exc:  # noqa: BLE001 - the page is told of whatever it is; nobody else would be
            self._reply(address, {"ok": False, "error": as_error(refusal_of(exc))})
        else:
            self._reply(address, {"ok": True, "result": result}, buffers)

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Return what `method` answers to Python, which waits for it.

        Raises: InvalidInputError for what the page would be told in words; StoreError.
        """

        async def asked() -> dict[str, Any]:
            try:
                return await self._methods.answer(method, Params(params), python_call())
            finally:
                await self._mirrored()

        try:
            return self._jobs.run(asked())
        except Refusal as refusal:
            message = refusal.message
        raise InvalidInputError(message)

    def _reply(
        self, address: tuple[int, str], reply: dict[str, Any], buffers: list[bytes] | None = None
    ) -> None:
        rid, view = address
        self._send_to_page({"rid": rid, "view": view, **reply}, buffers)

    def _tell(self, event: dict[str, Any]) -> None:
        self._send_to_page(event)

    def _send_to_page(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        if getattr(self, "comm", None) is not None:
            self.send(sendable(content), buffers or None)

    async def _mirrored(self) -> None:
        state = self._methods.state
        if self.connected != (state.connection is not None) or self.session != (state.session_id or ""):
            # In a thread: observers of these traits may call methods here, which wait for the I/O loop.
            await asyncio.to_thread(self._mirror)

    def _mirror(self) -> None:
        """Bring the traits up to what the state says."""
        with self._mirroring:
            state = self._methods.state
            self.set_trait("connected", state.connection is not None)
            self.set_trait("session", state.session_id or "")


def _source(source: object) -> tuple[SessionStore | None, str | None]:
    if source is None:
        return None, None
    if isinstance(source, SessionStore):
        return source, None
    store, session_id = getattr(source, "store", None), getattr(source, "session_id", None)
    if isinstance(store, SessionStore) and session_id is not None:
        return store, checked_session_id(session_id)
    raise InvalidInputError(
        "HistoryBrowser takes a store, a history of this package, or nothing to show a form; "
        f"got {type(source).__name__}"
    )


def _checked_height(height: object) -> str:
    text = f"{height}px" if isinstance(height, int) and not isinstance(height, bool) else height
    if not isinstance(text, str) or not _HEIGHT.fullmatch(text):
        raise InvalidInputError(f"height must be a CSS length such as '560px' or '70vh', got {height!r:.40}")
    return text
