"""The open session on the screen: windows of rows, and single messages in full."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from ..content import role_title, tool_calls
from ..json_text import parse_json
from ..markdown import RENDER_LIMIT, showable
from ..plain_text import escaped, escaped_json
from ..records import StoredMessage
from .entries import arguments_line, laid_out, role_of, shown_call, text_of, words_html
from .figures import Statistics
from .jobs import Rendering
from .message_parts import read_content
from .permissions import can_write
from .protocol.requests import (
    CallsParams,
    CopyParams,
    FullParams,
    ImageParams,
    LocateParams,
    MessageParams,
    OpenParams,
    WindowParams,
)
from .reading import changed, identity_of, records, summaries
from .request_errors import RequestError
from .request_parsing import RequestContext, moment_of
from .rows import rows_of, with_neighbours
from .state import BrowserState, stale

WINDOW_LIMIT: Final = 200
RAW_LIMIT: Final = 1_000_000
LAID_OUT_LIMIT: Final = 200_000
PART: Final = 200_000
COPY_LIMIT: Final = 5_000_000
_NOT_DATED = "No message of this session says when it was stored, so there is no date to go to."


class Transcript:
    """The methods of the page that read the open session."""

    def __init__(self, state: BrowserState, statistics: Statistics) -> None:
        self._state, self._statistics = state, statistics
        self._rendering = Rendering()

    async def open(self, params: OpenParams, context: RequestContext) -> dict[str, Any]:
        """Open a session; one that is not there only with `create`."""
        session_id, create = params.session_id, params.create
        ticket = self._state.ticket()
        [summary] = await summaries(self._state.store, [session_id])
        # A thread may be there without messages.
        is_empty_thread = summary.last_write is not None and not can_write(self._state.store)
        exists = summary.length > 0 or is_empty_thread
        answer = {"session_id": session_id, "total": summary.length, "exists": exists}
        ttl_s = summary.ttl.total_seconds() if summary.ttl is not None else None
        if not exists and not create and session_id != self._state.session_id:
            return {**answer, "epoch": 0, "ttl_s": None}
        opened = self._state.open(session_id, summary.length, ticket)
        return {**answer, "epoch": opened.epoch, "ttl_s": ttl_s}

    async def window(
        self, params: WindowParams, context: RequestContext
    ) -> tuple[dict[str, Any], list[StoredMessage]]:
        """Return rows `start` to `stop`, or those that exist, and their records.

        The figures are among them, if those are all messages.
        """
        opened = self._state.at(params.session_id, params.epoch)
        start = min(params.start, opened.total)
        stop = min(params.stop, start + WINDOW_LIMIT, opened.total)
        records = await self._records(opened.session_id, opened.epoch, start, stop)
        beside = await with_neighbours(self._state.store, opened.session_id, records, opened.total)
        rows = await self._rendering.run(rows_of, records, beside)
        now = self._state.at(opened.session_id, opened.epoch)
        answer = {"start": start, "rows": rows, "total": now.total}
        if len(records) == now.total > 0:
            answer["stats"] = await self._statistics.of_whole(now, records)
        return answer, records

    async def raw(self, params: MessageParams, context: RequestContext) -> dict[str, Any]:
        """Return a record as it is stored, and indented if it is short, valid JSON."""
        record = await self.record_of(params)
        return {
            "raw": showable(record.raw[:RAW_LIMIT]),
            "pretty": await self._rendering.run(_laid_out, record.raw),
            "chars": len(record.raw),
        }

    async def full(self, params: FullParams, context: RequestContext) -> dict[str, Any]:
        """Return the words of a message from `offset` on, a part at a time."""
        offset = params.offset
        record = await self.record_of(params)
        text = text_of(record)
        after = offset + PART
        html = None
        if offset == 0 and len(text) <= RENDER_LIMIT and record.error is None:
            html = await self._rendering.run(words_html, text, role_of(record))
        return {
            "text": showable(text[offset:after]),
            "next": after if after < len(text) else None,
            "html": html,
        }

    async def image(self, params: ImageParams, context: RequestContext) -> dict[str, Any]:
        """Return a picture from the message itself; nothing is ever fetched."""
        number = params.block
        record = await self.record_of(params)
        parts = read_content(record).parts if record.error is None else []
        url = parts[number].data_url() if number < len(parts) else None
        if url is None:
            raise RequestError("invalid", "This block has no image that can be shown here.", field="block")
        return {"data_url": url}

    async def calls(self, params: CallsParams, context: RequestContext) -> dict[str, Any]:
        """Return tool calls `start` to `stop` of one message, with their results if those are near."""
        start = params.start
        stop = min(params.stop, start + WINDOW_LIMIT)
        record = await self.record_of(params)
        opened = self._state.at(params.session_id, params.epoch)
        found = tool_calls(record.data or {})
        first = record.index + 1 + start
        beside = await records(self._state.store, opened.session_id, first, first + (stop - start) + 50)
        results = {
            str(near.data["tool_call_id"]): near
            for near in beside
            if near.error is None and near.data and near.data.get("tool_call_id")
        }
        return {"tool_calls": [shown_call(call, results) for call in found[start:stop]], "total": len(found)}

    async def copy(self, params: CopyParams, context: RequestContext) -> dict[str, Any]:
        """Return messages as text that can be pasted elsewhere."""
        opened = self._state.at(params.session_id, params.epoch)
        indexes, identities = params.indexes, params.identities
        if len(identities) != len(indexes):
            raise RequestError("invalid", "`identities` must have one entry per index.", field="identities")
        meant = dict(zip(indexes, identities, strict=True))
        form = params.format
        found: list[StoredMessage] = []
        for start, stop in _runs(sorted(meant)):
            found += await self._records(opened.session_id, opened.epoch, start, min(stop, opened.total))
            if sum(len(record.raw) for record in found) > COPY_LIMIT:
                raise RequestError("too_large", "That is more than 5 MB; download it as a file instead.")
        if len(found) < len(meant) or any(identity_of(record) != meant[record.index] for record in found):
            raise await changed(self._state, opened.session_id)
        return {"text": "\n\n".join(map(_COPIES[form], found)) if form != "json" else _as_json(found)}

    async def locate(self, params: LocateParams, context: RequestContext) -> dict[str, Any]:
        """Return the index of the first message stored at `date` or after; some 20 small requests."""
        wanted = moment_of(params.date, "date")
        opened = self._state.at(params.session_id, params.epoch)
        low, high = 0, opened.total
        if not high or await self._stored_at(opened.session_id, opened.epoch, high - 1) is None:
            raise RequestError("invalid", _NOT_DATED, field="date")
        while low < high:
            middle = (low + high) // 2
            stamp = await self._stored_at(opened.session_id, opened.epoch, middle)
            # Records without a time were written before this package wrote here: they are the older ones.
            low, high = (low, middle) if stamp is not None and stamp >= wanted else (middle + 1, high)
        [found] = await self._records(
            opened.session_id, opened.epoch, min(low, opened.total - 1), min(low, opened.total - 1) + 1
        )
        return {"index": found.index, "identity": identity_of(found)}

    async def _stored_at(self, session_id: str, epoch: int, index: int) -> datetime | None:
        [record] = await self._records(session_id, epoch, index, index + 1)
        return record.stored_at

    async def record_of(self, params: MessageParams) -> StoredMessage:
        """Return the record of a row of the page.

        Raises: StoreConflictError if another record is at its index now.
        """
        opened = self._state.at(params.session_id, params.epoch)
        index, identity = params.index, params.identity
        if index >= opened.total:
            raise RequestError("invalid", f"There is no message {index:,} in this session.", field="index")
        [record] = await self._records(opened.session_id, opened.epoch, index, index + 1)
        if identity_of(record) != identity:
            raise await changed(self._state, opened.session_id)
        return record

    async def _records(self, session_id: str, epoch: int, start: int, stop: int) -> list[StoredMessage]:
        """Return the records `start` to `stop`. Raises: RequestError "stale" if some are gone."""
        if stop <= start:
            return []
        found = await records(self._state.store, session_id, start, stop)
        self._state.at(session_id, epoch)
        if len(found) < stop - start:
            length = await self._state.store.alength(session_id)
            self._state.count(session_id, length, changed=True)
            raise stale()
        return found


def _laid_out(raw: str) -> str | None:
    """Return JSON text indented; None if it is not JSON, or too long to be read by anyone."""
    text = laid_out(raw) if len(raw) <= LAID_OUT_LIMIT else None
    return None if text is None else showable(text)


def _plain(record: StoredMessage) -> str:
    """Return what `record` says: its text, and its tool calls as calls."""
    calls = [
        f"{call.name or 'unnamed tool'}({arguments_line(call, limit=None)})"
        for call in tool_calls(record.data or {})
    ]
    return escaped("\n".join(part for part in (text_of(record), *calls) if part))


def _markdown(record: StoredMessage) -> str:
    return escaped(f"**{role_title(role_of(record))}**\n\n{text_of(record)}")


def _as_json(records: list[StoredMessage]) -> str:
    """Return the records as a JSON list, the same JSON as stored; text that is not JSON as a string."""
    texts = [_json_of(record.raw) for record in records]
    return texts[0] if len(texts) == 1 else "[\n" + ",\n".join(texts) + "\n]"


def _json_of(raw: str) -> str:
    return escaped_json(raw) if _is_json(raw) else json.dumps(raw)


_COPIES = {"text": _plain, "markdown": _markdown}


def _is_json(raw: str) -> bool:
    try:
        parse_json(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _runs(indexes: list[int]) -> list[tuple[int, int]]:
    """Return the runs of neighbours in sorted `indexes`, as (start, stop)."""
    runs: list[tuple[int, int]] = []
    for index in indexes:
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs
