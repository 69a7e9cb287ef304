"""What is on the screen as Python that can be run: the store, the session, the filter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._filter import Filter
from ._state import BrowserState, Connection

if TYPE_CHECKING:
    from ..stores.protocol import SessionStore


def user_namespace() -> dict[str, Any]:
    """Return the variables of the user's notebook; those of `__main__` where there is no notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    namespace: dict[str, Any] = vars(sys.modules["__main__"]) if shell is None else shell.user_ns
    return namespace


class Code:
    """Writes the code; `owner` is the browser, to be called by the name that it has in the notebook."""

    def __init__(self, state: BrowserState, owner: Callable[[], object]) -> None:
        self._state, self._owner = state, owner

    def of_session(self) -> str:
        """Return code for what is shown: the open session, the ticked ones, or all."""
        session_id = self._state.session_id
        names = [session_id] if session_id is not None else list(self._state.selection) or None
        return self._whole([f"frame = chatmem_nb.to_dataframe({_source(names)})"], needs_pandas=False)

    def of_search(self, wanted: Filter, session_ids: Sequence[str] | None) -> str:
        """Return code that finds what `wanted` found: a DataFrame named `hits`."""
        return self._whole([wanted.code(_source(session_ids))], needs_pandas=bool(wanted.text))

    def of_export(self, session_ids: Sequence[str] | None, path: str) -> str:
        """Return code that writes those sessions into the file `path`."""
        return self._whole([f"chatmem_nb.export({_source(session_ids)}, {path!r})"], needs_pandas=False)

    def _whole(self, lines: list[str], *, needs_pandas: bool) -> str:
        imports = ["import pandas", ""] if needs_pandas else []
        return "\n".join([*imports, "import chatmem_nb", "", *self._store_lines(), *lines])

    def _store_lines(self) -> list[str]:
        connection = self._state.connection
        if connection is None:
            return ["store = chatmem_nb.UpstashSessionStore.from_env()"]
        if not connection.owned:
            name = self._given(connection)
            return [] if name == "store" else [f"store = {name}"]
        return [connection.code]

    def _given(self, connection: Connection) -> str:
        """Return the name that the user has for the store that was given, or for the browser."""
        names = user_namespace()
        if (name := _name_of(connection.store, names)) is not None:
            return name
        return f"{_name_of(self._owner(), names) or 'browser'}.store"


def _source(session_ids: Sequence[str] | None) -> str:
    return "store" if session_ids is None else f"(store, {list(session_ids)!r})"


def _name_of(value: SessionStore | object, names: Mapping[str, Any]) -> str | None:
    found = [name for name, held in list(names.items()) if held is value]
    return next((name for name in found if name.isidentifier() and not name.startswith("_")), None)
