"""One redaction: records in, redacted records out, with a count of what was found."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import InvalidInputError, RecordError
from ..json_text import json_text
from ..records import GENERIC, MESSAGE_CLASSES, StoredMessage, parse
from .redactor import Redactor
from .spans import MASK, Span, merged, replaced_parts, without_masks
from .values import Values, parsed_json
from .views import views

_SHORT: Final = 80
_MOST_CLEAN: Final = 20_000
_OWN_ID: Final = re.compile("[0-9a-f]{32}")
_RECORD_KEYS: Final = frozenset({"type", "data", "record_id", "stored_at", "role", "text"})
_FIELDS: Final = frozenset(name for kind in MESSAGE_CLASSES.values() for name in kind.model_fields)
_FEWEST_ID_CHARACTERS: Final = 4
"""Of a session id that is looked for in texts."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record that could not be understood, and so does not leave."""

    session_id: str | None
    index: int
    reason: str


def redaction_of(redact: Redactor | None) -> Redaction | None:
    """Return a redaction by what was given as `redact`; None if nothing was.

    Raises: InvalidInputError if that is no Redactor.
    """
    if redact is None:
        return None
    if not isinstance(redact, Redactor):
        raise InvalidInputError(
            f"redact must be a Redactor, not {type(redact).__name__}; make one: Redactor()"
        )
    return Redaction(redact)


class Redaction:
    """Applies a redactor to the records of one export, frame or copy, and counts what it replaces."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._values = Values(self)
        self._literal: str | None = None
        self.counts: Counter[str] = Counter()
        """Values replaced, by kind in lower case."""
        self.left_out: list[LeftOut] = []

    @property
    def found(self) -> int:
        """How many values were replaced until now."""
        return sum(self.counts.values())

    def sessions(
        self, found: Iterable[tuple[str | None, Sequence[StoredMessage]]]
    ) -> Iterator[tuple[str | None, list[StoredMessage]]]:
        """Yield sessions redacted, without the records that could not be."""
        for session_id, records in found:
            yield self.session(session_id, records)

    def session(
        self, session_id: str | None, records: Iterable[StoredMessage]
    ) -> tuple[str | None, list[StoredMessage]]:
        """Return one session, or a part of it, redacted, without the records that cannot be redacted."""
        name = None if session_id is None else self.session_id(session_id)
        return name, self.records(session_id, records)

    def summary(self) -> dict[str, Any]:
        """Return what was replaced and left out, as JSON can hold it: the `attrs["redaction"]` of a frame."""
        left_out = [[left.session_id, left.index, left.reason] for left in self.left_out]
        return {"counts": dict(self.counts), "left_out": left_out}

    def session_id(self, session_id: str) -> str:
        """Return the pseudonym of a session id, or the id if ids are not redacted."""
        return self._redactor.pseudonym_of_session(session_id)

    def records(self, session_id: str | None, records: Iterable[StoredMessage]) -> list[StoredMessage]:
        """Return `records` of a session redacted; those that cannot be are added to `left_out`."""
        self._literal = session_id if self._redactor.redacts_session_ids else None
        kept = []
        for record in records:
            try:
                kept.append(self._stored(record))
            except RecordError as exc:
                name = None if session_id is None else self.session_id(session_id)
                self.left_out.append(LeftOut(name, record.index, exc.reason))
        self._literal = None
        return kept

    def _stored(self, record: StoredMessage) -> StoredMessage:
        if not record.raw:
            raise RecordError(record.error or "it is empty", index=record.index)
        before = self.found
        redacted = parse(self.record(record.raw), record.index)
        if self.found > before and _is_message(record) and not _is_message(redacted):
            raise RecordError("it is no message once it is redacted", index=record.index)
        return redacted

    def record(self, raw: str) -> str:
        """Return the record `raw` redacted: encoded again, so that it contains nothing that was not examined.

        Raises: RecordError if it is not JSON.
        """
        try:
            value = parsed_json(raw)
            if type(value) is not dict:
                return json_text(self._values.value(value))
            own = _own_id(value)
            redacted = self._values.object(value | dict.fromkeys(own), _RECORD_KEYS, self._data)
        except ValueError:
            reason = "it is not JSON"
        except RecursionError:
            reason = "it is nested too deeply"
        else:
            # A name of a type is no text of anybody, and without it the record could not be read.
            return json_text(redacted | _known_type(value) | own)
        raise RecordError(reason)

    def _data(self, data: dict[str, Any]) -> dict[str, Any]:
        return self._values.object(data, _FIELDS) | _known_type(data)

    def is_clean(self, text: str) -> bool:
        """Return whether nothing was found in this text before."""
        return text in self._redactor.clean and self._literal is None

    def text(self, text: str, session_id: str | None = None) -> str:
        """Return `text` redacted; it may name the session `session_id`."""
        self._literal = session_id if self._redactor.redacts_session_ids else None
        redacted = self._values.text(text)
        self._literal = None
        return redacted

    def secret(self, value: str) -> str:
        """Replace `value`, which is a secret by its name."""
        if MASK.fullmatch(value):
            return value
        self.counts["secret"] += 1
        return self._redactor.replacement("SECRET", value)

    def parts(self, texts: Sequence[str]) -> list[str]:
        """Return `texts` redacted, which are read as one: values that begin in one may end in another."""
        clean = self._redactor.clean
        is_short = len(texts) == 1 and len(texts[0]) <= _SHORT and self._literal is None
        spans = merged(self._found_in(texts), self._redactor.priority)
        if not spans:
            if is_short and len(clean) < _MOST_CLEAN:
                clean.add(texts[0])
            return list(texts)
        self.counts.update(span.kind.lower() for span in spans)
        return replaced_parts(texts, spans, self._redactor.replacement)

    def _found_in(self, texts: Sequence[str]) -> Iterator[Span]:
        start = 0
        starts = []
        for text in texts:
            starts.append(start)
            yield from (Span(a + start, b + start, kind) for a, b, kind in self._spans(text))
            start += len(text)
        if sum(map(bool, texts)) > 1:
            for span in self._spans("".join(texts)):
                if bisect_right(starts, span.start) != bisect_right(starts, span.end - 1):
                    yield span

    def _spans(self, text: str) -> Sequence[Span]:
        if not text:
            return ()
        found = []
        looked_through = views(text)
        if looked_through[0][1]:  # custom patterns may match characters that folding removes
            looked_through.append((text, []))
        for viewed, path in looked_through:
            for start, end, kind in self._detected(viewed):
                for view in path:
                    start, end = view.origin(start, end)
                found.append(Span(start, end, kind))
        return without_masks(text, found)

    def _detected(self, text: str) -> Iterator[Span]:
        yield from self._redactor.detect(text)
        yield from self._redactor.detect_custom(text)
        if self._literal is not None and len(self._literal) >= _FEWEST_ID_CHARACTERS:
            at = text.find(self._literal)
            while at >= 0:
                yield Span(at, at + len(self._literal), "SESSION")
                at = text.find(self._literal, at + 1)


def _known_type(value: dict[str, Any]) -> dict[str, Any]:
    kind = value.get("type")
    return {"type": kind} if kind == GENERIC or (type(kind) is str and kind in MESSAGE_CLASSES) else {}


def _own_id(value: dict[str, Any]) -> dict[str, Any]:
    """The id of a record, if it has the form that the package gives it: in random digits there are phones."""
    record_id = value.get("record_id")
    return {"record_id": record_id} if type(record_id) is str and _OWN_ID.fullmatch(record_id) else {}


def _is_message(record: StoredMessage) -> bool:
    try:
        return record.message is not None
    except RecordError:
        return False
