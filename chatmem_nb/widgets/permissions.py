"""What each method of the page needs, and what this browser grants: the one place that decides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from .notebook_variables import has_own_variables
from .request_errors import RequestError
from .state import BrowserState

_WRITING: Final = ("append", "insert", "remove", "delete")


_NO_VARIABLES: Final = (
    "This page sets no variables: its browser is read-only, or the notebook may have other viewers. Call "
    "browser.to_dataframe() in a cell."
)


class Need(Enum):
    """What a method may need; `value` is the error (type, message) if it is not granted."""

    STORE = ("not_connected", "Not connected to any service. Connect first.")
    CONNECTING = (
        "not_allowed",
        "This browser shows the store that it was given. Only Python can disconnect it or connect another.",
    )
    WRITING = ("read_only", "This browser is read-only: it changes nothing.")
    VARIABLES = ("read_only", _NO_VARIABLES)
    LABELS = ("not_allowed", "This browser has no labels: make it with labels=Labels(path).")
    FILES = ("read_only", "This browser is read-only: its page makes no files.")


_NOTHING: Final[frozenset[Need]] = frozenset()
_STORE: Final = frozenset({Need.STORE})
_CHANGE: Final = frozenset({Need.STORE, Need.WRITING})

NEEDS: Final[Mapping[str, frozenset[Need]]] = {
    "hello": _NOTHING,
    "connect": frozenset({Need.CONNECTING}),
    "disconnect": frozenset({Need.CONNECTING}),
    "follow": _NOTHING,  # so that a view can stop following a store that is gone
    "code": _NOTHING,
    "select": _STORE,
    "select_all": _STORE,
    "sessions": _STORE,
    "open": _STORE,
    "window": _STORE,
    "stats": _STORE,
    "find": _STORE,
    "compare": _STORE,
    "label": frozenset({Need.STORE, Need.LABELS}),
    "label_session": frozenset({Need.STORE, Need.LABELS}),
    "session_labels": frozenset({Need.STORE, Need.LABELS}),
    "raw": _STORE,
    "full": _STORE,
    "image": _STORE,
    "calls": _STORE,
    "copy": _STORE,
    "locate": _STORE,
    "preview": _CHANGE,
    "append": _CHANGE,
    "append_json": _CHANGE,
    "remove": _CHANGE,
    "measure_clear": _CHANGE,
    "clear": _CHANGE,
    "undo": _CHANGE,
    "to_variable": frozenset({Need.STORE, Need.VARIABLES}),
    "export": frozenset({Need.STORE, Need.FILES}),
}


class Permissions:
    """What one browser grants at the moment.

    An explicit `read_only` also bars variables and files, since the visitor of such a page may be a stranger.
    A store without writing verbs is read-only by nature, and permits both. With `bound`, the page stays with
    the store that the constructor was given; so it does with one that Python connected. Where viewers share
    a process, as with `marimo run`, the variables could be those of another.
    """

    def __init__(
        self, state: BrowserState, is_read_only: Callable[[], bool], *, bound: bool, has_labels: bool = False
    ) -> None:
        self._state, self._is_read_only, self._bound = state, is_read_only, bound
        self._has_labels, self._has_variables = has_labels, has_own_variables()

    def check(self, method: str) -> None:
        """Raises: RequestError, if `method` needs what is not granted."""
        granted = self._granted()
        for need in Need:  # the store first: without one, nothing else is worth saying
            if need in NEEDS[method] and not granted[need]:
                type_, message = need.value
                raise RequestError(type_, message)

    def shown(self) -> dict[str, bool]:
        """Return what the page may offer."""
        granted = self._granted()
        return {
            "connect": granted[Need.CONNECTING],
            "write": granted[Need.WRITING],
            "variables": granted[Need.VARIABLES],
            "files": granted[Need.FILES],
        }

    def _granted(self) -> dict[Need, bool]:
        connection, is_open = self._state.connection, not self._is_read_only()
        return {
            Need.STORE: connection is not None,
            Need.CONNECTING: not self._bound and (connection is None or connection.owned),
            Need.WRITING: is_open and (connection is None or can_write(connection.store)),
            Need.VARIABLES: is_open and self._has_variables,
            Need.FILES: is_open,
            Need.LABELS: self._has_labels,  # kept beside the store, so also where that is only read
        }


def can_write(store: Any) -> bool:
    """Return whether `store` has the writing verbs of the store protocol."""
    return all(callable(getattr(store, name, None)) for verb in _WRITING for name in (verb, f"a{verb}"))
