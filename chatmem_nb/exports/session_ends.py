"""Where each session ended when it was exported, so that the next export can tell what is new."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..errors import InvalidInputError
from ..records import StoredMessage
from ..redaction import Redactor, redaction_of
from ..sources import Session

CHANGES: Final = ("new", "grown", "unchanged", "changed", "shrank")
_DIGEST_CHARACTERS: Final = 32


class SessionEnd(NamedTuple):
    """The length of an exported session, and which record was the last one."""

    length: int
    """Records of the session, including those that a filter left out of the file."""
    digest: str
    """Of the last record as it was written, that is after redaction."""
    change: str = "new"
    """One of CHANGES: what happened to the session since the earlier export."""


class SessionEnds:
    """Records the ends of sessions while they are read, by the id that they are written with."""

    def __init__(
        self, name_of: Callable[[str], str], redact: Redactor | None, known: Mapping[str, SessionEnd]
    ) -> None:
        self.ends = dict(known)
        self.name_of = name_of
        # A separate redaction: the one that redacts what is written counts what it replaces.
        self._redaction = redaction_of(redact)
        self._last: dict[str, tuple[str, StoredMessage, str]] = {}

    def follow(self, found: Iterable[Session], changes: Mapping[str, str] | None = None) -> Iterator[Session]:
        """Yield the pieces `found`, and remember the last record of each session; `changes` by session id."""
        for session_id, records in found:
            if session_id is not None and records:
                change = (changes or {}).get(session_id, "new")
                self._last[self.name_of(session_id)] = (session_id, records[-1], change)
            yield session_id, records

    def close(self, name: str) -> None:
        """Record the end of the session written as `name`, which was read completely."""
        if last := self._last.pop(name, None):
            session_id, record, change = last
            self.ends[name] = SessionEnd(record.index + 1, self.digest(session_id, record), change)

    def digest(self, session_id: str, record: StoredMessage) -> str:
        """Return a digest of `record` as it is written; the same for all records that cannot be redacted."""
        text = record.raw
        if self._redaction is not None:
            redacted = self._redaction.records(session_id, [record])
            text = redacted[0].raw if redacted else ""
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to the sessions since the earlier export: counts, and the ids of those to look at."""

    new: int
    grown: int
    unchanged: int
    changed: tuple[str, ...]
    """Edited or replaced, and so exported whole."""
    shrank: tuple[str, ...]
    """Shorter than before, and so exported whole."""
    vanished: tuple[str, ...]


def compared(
    ends: Mapping[str, SessionEnd], before: Mapping[str, SessionEnd], exported: Iterable[str] | None
) -> tuple[dict[str, SessionEnd], Changes]:
    """Return the ends of all known sessions, and what changed since `before`.

    `exported` are the sessions that were to be exported (None: all); others keep the ends of `before`.
    """
    scope = set(before) if exported is None else set(exported)
    carried = {name: end for name, end in before.items() if name not in scope}
    named = {change: tuple(name for name, end in ends.items() if end.change == change) for change in CHANGES}
    changes = Changes(
        len(named["new"]),
        len(named["grown"]),
        len(named["unchanged"]),
        named["changed"],
        named["shrank"],
        tuple(name for name in before if name in scope and name not in ends),
    )
    return {**carried, **ends}, changes


def read_ends(value: object) -> dict[str, SessionEnd]:
    """Return ends that were saved as JSON, `{session_id: [length, digest, change]}`.

    Raises: InvalidInputError if `value` is not of that form.
    """
    ends = {}
    for name, entry in value.items() if isinstance(value, dict) else ():
        match entry:
            case [int(length), str(digest), str(change)] if length > 0 and change in CHANGES:
                ends[str(name)] = SessionEnd(length, digest, change)
            case _:
                raise InvalidInputError(
                    f"the entry of session {str(name)[:100]!r} in `ends` is not [length, digest, change]; "
                    "export everything again, without since",
                    field="ends",
                )
    return ends
