"""What a message must be like to be found."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ..columns.values import Fields, column_values
from ..content import tool_results
from ..records import StoredMessage
from .entries import page_role
from .protocol.requests import FindParams
from .reading import identity_of
from .request_parsing import moment_of
from .text_pattern import TextPattern

_COLUMNS: Final = ("content", "tool_calls", "raw", "error", "role", "name", "model")


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must hold; what is empty does not count. Case never counts."""

    pattern: TextPattern
    """In the words of a message, in its tool calls, or in the raw text of one that cannot be read."""
    role: str = ""
    """One of ROLES."""
    tool: str = ""
    """In the name of a tool that the message calls, or is the result of."""
    model: str = ""
    errors_only: bool = False
    """Only what cannot be read, and results of tools that failed, or look as if."""
    label: str = ""
    """What the message is labelled with; see `LabelFilter`."""
    since: datetime | None = None
    """Stored at this time or later; a message without a time does not fit."""
    until: datetime | None = None
    """Stored before this time."""
    labelled: set[tuple[int, str]] = field(default_factory=set, compare=False, repr=False)
    """With a label: index and identity of the messages that have it, as far as the search has come."""

    @classmethod
    def of(cls, params: FindParams) -> Filter:
        """Return the filter that the page asks for. Raises: InvalidInputError; RequestError."""
        return cls(
            TextPattern(params.text, is_regex=params.regex, whole_words=params.whole_words),
            role=params.role,
            tool=params.tool.strip(),
            model=params.model.strip(),
            errors_only=params.errors_only,
            label=params.label,
            since=moment_of(params.since, "since") if params.since else None,
            until=moment_of(params.until, "until") if params.until else None,
        )

    @property
    def needs_times(self) -> bool:
        """Whether it asks when a message was stored."""
        return self.since is not None or self.until is not None

    def arguments(self) -> dict[str, Any]:
        """Return what `HistoryBrowser.find` must be given for it, apart from the text."""
        named = {
            "regex": self.pattern.is_regex,
            "whole_words": self.pattern.whole_words,
            "role": self.role,
            "tool": self.tool,
            "model": self.model,
            "label": self.label,
            "errors_only": self.errors_only,
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
        }
        return {name: value for name, value in named.items() if value}

    def matching(self, records: Sequence[StoredMessage]) -> list[StoredMessage]:
        """Return those of `records` that fit. Raises: InvalidInputError if the pattern takes too long."""
        if self.label:
            records = [record for record in records if (record.index, identity_of(record)) in self.labelled]
        if self.errors_only:
            records = [record for record in records if _is_error(record)]
        if self.needs_times:
            records = [record for record in records if self._is_in_time(record.stored_at)]
        values = column_values(_COLUMNS, Fields.of([], records))
        rows = zip(*(values[name] for name in _COLUMNS), strict=True)
        return [record for record, row in zip(records, rows, strict=True) if self._fits(*row)]

    def keeps(self, record: StoredMessage) -> bool:
        """Return whether `record` fits."""
        return bool(self.matching([record]))

    def _is_in_time(self, moment: datetime | None) -> bool:
        if moment is None:
            return False
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)

    def _fits(
        self,
        content: str | None,
        calls: str | None,
        raw: str,
        error: str | None,
        role: str | None,
        name: str | None,
        model: str | None,
    ) -> bool:
        if self.role and page_role(role) != self.role:
            return False
        if self.model and not _holds(model, self.model):
            return False
        if self.tool and not self._is_of_tool(calls, role, name):
            return False
        if not self.pattern.text:
            return True
        return any(map(self.pattern.is_in, (content, calls, raw if error is not None else None)))

    def _is_of_tool(self, calls: str | None, role: str | None, name: str | None) -> bool:
        if page_role(role) == "tool" and _holds(name, self.tool):
            return True
        return calls is not None and re.search(self._called, calls.casefold()) is not None

    @property
    def _called(self) -> str:
        """A pattern for the name of a tool in the casefolded JSON of calls."""
        name = json.dumps(self.tool.casefold(), ensure_ascii=False)[1:-1]
        return rf'"name":"[^"]*{re.escape(name)}[^"]*"'


def _is_error(record: StoredMessage) -> bool:
    return record.error is not None or any(result.failure for result in tool_results(record))


def _holds(text: Any, wanted: str) -> bool:
    return isinstance(text, str) and wanted.casefold() in text.casefold()
