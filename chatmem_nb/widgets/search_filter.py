"""The criteria of a search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, Final

from ..columns.values import Fields, column_values
from ..content import content_blocks, tool_calls, tool_results
from ..json_text import json_text
from ..records import StoredMessage
from .entries import fits_role, page_role, role_of
from .protocol.requests import FindParams
from .reading import identity_of
from .request_parsing import moment_of
from .text_pattern import TextPattern

_PLACES: Final = ("additional_kwargs", "invalid_tool_calls")
_COLUMNS: Final = ("content", "tool_calls", "raw", "error", "role", "model")


@dataclass(frozen=True, slots=True)
class Filter:
    """Criteria that a message must all meet. Empty ones are ignored, and so is case."""

    pattern: TextPattern
    """Matched against the text of a message, its tool calls, or the raw text of an unreadable one."""
    role: str = ""
    """One of ROLES, or "not system". Any role by default: a search must find whatever is on the screen."""
    tool: str = ""
    """A part of the name of a tool that the message calls, or is the result of."""
    model: str = ""
    errors_only: bool = False
    """Only unreadable records, and results of tools that failed or appear to have failed."""
    label: str = ""
    """The label of the message; see `LabelFilter`."""
    since: datetime | None = None
    """Stored at this time or later; a message without a time does not match."""
    until: datetime | None = None
    """Stored before this time."""
    labelled: set[tuple[int, str]] = field(default_factory=set, compare=False, repr=False)
    """With a label: index and identity of the messages that have it, among those searched so far."""

    @classmethod
    def of(cls, params: FindParams) -> Filter:
        """Return the filter for the parameters of a request. Raises: InvalidInputError; RequestError."""
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
        """Whether the filter depends on when a message was stored."""
        return self.since is not None or self.until is not None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `HistoryBrowser.find` for this filter, apart from the text."""
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
        """Return those of `records` that match. Raises: InvalidInputError if the pattern takes too long."""
        if self.label:
            records = [record for record in records if (record.index, identity_of(record)) in self.labelled]
        if self.errors_only:
            records = [record for record in records if _is_error(record)]
        if self.needs_times:
            records = [record for record in records if self._is_in_time(record.stored_at)]
        if self.tool:
            records = [record for record in records if self._is_of_tool(record)]
        values = column_values(_COLUMNS, Fields.of([], records))
        rows = zip(*(values[name] for name in _COLUMNS), strict=True)
        return [record for record, row in zip(records, rows, strict=True) if self._fits(record, *row)]

    def keeps(self, record: StoredMessage) -> bool:
        """Return whether `record` matches."""
        return bool(self.matching([record]))

    def _is_in_time(self, moment: datetime | None) -> bool:
        if moment is None:
            return False
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)

    def _fits(
        self,
        record: StoredMessage,
        content: str | None,
        calls: str | None,
        raw: str,
        error: str | None,
        role: str | None,
        model: str | None,
    ) -> bool:
        if self.role and not fits_role(page_role(role), self.role):
            return False
        if self.model and not _holds(model, self.model):
            return False
        if not self.pattern.text:
            return True
        texts = (content, calls, raw if error is not None else None)
        return any(map(self.pattern.is_in, chain(texts, _other_texts(record))))

    def _is_of_tool(self, record: StoredMessage) -> bool:
        data = record.data or {}
        if role_of(record) == "tool" and _holds(data.get("name"), self.tool):
            return True
        return any(_holds(call.name, self.tool) for call in tool_calls(data))


def _other_texts(record: StoredMessage) -> Iterator[str | None]:
    """What the transcript shows beside text and valid calls: reasoning, calls that are invalid or that
    the provider ran, and their results."""
    data = record.data or {}
    if type(data.get("content")) is not list and not any(map(data.get, _PLACES)):
        return
    for block in content_blocks(record):
        yield block.text if block.kind == "reasoning" else None
    for call in tool_calls(data):
        yield json_text(call.args)
    for result in tool_results(record):
        yield result.text


def _is_error(record: StoredMessage) -> bool:
    return record.error is not None or any(result.failure for result in tool_results(record))


def _holds(text: Any, wanted: str) -> bool:
    return isinstance(text, str) and wanted.casefold() in text.casefold()
