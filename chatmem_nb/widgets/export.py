"""What the page exports: a DataFrame in a variable, a file to download, Python code."""

from __future__ import annotations

import asyncio
import builtins
import keyword
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..records import StoredMessage
from ..redaction import Redaction, Redactor
from .jobs import Rendering
from .protocol.requests import CodeParams, ExportParams, VariableParams
from .reading import all_records
from .request_errors import RequestError
from .request_parsing import RequestContext
from .search import MessageSearch, Search
from .search_filter import Filter
from .sessions import SessionList
from .state import BrowserState, ConnectedStore
from .undo import size_of

if TYPE_CHECKING:
    from ..stores.protocol import SessionStore


DOWNLOAD_LIMIT: Final = 50_000_000
SCOPES: Final = ("session", "selected", "all", "hits")
_MIMES: Final = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "md": "text/markdown",
    "html": "text/html",
    "parquet": "application/vnd.apache.parquet",
}


def user_namespace() -> dict[str, Any]:
    """Return the variables of the user's notebook; those of `__main__` outside of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    namespace: dict[str, Any] = vars(sys.modules["__main__"]) if shell is None else shell.user_ns
    return namespace


class Code:
    """Writes Python that gets what the page shows, with the names that the user has for store and browser."""

    def __init__(self, state: BrowserState, owner: Callable[[], object]) -> None:
        self._state, self._owner = state, owner

    def of_sessions(self, session_ids: Sequence[str] | None, redact: bool = False) -> str:
        """Return code for a DataFrame of those sessions, or of all."""
        return self._with_store(f"df = chatmem_nb.to_dataframe({_source(session_ids)}{_REDACT[redact]})")

    def of_export(self, session_ids: Sequence[str] | None, path: str, redact: bool = False) -> str:
        """Return code that writes those sessions, or all, into the file `path`."""
        return self._with_store(f"chatmem_nb.export({_source(session_ids)}, {path!r}{_REDACT[redact]})")

    def of_search(self, search: Search, redact: bool = False) -> str:
        """Return code that searches again, and makes a DataFrame of what is found."""
        name = _name_of(self._owner(), user_namespace())
        made = None if name else self._with_store("browser = chatmem_nb.HistoryBrowser(store)")
        name = name or "browser"
        ids = search.session_ids or [""]
        chosen = {"session": f"{name}.select({ids[0]!r})", "selected": f"{name}.selection = {ids!r}"}
        one = chosen.get(search.scope)
        found = f"{name}.find({search.arguments()})"
        frame = f"df = {name}.to_dataframe(hits=True{_REDACT[redact]})"
        imported = "import chatmem_nb\n" if redact and made is None else None
        return "\n".join(line for line in (imported, made, one, found, frame) if line)

    def of_message(self, session_id: str, index: int) -> str:
        """Return a line that opens the session at that message."""
        name = _name_of(self._owner(), user_namespace()) or "browser"
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
        names = user_namespace()
        if (name := _name_of(connection.store, names)) is not None:
            return name
        return f"{_name_of(self._owner(), names) or 'browser'}.store"


_REDACT: Final = {False: "", True: ", redact=chatmem_nb.Redactor()"}


def _quoted(text: str) -> str:
    """Return `text` as Python, in double quotes if nothing in it needs an escape."""
    shown = repr(text)
    return shown if '"' in shown else f'"{shown[1:-1]}"'


def _source(session_ids: Sequence[str] | None) -> str:
    return "store" if session_ids is None else f"(store, {list(session_ids)!r})"


def _name_of(value: SessionStore | object, names: Mapping[str, Any]) -> str | None:
    found = [name for name, held in list(names.items()) if held is value]
    return next((name for name in found if name.isidentifier() and not name.startswith("_")), None)


class Export:
    """The methods of the page that hand things to Python, or to the person's disk."""

    def __init__(self, state: BrowserState, sessions: SessionList, find: MessageSearch, code: Code) -> None:
        self._state, self._sessions, self._find, self._code = state, sessions, find, code
        self._rendering = Rendering()

    async def code(self, params: CodeParams, context: RequestContext) -> dict[str, Any]:
        """Return Python that gets the same."""
        scope = params.scope
        if params.message is not None:
            return {"code": self._code.of_message(self._ids("session")[0], params.message)}
        if scope == "all" or (scope == "session" and self._state.session_id is None):
            return {"code": self._code.of_sessions(None, params.redact)}
        if scope == "hits":
            return {"code": self._code.of_search(self.search(), params.redact)}
        return {"code": self._code.of_sessions(self._ids(scope), params.redact)}

    def code_now(self) -> str:
        """Return code of the last search, else of the open session, else of all that is ticked, or of all."""
        if self._find.last is not None:
            return self._code.of_search(self._find.last)
        session_id = self._state.session_id
        names = [session_id] if session_id is not None else list(self._state.selection)
        return self._code.of_sessions(names or None)

    def search(self) -> Search:
        """Return the last search. Raises: RequestError if there is none."""
        if self._find.last is None:
            raise RequestError("invalid", "Nothing has been searched for yet.", field="scope")
        return self._find.last

    async def to_variable(self, params: VariableParams, context: RequestContext) -> dict[str, Any]:
        """Put a DataFrame into a variable of the notebook."""
        name = _checked_name(params.name, overwrite=params.overwrite)
        ids, wanted = await self._scope(params.scope, context)
        redaction = _redaction(params.redact)
        frame = await self._frame(ids, wanted, redaction, context)
        user_namespace()[name] = frame
        return {"name": name, "rows": len(frame), **_counts(redaction)}

    async def export(self, params: ExportParams, context: RequestContext) -> dict[str, Any]:
        """Send the sessions as one file, which the page offers for download."""
        form = params.format
        ids, wanted = await self._scope(params.scope, context)
        redaction = _redaction(params.redact)
        filename = f"{_stem(ids)}.{form}"
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            data = await self._file(Path(folder, filename), ids, wanted, redaction, context)
        context.attach(data)
        return {"filename": filename, "mime": _MIMES[form], "bytes": len(data), **_counts(redaction)}

    async def _scope(self, scope: str, context: RequestContext) -> tuple[list[str], Filter | None]:
        """Return the sessions of `scope`; for hits also the filter of the last search."""
        if scope == "all":
            return await self._sessions.all_ids(context), None
        if scope == "hits":
            search = self.search()
            return list(search.matching_sessions), search.filter
        return self._ids(scope), None

    def _ids(self, scope: str) -> list[str]:
        """Return the open session, or the ticked ones. Raises: RequestError if there are none."""
        session_id = self._state.session_id
        ids = list(self._state.selection) if scope == "selected" else [session_id] if session_id else []
        if not ids:
            hint = "Select some sessions first." if scope == "selected" else "Open a session first."
            raise RequestError("invalid", hint, field="scope")
        return ids

    async def _pieces(
        self, ids: Sequence[str], wanted: Filter | None, redaction: Redaction | None, context: RequestContext
    ) -> AsyncIterator[tuple[str, list[StoredMessage], int]]:
        """Yield (session id, records, bytes) piece by piece; only records that match `wanted`, if given.

        With a `redaction` they are redacted after the filter has seen them as they are.
        """
        read = 0
        async for session_id, records in all_records(self._state.store, ids, times=True):
            read += len(records)
            if wanted is not None:
                records = await asyncio.to_thread(wanted.matching, records)
            name = session_id
            if redaction is not None:
                records = await asyncio.to_thread(redaction.records, session_id, records)
                name = redaction.session_id(session_id)
            yield name, records, size_of([record.raw for record in records])
            context.progress(read, None, f"{read:,} messages read", None)

    async def _frame(
        self, ids: Sequence[str], wanted: Filter | None, redaction: Redaction | None, context: RequestContext
    ) -> Any:
        from ..columns.arrow_columns import Columns  # brings pandas, which a mere look does without
        from ..columns.schema import COLUMNS

        found = Columns(list(COLUMNS))
        async for session_id, records, _ in self._pieces(ids, wanted, redaction, context):
            await asyncio.to_thread(found.add, session_id, records)
        frame = await asyncio.to_thread(found.frame)
        if redaction is not None:
            frame.attrs["redaction"] = redaction.summary()
        return frame

    async def _file(
        self,
        path: Path,
        ids: Sequence[str],
        wanted: Filter | None,
        redaction: Redaction | None,
        context: RequestContext,
    ) -> bytes:
        from ..columns.schema import COLUMNS
        from ..formats.registry import checked_format, writer  # brings pandas and pyarrow

        out = writer(checked_format(path, None), path, {}, list(COLUMNS), [])
        here: str | None = None
        size = 0
        try:
            async for session_id, records, more in self._pieces(ids, wanted, redaction, context):
                size += more
                if size > DOWNLOAD_LIMIT:
                    raise self._too_large(ids, path.name, redaction)
                if here is not None and here != session_id:
                    out.end_session()
                here = session_id
                await self._rendering.write(out.add, session_id, records)
            if here is not None:
                out.end_session()
            await asyncio.to_thread(out.finish)
        finally:
            out.close()
        if path.stat().st_size > DOWNLOAD_LIMIT:
            raise self._too_large(ids, path.name, redaction)
        return await asyncio.to_thread(path.read_bytes)

    def _too_large(self, ids: Sequence[str], filename: str, redaction: Redaction | None) -> RequestError:
        some = list(ids) if len(ids) <= 20 else None
        code = self._code.of_export(some, filename, redaction is not None)
        return RequestError("too_large", f"That is more than 50 MB. Python writes it to a file:\n\n{code}")


def _redaction(is_wanted: bool) -> Redaction | None:
    return Redaction(Redactor()) if is_wanted else None


def _counts(redaction: Redaction | None) -> dict[str, Any]:
    if redaction is None:
        return {}
    return {"redacted": {"values": redaction.found, "left_out": len(redaction.left_out)}}


def _checked_name(name: str, *, overwrite: bool) -> str:
    name = name.strip()
    if not name.isidentifier() or keyword.iskeyword(name):
        raise RequestError(
            "invalid", "A variable name has letters, digits and _, and is no Python keyword.", field="name"
        )
    if name.startswith("__") or hasattr(builtins, name):
        raise RequestError("invalid", f"{name} is a Python built-in; choose another name.", field="name")
    if name in user_namespace() and not overwrite:
        raise RequestError("exists", f"The variable {name} already exists. Replace it?", field="name")
    return name


def _stem(ids: Sequence[str]) -> str:
    """Return a file name that every system takes."""
    if len(ids) != 1:
        return "conversations"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", ids[0])[:60].strip("-.") or "conversation"
