"""The widget between Python and its front end: requests in, replies and events out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar, cast

import anywidget
import traitlets

from ..errors import InvalidInputError
from ..labels import Labels
from ..markdown import showable
from .dispatch import Methods
from .jobs import Jobs
from .protocol.requests import CancelParams
from .request_errors import CANCELLED, RequestError, as_error, request_error_of
from .request_parsing import Request, RequestContext, address_of, parse_params, parse_request, python_context


def sendable(value: dict[str, Any]) -> dict[str, Any]:
    """Return `value`, with lone surrogates and NaN replaced: JSON for the comm cannot hold them.

    A kernel's own encoder would raise instead, and the page would wait for ever.
    """
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # UnicodeEncodeError is one
        mended: dict[str, Any] = _mended(value)
        return mended
    return value


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return showable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mended(item) for item in value]
    return value


T = TypeVar("T")

# All that a page may set: nothing that Python relies on, above all not `read_only`.
_SET_BY_THE_PAGE: Final = frozenset({"height", "tabbable", "tooltip"})


class PageWidget(anywidget.AnyWidget):
    """A widget whose page asks by messages. Nothing of a conversation, and no secret, is ever a trait."""

    connected = traitlets.Bool(False, help="Whether there is a store.").tag(sync=True)
    session = traitlets.Unicode("", help='The open session; "" if there is none.').tag(sync=True)
    read_only = traitlets.Bool(False, help="Whether changes, variables and files are refused.").tag(sync=True)

    def __init__(self, *, bound: bool, labels: Labels | None = None, **traits: Any) -> None:
        """Make the widget; with `bound`, its page can neither disconnect nor connect another store."""
        self._jobs = Jobs()
        self._mirroring = threading.RLock()
        self._methods = Methods(
            self._tell, lambda: bool(self.read_only), owner=lambda: self, bound=bound, labels=labels
        )
        super().__init__(**traits)
        self.on_msg(self._on_message)

    def close(self) -> None:
        """End everything that is under way, close what was opened here, and remove all views."""
        if "_methods" in vars(self):  # ipywidgets also closes an instance whose constructor failed
            self._jobs.close(self._methods.end())
        super().close()

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take from the page what is the page's to set, and nothing else."""
        state = {name: value for name, value in sync_data.items() if name in _SET_BY_THE_PAGE}
        with contextlib.suppress(traitlets.TraitError):  # what it cannot be, it does not become
            super().set_state(state)

    def open(self) -> None:
        """Open the comm to the page."""
        super().open()
        # ipykernel 7.4 takes what the page sends to the shell that last sent to it: after a cell, to the main
        # one, which waits for that cell to end. Without this it goes to the subshell that the page names.
        if getattr(self.comm, "_reply_subshell_for", None) is not None:
            self.comm._reply_subshell_for = None

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        """Start what the page asks for. Never waits, never raises: errors in a callback are shown nowhere."""
        address = address_of(content)
        if address is None or not isinstance(content, dict):
            return  # there is no view to reply to
        try:
            request = parse_request(content)
            if request.method == "cancel":
                target = cast(CancelParams, parse_params("cancel", request.params)).rid
                found = self._jobs.cancel((request.view, target))
                self._reply(address, {"ok": True, "result": {"cancelled": found}})
            else:
                self._start(request)
        except RequestError as exc:
            self._reply(address, {"ok": False, "error": as_error(exc)})

    def _start(self, request: Request) -> None:
        def cancelled() -> None:
            self._reply((request.rid, request.view), {"ok": False, "error": as_error(CANCELLED)})

        if not self._jobs.start((request.view, request.rid), lambda: self._serve(request), cancelled):
            raise RequestError("busy", "Too many requests are in progress. Try again.")

    async def _serve(self, request: Request) -> None:
        address = (request.rid, request.view)
        buffers: list[bytes] = []

        def progress(done: int, total: int | None, note: str, partial: Mapping[str, Any] | None) -> None:
            counts = {"done": done, "total": total, "note": note, "partial": partial}
            self._tell({"event": "progress", "view": request.view, "rid": request.rid, **counts})

        context = RequestContext(progress, request.view, buffers.append)
        try:
            result = await self._methods.call(request.method, request.params, context)
            await self._mirrored()
        except asyncio.CancelledError:
            self._reply(address, {"ok": False, "error": as_error(CANCELLED)})
            raise
        except Exception as exc:  # noqa: BLE001 - the page is the only place where it can be shown
            self._reply(address, {"ok": False, "error": as_error(request_error_of(exc))})
        else:
            self._reply(address, {"ok": True, "result": result}, buffers)

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the page from Python, and wait for its result.

        Raises: InvalidInputError instead of RequestError; StoreError.
        """
        return self._wait(self._methods.call(method, params, python_context()))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of `work`, which runs on the I/O loop."""

        async def done() -> T:
            try:
                return await work
            finally:
                await self._mirrored()

        try:
            return self._jobs.run(done())
        except RequestError as exc:
            refused = exc
        raise InvalidInputError(refused.message, field=refused.field)

    def _check(self, method: str) -> None:
        """Raises: InvalidInputError, if this browser does not grant what `method` needs."""
        try:
            self._methods.permissions.check(method)
        except RequestError as exc:
            message = exc.message
        else:
            return
        raise InvalidInputError(message)

    def _reply(
        self, address: tuple[int, str], reply: dict[str, Any], buffers: list[bytes] | None = None
    ) -> None:
        rid, view = address
        self._to_page({"rid": rid, "view": view, **reply}, buffers)

    def _tell(self, event: dict[str, Any]) -> None:
        self._to_page(event)

    def _to_page(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        if getattr(self, "comm", None) is not None:  # None before it is open, and after it was closed
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
