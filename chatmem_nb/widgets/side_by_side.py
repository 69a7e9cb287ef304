"""Two sessions side by side on the page."""

from __future__ import annotations

from typing import Any, Final

from ..comparison import Comparison, style
from ..records import StoredMessage
from .jobs import Rendering
from .protocol.requests import CompareParams
from .reading import all_records
from .request_errors import RequestError
from .request_parsing import RequestContext
from .state import BrowserState

HTML_LIMIT: Final = 3_000_000
"""Characters of HTML that the page shows at most."""
SIZE_LIMIT: Final = 50_000_000
"""Characters of records that are read for it at most."""


class SideBySide:
    """The method of the page that compares two sessions."""

    def __init__(self, state: BrowserState) -> None:
        self._state = state
        self._rendering = Rendering()

    async def compare(self, params: CompareParams, context: RequestContext) -> dict[str, Any]:
        """Return sessions `a` and `b` beside each other, as HTML with a style of its own."""
        names = (params.a, params.b)
        records: dict[str, list[StoredMessage]] = {name: [] for name in names}
        size = done = 0
        async for session_id, found in all_records(self._state.store, list(records)):
            records[session_id] += found
            size, done = size + sum(len(record.raw) for record in found), done + len(found)
            if size > SIZE_LIMIT:
                raise RequestError(
                    "too_large",
                    "These sessions are larger than 50 MB together. Compare them from Python: "
                    f"browser.compare({params.a!r:.80}, {params.b!r:.80}).save('comparison.html')",
                )
            context.progress(done, None, "reading both sessions", None)
        return await self._rendering.run(_compared, names, (records[params.a], records[params.b]))


def _compared(
    names: tuple[str, str], records: tuple[list[StoredMessage], list[StoredMessage]]
) -> dict[str, Any]:
    return {"html": Comparison(names, records).body(limit=HTML_LIMIT), "style": style()}
