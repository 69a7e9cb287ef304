"""What the page takes away: a DataFrame in a variable, a file to download, code to run."""

from __future__ import annotations

import asyncio
import builtins
import keyword
import re
from collections.abc import Sequence
from typing import Any, Final

from ..frames.columns import Columns
from ..frames.schema import COLUMNS, frame_of
from ..records import parse_all
from ..stores.base import SessionStore
from ._code import Code, user_namespace
from ._filter import Filter
from ._find import Find
from ._refusals import Refusal
from ._requests import Call, Params
from ._sessions import SessionList
from ._state import BrowserState

DOWNLOAD_LIMIT: Final = 50_000_000
SCOPES: Final = ("session", "selected", "all", "hits")
_MIMES: Final = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "md": "text/markdown",
    "html": "text/html",
    "parquet": "application/vnd.apache.parquet",
}


class TakeAway:
    """The methods of the page that hand things to Python, or to the person's disk."""

    def __init__(self, state: BrowserState, sessions: SessionList, find: Find, code: Code) -> None:
        self._state, self._sessions, self._find, self._code = state, sessions, find, code

    async def code(self, params: Params, call: Call) -> dict[str, Any]:
        """Return Python for what is shown."""
        return {"code": self.code_now()}

    def code_now(self) -> str:
        """Return code of the last search, or of the open session."""
        search = self._find.last
        if search is None:
            return self._code.of_session()
        return self._code.of_search(search.filter, search.session_ids)

    async def to_variable(self, params: Params, call: Call) -> dict[str, Any]:
        """Put a DataFrame into a variable of the notebook."""
        name = _checked_name(params.text("name", limit=200), overwrite=params.flag("overwrite"))
        ids, wanted = await self._scope(params, call)
        frame = await self._frame(self._state.store, ids, wanted, call)
        user_namespace()[name] = frame
        return {"name": name, "rows": len(frame)}

    async def export(self, params: Params, call: Call) -> dict[str, Any]:
        """Send the sessions as one file, which the page offers for download."""
        form = params.choice("format", tuple(_MIMES))
        ids, _ = await self._scope(params, call)
        filename = f"{_stem(ids)}.{form}"
        data = await self._file(self._state.store, ids, filename, call)
        call.attach(data)
        return {"filename": filename, "mime": _MIMES[form], "bytes": len(data)}

    async def _scope(self, params: Params, call: Call) -> tuple[list[str], Filter | None]:
        """Return the sessions that are meant, and the filter of the last search where its hits are."""
        scope = params.choice("scope", SCOPES, "session")
        if scope == "all":
            return await self._sessions.all_ids(call), None
        if scope == "hits":
            search = self._find.last
            if search is None:
                raise Refusal("invalid", "Nothing was looked for yet.", field="scope")
            return list(dict.fromkeys(hit.session_id for hit in search.hits)), search.filter
        session_id = self._state.session_id
        ids = list(self._state.selection) if scope == "selected" else [session_id] if session_id else []
        if not ids:
            hint = "Tick some sessions first." if scope == "selected" else "Open a session first."
            raise Refusal("invalid", hint, field="scope")
        return ids, None

    async def _frame(self, store: SessionStore, ids: Sequence[str], wanted: Filter | None, call: Call) -> Any:
        found = Columns(list(COLUMNS))
        read = 0
        async for session_id, start, raws in store.aread_many(ids):
            records = await asyncio.to_thread(parse_all, raws, start)
            kept = await asyncio.to_thread(wanted.matching, records) if wanted else records
            await asyncio.to_thread(found.add, session_id, kept)
            read += len(raws)
            call.progress(read, None, f"{read:,} messages read", None)
        return await asyncio.to_thread(frame_of, COLUMNS, found.values)

    async def _file(self, store: SessionStore, ids: Sequence[str], filename: str, call: Call) -> bytes:
        raise NotImplementedError


def _checked_name(name: str, *, overwrite: bool) -> str:
    name = name.strip()
    if not name.isidentifier() or keyword.iskeyword(name):
        raise Refusal(
            "invalid", "A variable's name is letters, digits and _, and no Python word.", field="name"
        )
    if name.startswith("__") or hasattr(builtins, name):
        raise Refusal("invalid", f"{name} is Python's own; take another name.", field="name")
    if name in user_namespace() and not overwrite:
        raise Refusal("exists", f"There is a variable {name} already. Overwrite it?", field="name")
    return name


def _stem(ids: Sequence[str]) -> str:
    """Return a file name that every system takes."""
    if len(ids) != 1:
        return "conversations"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", ids[0])[:60].strip("-.") or "conversation"
