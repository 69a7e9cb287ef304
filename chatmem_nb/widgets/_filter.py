"""What someone looks for in messages; and the same as Python over a DataFrame, with the same answer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..frames.columns import Fields, column_values
from ..records import StoredMessage
from ._requests import Params
from ._roles import ROLES, words_of

_COLUMNS: Final = ("content", "tool_calls", "raw", "error", "role", "name", "model", "status")


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must hold; what is empty does not count. Case never counts."""

    text: str = ""
    """In the words of a message, in its tool calls, or in the raw text of one that cannot be read."""
    role: str = ""
    """One of ROLES."""
    tool: str = ""
    """In the name of a tool that the message calls, or answers for."""
    model: str = ""
    errors_only: bool = False
    """Only what cannot be read, and tools that failed."""

    @classmethod
    def of(cls, params: Params) -> Filter:
        """Return the filter that the page asks for. Raises: Refusal."""
        return cls(
            params.text("text", "", limit=10_000),
            params.choice("role", ("", *ROLES), ""),
            params.text("tool", "", limit=1_000).strip(),
            params.text("model", "", limit=1_000).strip(),
            params.flag("errors_only"),
        )

    def matching(self, records: Sequence[StoredMessage]) -> list[StoredMessage]:
        """Return those of `records` that fit."""
        values = column_values(_COLUMNS, Fields.of([], records))
        rows = zip(*(values[name] for name in _COLUMNS), strict=True)
        return [record for record, row in zip(records, rows, strict=True) if self._fits(*row)]

    def keeps(self, record: StoredMessage) -> bool:
        """Return whether `record` fits."""
        return bool(self.matching([record]))

    def _fits(
        self,
        content: str | None,
        calls: str | None,
        raw: str,
        error: str | None,
        role: str | None,
        name: str | None,
        model: str | None,
        status: str | None,
    ) -> bool:
        if self.errors_only and error is None and status != "error":
            return False
        if self.role and not _has_role(self.role, role):
            return False
        if self.model and not _holds(model, self.model):
            return False
        if self.tool and not self._is_of_tool(calls, role, name):
            return False
        return not self.text or any(
            _holds(text, self.text) for text in (content, calls, raw if error is not None else None)
        )

    def _is_of_tool(self, calls: str | None, role: str | None, name: str | None) -> bool:
        if role in words_of("tool") and _holds(name, self.tool):
            return True
        return calls is not None and re.search(self._called, calls.casefold()) is not None

    @property
    def _called(self) -> str:
        """A pattern for the name of a tool in the casefolded JSON of calls."""
        name = json.dumps(self.tool.casefold(), ensure_ascii=False)[1:-1]
        return rf'"name":"[^"]*{re.escape(name)}[^"]*"'

    def code(self, source: str) -> str:
        """Return Python lines that take these messages out of `source`, as a DataFrame named `hits`."""
        conditions = [condition for condition in self._conditions() if condition]
        lines = [f"frame = chatmem_nb.to_dataframe({source})"]
        if self.text:
            lines.append(f"text = {self.text.casefold()!r}")
        if not conditions:
            return "\n".join([*lines, "hits = frame"])
        body = "\n    & ".join(conditions)
        return "\n".join([*lines, f"hits = frame[\n    {body}\n]"])

    def _conditions(self) -> list[str]:
        found = []
        if self.text:
            texts = '(frame["content"], frame["tool_calls"], frame["raw"].where(frame["error"].notna()))'
            found.append(
                "pandas.concat(\n        [column.str.casefold().str.contains(text, regex=False, na=False)"
                f"\n         for column in {texts}],\n        axis=1,\n    ).any(axis=1)"
            )
        if self.role:
            found.append(_role_condition(self.role))
        if self.tool:
            words = list(words_of("tool"))
            found.append(
                f'(\n        (frame["role"].isin({words}) & {_contains("name", self.tool)})\n        '
                f'| frame["tool_calls"].str.casefold().str.contains({self._called!r}, na=False)\n    )'
            )
        if self.model:
            found.append(_contains("model", self.model))
        if self.errors_only:
            found.append('(frame["error"].notna() | (frame["status"] == "error"))')
        return found


def _contains(column: str, text: str) -> str:
    folded = f'frame["{column}"].astype("str").str.casefold()'
    return f"{folded}.str.contains({text.casefold()!r}, regex=False, na=False)"


def _role_condition(role: str) -> str:
    if role != "other":
        return f'frame["role"].isin({list(words_of(role))})'
    return f'~frame["role"].isin({[word for name in ROLES if name != "other" for word in words_of(name)]})'


def _has_role(wanted: str, role: str | None) -> bool:
    if wanted != "other":
        return role in words_of(wanted)
    return not any(role in words_of(name) for name in ROLES)


def _holds(text: Any, wanted: str) -> bool:
    return isinstance(text, str) and wanted.casefold() in text.casefold()
