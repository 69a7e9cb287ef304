"""What the page exports: a DataFrame in a variable, a file to download, Python code."""

from __future__ import annotations

import asyncio
import builtins
import keyword
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..markdown import showable
from ..plain_text import counted
from ..records import StoredMessage
from ..redaction import Redaction, Redactor
from . import notebook_variables
from .entries import cut
from .file_formats import FILE_FORMATS, FileFormat
from .jobs import Rendering
from .protocol.requests import CodeParams, ExportParams, VariableParams
from .python_code import Code
from .reading import all_records
from .request_errors import RequestError
from .request_parsing import RequestContext
from .search import MessageSearch, Search
from .search_filter import Filter
from .sessions import SessionList
from .state import BrowserState
from .undo import size_of

if TYPE_CHECKING:
    from ..formats.writer import LeftOutSession


DOWNLOAD_LIMIT: Final = 50_000_000
SCOPES: Final = ("session", "selected", "all", "hits")


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
        file = FILE_FORMATS[params.format] if params.format else None
        if scope == "hits":
            return {"code": self._code.of_search(self.search(), params.redact, file)}
        is_all = scope == "all" or (scope == "session" and self._state.session_id is None)
        return {"code": self._code.of_sessions(None if is_all else self._ids(scope), params.redact, file)}

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
        notebook_variables.user_namespace()[name] = frame
        return {"name": name, "rows": len(frame), **_counts(redaction)}

    async def export(self, params: ExportParams, context: RequestContext) -> dict[str, Any]:
        """Send the sessions as one file, which the page offers for download."""
        form = FILE_FORMATS[params.format]
        ids, wanted = await self._scope(params.scope, context)
        redaction = _redaction(params.redact)
        filename = form.filename(ids)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = Path(folder, filename)
            left_out = await self._write(path, form, ids, wanted, redaction, context)
            data = await asyncio.to_thread(path.read_bytes)
        context.attach(data)
        named = {"filename": filename, "mime": form.mime, "bytes": len(data), "left_out": left_out}
        return {**named, **_counts(redaction)}

    async def _scope(self, scope: str, context: RequestContext) -> tuple[list[str], Filter | None]:
        """Return the sessions of `scope`; for hits also the filter of the last search."""
        if scope == "all":
            return await self._sessions.all_ids(context), None
        if scope == "hits":
            search = self.search()
            return list(search.matching_sessions), search.filter
        return self._ids(scope), None

    def _ids(self, scope: str) -> list[str]:
        """Return the open session, or the selected ones. Raises: RequestError if there are none."""
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

    async def _write(
        self,
        path: Path,
        form: FileFormat,
        ids: Sequence[str],
        wanted: Filter | None,
        redaction: Redaction | None,
        context: RequestContext,
    ) -> str | None:
        """Write the file, and return what the format cannot hold, in words."""
        from ..columns.schema import COLUMNS
        from ..formats.compression import compress, compression_of
        from ..formats.registry import checked_format, writer  # brings pandas and pyarrow

        out = writer(checked_format(path, form.argument), path, {}, list(COLUMNS), [])
        here: str | None = None
        size = sessions = 0
        try:
            async for session_id, records, more in self._pieces(ids, wanted, redaction, context):
                size += more
                if size > DOWNLOAD_LIMIT:
                    raise self._too_large(ids, form, redaction)
                if here != session_id:
                    if here is not None:
                        out.end_session()
                    sessions += 1
                here = session_id
                await self._rendering.write(out.add, session_id, records)
            if here is not None:
                out.end_session()
            await asyncio.to_thread(out.finish)
        finally:
            out.close()
        if compression := compression_of(path):
            packed = path.with_name(f"{path.name}.packed")
            await asyncio.to_thread(compress, path, packed, compression)
            packed.replace(path)
        if path.stat().st_size > DOWNLOAD_LIMIT:
            raise self._too_large(ids, form, redaction)
        left_out = _left_out_words(out.left_out)
        if left_out and sum(entry[4] for entry in out.left_out) == sessions:
            raise RequestError("invalid", f"{form.label} can hold none of these sessions. {left_out}")
        return left_out

    def _too_large(self, ids: Sequence[str], form: FileFormat, redaction: Redaction | None) -> RequestError:
        some = list(ids) if len(ids) <= 20 else None
        code = self._code.of_sessions(some, redaction is not None, form)
        return RequestError("too_large", f"That is more than 50 MB. Python writes it to a file:\n\n{code}")


def _left_out_words(left_out: Sequence[LeftOutSession]) -> str | None:
    """Return how much a format could not hold, and the first reason."""
    if not left_out:
        return None
    whole = sum(is_whole for *_, is_whole in left_out)
    messages = sum(count for *_, count, is_whole in left_out if not is_whole)
    counts = [counted(whole, "session"), counted(messages, "message")]
    session_id, _, reason, *_ = left_out[0]
    parts = " and ".join(count for count in counts if not count.startswith("0"))
    return f"Left out: {parts}. {cut(showable(session_id or ''), 80)}: {reason}"


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
    if name in notebook_variables.user_namespace() and not overwrite:
        raise RequestError("exists", f"The variable {name} already exists. Replace it?", field="name")
    return name
