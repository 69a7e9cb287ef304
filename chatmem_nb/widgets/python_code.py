"""Python code that gets what the page shows, in the names that the notebook has for store and browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from . import notebook_variables
from .file_formats import FileFormat
from .search import Search
from .state import BrowserState, ConnectedStore

if TYPE_CHECKING:
    from ..stores.protocol import SessionStore


class Code:
    """Writes Python that gets what the page shows, with the names that the user has for store and browser."""

    def __init__(self, state: BrowserState, owner: Callable[[], object]) -> None:
        self._state, self._owner = state, owner

    def of_sessions(
        self, session_ids: Sequence[str] | None, redact: bool = False, file: FileFormat | None = None
    ) -> str:
        """Return code for a DataFrame, or a file, of those sessions, or of all."""
        source = _source(session_ids)
        if file is not None:
            return self._with_store(_export(source, session_ids, file, redact))
        return self._with_store(f"df = chatmem_nb.to_dataframe({source}{_REDACT[redact]})")

    def of_search(self, search: Search, redact: bool = False, file: FileFormat | None = None) -> str:
        """Return code that searches again, and makes a DataFrame, or a file, of what is found."""
        name = _name_of(self._owner(), notebook_variables.user_namespace())
        made = None if name else self._with_store("browser = chatmem_nb.HistoryBrowser(store)")
        name = name or "browser"
        ids = search.session_ids or [""]
        chosen = {"session": f"{name}.select({ids[0]!r})", "selected": f"{name}.selection = {ids!r}"}
        one = chosen.get(search.scope)
        found = f"{name}.find({search.arguments()})"
        # The file is redacted as it is written, and its frame before would not be that of the messages.
        frame = f"df = {name}.to_dataframe(hits=True{_REDACT[redact and file is None]})"
        written = _export("df", list(search.matching_sessions), file, redact) if file else None
        imported = "import chatmem_nb\n" if (redact or file) and made is None else None
        return "\n".join(line for line in (imported, made, one, found, frame, written) if line)

    def of_message(self, session_id: str, index: int) -> str:
        """Return a line that opens the session at that message."""
        name = _name_of(self._owner(), notebook_variables.user_namespace()) or "browser"
        return f"{name}.select({_quoted(session_id)}, message={index + 1})"

    def _with_store(self, line: str) -> str:
        return "\n".join(["import chatmem_nb", "", *self._store_lines(), line])

    def _store_lines(self) -> list[str]:
        connection = self._state.connection
        if connection is None:
            return ["store = chatmem_nb.UpstashSessionStore.from_env()"]
        if not connection.owned:
            name = self._given(connection)
            return [] if name == "store" else [f"store = {name}"]
        return [connection.code]

    def _given(self, connection: ConnectedStore) -> str:
        """Return the name that the user has for the store that was given, or for the browser."""
        names = notebook_variables.user_namespace()
        if (name := _name_of(connection.store, names)) is not None:
            return name
        return f"{_name_of(self._owner(), names) or 'browser'}.store"


_REDACT: Final = {False: "", True: ", redact=chatmem_nb.Redactor()"}


def _quoted(text: str) -> str:
    """Return `text` as Python, in double quotes if nothing in it needs an escape."""
    shown = repr(text)
    return shown if '"' in shown else f'"{shown[1:-1]}"'


def _export(source: str, session_ids: Sequence[str] | None, file: FileFormat, redact: bool) -> str:
    path = file.filename(session_ids or ())
    form = f", format={file.argument!r}" if file.argument else ""
    return f"chatmem_nb.export({source}, {path!r}{form}{_REDACT[redact]})"


def _source(session_ids: Sequence[str] | None) -> str:
    return "store" if session_ids is None else f"(store, {list(session_ids)!r})"


def _name_of(value: SessionStore | object, names: Mapping[str, Any]) -> str | None:
    found = [name for name, held in list(names.items()) if held is value]
    return next((name for name in found if name.isidentifier() and not name.startswith("_")), None)
