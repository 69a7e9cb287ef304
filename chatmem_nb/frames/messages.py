"""One row a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeAlias

import pandas as pd

from ..columns.arrow_columns import Columns
from ..columns.schema import checked_columns
from ..columns.values import Fields, column_values
from ..content import NOT_SYSTEM, ROLE_ALIASES, TYPE_OF_ROLE, is_instruction, role_name
from ..errors import InvalidInputError, RecordError, RecordErrors
from ..records import MESSAGE_CLASSES, StoredMessage
from ..redaction import Redactor, redaction_of
from ..sources import Session, Source, dated, parsed_sessions, scope_ids, sessions, store_scope
from .redacted import noted, redacted

_TEXTS = frozenset({"raw", "checksum"})
_DATED = _TEXTS | {"stored_at"}
_NAMES = {"role": [*TYPE_OF_ROLE, *ROLE_ALIASES], "type": [*MESSAGE_CLASSES]}
Where: TypeAlias = Mapping[str, Any] | Callable[[StoredMessage], bool]


def to_dataframe(
    source: Source,
    *,
    columns: Iterable[str] | None = None,
    where: Where | None = None,
    strict: bool = False,
    redact: Redactor | None = None,
) -> pd.DataFrame:
    """Return one row a message of `source`, oldest first in each session, with the dtypes of `COLUMNS`.

    `source` is a store (all its sessions), a pair `(store, session_ids)`, the path of a file, a history, a
    HistoryBrowser, a frame of messages, or a list of messages or of StoredMessage. `columns` names those to
    compute, in that order. `where` keeps what fits: a mapping of columns to a value or to a list of values
    (`{"role": ["user", "assistant"]}`; "human" and "ai" mean the same, and "not system" everything but
    instructions), or a function of a StoredMessage. A record that cannot be read keeps its row, with `raw`
    and `error`.

    Nested values are JSON text: content that is no plain text stands in `content_json`, its text alone in
    `content`. pandas' `str` is UTF-8, so a lone surrogate stands as its escape, and its message's content
    in `content_json` as well; `raw` is as stored. A notebook that displays the
    frame typesets `$...$` as a formula, unless `pandas.set_option("display.html.use_mathjax", False)` is set.

    `redact` replaces personal data and credentials, after `where` and `strict` saw the messages as they are.
    Records that are not JSON are left out then; `frame.attrs["redaction"]` counts and names.

    Raises: InvalidInputError; RecordErrors, with `strict`, listing every message that cannot be built;
    StoreError and its kinds.

    >>> frame = to_dataframe((store, ["trip-planner"]), columns=["role", "content"], where={"role": "user"})
    >>> len(frame), frame["content"].iloc[0]
    (2, 'I want to go from Vienna to Venice on Friday, by night if I can.')
    """
    names = checked_columns(columns)
    found = Columns(names)
    redaction = redaction_of(redact)
    scope = store_scope(source)
    if scope is not None and where is None and not strict and redaction is None:
        reader = dated(scope[0]) if _DATED.intersection(names) else scope[0]
        if not _TEXTS.intersection(names) and (parsed := parsed_sessions(reader, scope_ids(*scope))):
            for name, start, fields in parsed:
                found.add_fields(name, start, fields)
            return found.frame()
        for name, start, raws in reader.read_many(scope_ids(*scope)):
            found.add_raw(name, start, raws)
        return found.frame()
    for session_id, records in redacted(chosen(sessions(source), where, strict=strict), redaction):
        found.add(session_id, records)
    return noted(found.frame(), redaction)


def chosen(
    found: Iterable[Session], where: Where | None = None, *, strict: bool = False
) -> Iterator[Session]:
    """Yield the sessions `found`, with the records that `where` keeps.

    Raises: RecordErrors at the end, with `strict`, if any of those cannot be built as a message.
    """
    keep = _condition(where)
    errors: list[RecordError] = []
    for session_id, records in found:
        kept = keep(session_id, records)
        if strict:
            errors += _errors(session_id, kept)
        yield session_id, kept
    if errors:
        raise RecordErrors(errors)


Keep: TypeAlias = Callable[[str | None, list[StoredMessage]], list[StoredMessage]]


def _condition(where: Where | None) -> Keep:
    if where is None:
        return lambda session_id, records: records
    if isinstance(where, Mapping):
        return _equals({name: _wanted(name, where[name]) for name in checked_columns(where)})
    if callable(where):
        return lambda session_id, records: [record for record in records if where(record)]
    raise InvalidInputError(
        f"where must be a mapping of columns to values or a function, not {type(where).__name__}"
    )


def _equals(wanted: dict[str, set[Any]]) -> Keep:
    def keep(session_id: str | None, records: list[StoredMessage]) -> list[StoredMessage]:
        for name, values in wanted.items():
            found = column_values([name], Fields.of([session_id] * len(records), records))[name]
            without_system = name == "role" and NOT_SYSTEM in values
            records = [
                record
                for record, value in zip(records, found, strict=True)
                if value in values or (without_system and not is_instruction(value))
            ]
        return records

    return keep


def _wanted(name: str, values: Any) -> set[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        values = {values}
    wanted = set(values)  # of a list, a set, a range, a Series, an array
    for value in wanted:
        _check_spelling(name, value)
    if name == "role":  # a message may have a role of its own that is called "human"
        wanted |= {role_name(value) for value in wanted if isinstance(value, str)}
    return wanted


def _check_spelling(name: str, value: Any) -> None:
    """Raises: InvalidInputError for a misspelt role or type. Any other role may be that of a ChatMessage."""
    known = _NAMES.get(name, ())
    if not isinstance(value, str) or not value.isalpha() or value.lower() in map(str.lower, known):
        return
    if near := get_close_matches(value, known, 1, cutoff=0.8):
        raise InvalidInputError(f"where has {value!r} as {name}; did you mean {near[0]!r}?", field="where")


def _errors(session_id: str | None, records: list[StoredMessage]) -> list[RecordError]:
    errors = []
    for record in records:
        try:
            _ = record.message
        except RecordError as exc:
            errors.append(RecordError(exc.reason, session_id=session_id, index=record.index))
    return errors
