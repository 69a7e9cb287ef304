"""The values of each column out of the texts of records; the plain ones take less than half the time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from .. import content as of_message
from ..json_text import json_text, json_texts
from ..memo import Memo
from ..records import PlainRecords, parse_fields, plain_records
from .values import STAMPS, Fields, Values, checksums, column_values

_EMPTY: Final = frozenset({b"", b"{}", b"[]", b"null"})


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of records, and where they stand."""

    session_ids: Sequence[str | None]
    """May be empty where that column is not asked for."""
    indexes: Sequence[int]
    """May be empty too."""
    raws: Sequence[str]


def raw_values(names: Iterable[str], texts: Texts) -> dict[str, Values]:
    """Return what `column_values` returns for the records of `texts`. Not `stored_at`: ask for STAMPS."""
    found: dict[str, Values] = {}
    others = []
    for name in names:
        if name in _OF_TEXTS:
            found[name] = _OF_TEXTS[name](texts)
        else:
            others.append(name)
    return {**found, **_parsed_values(others, texts.raws)} if others else found


def _parsed_values(names: Sequence[str], raws: Sequence[str]) -> dict[str, Values]:
    plain = plain_records(raws)
    if plain is None:
        return _other_values(names, raws)
    values = _plain_values(names, plain)
    if len(plain.places) == len(raws):
        return values
    odd = sorted({*range(len(raws))}.difference(plain.places))
    others = _other_values(names, [raws[place] for place in odd])
    order = sorted(range(len(raws)), key=[*plain.places, *odd].__getitem__)
    return {name: list(map([*values[name], *others[name]].__getitem__, order)) for name in names}


def _other_values(names: Sequence[str], raws: Sequence[str]) -> dict[str, Values]:
    parsed = parse_fields(raws)
    fields = Fields((), (), raws, parsed.types, parsed.datas, parsed.errors, parsed.stamps)
    return column_values(names, fields)


def _plain_values(names: Sequence[str], records: PlainRecords) -> dict[str, Values]:
    plain = _Plain(records)
    return {name: _OF_PLAIN[name](plain) for name in names}


class _Plain:
    """Plain records; what comes more than once among them is made once."""

    def __init__(self, records: PlainRecords) -> None:
        self.records = records
        self.value = records.values
        self.missing: list[None] = [None] * len(records.types)

    @cached_property
    def counts(self) -> Sequence[Values]:
        """The tokens of each: a list for each field of a Usage."""
        records, value = self.records, self.value
        if _EMPTY.issuperset(records.usage_metadata) and _EMPTY.issuperset(records.response_metadata):
            return [self.missing] * len(of_message.NO_USAGE)
        usages = Memo[tuple[bytes, bytes], of_message.Usage](
            lambda pair: of_message.usage(
                {"usage_metadata": value[pair[0]], "response_metadata": value[pair[1]]}
            )
        )
        pairs = zip(records.usage_metadata, records.response_metadata, strict=True)
        return list(zip(*usages.of_each(pairs), strict=True))

    def metadata(self, read: Callable[[dict[str, Any]], str | None]) -> Values:
        """Return what `read` says of the response metadata of each."""
        metadata, value = self.records.response_metadata, self.value
        if _EMPTY.issuperset(metadata):
            return self.missing
        return Memo[bytes, str | None](lambda text: read({"response_metadata": value[text]})).of_each(
            metadata
        )

    def jsons(self, texts: Sequence[bytes], *, filled: bool = False) -> Values:
        """Return `texts` as `json_text` writes them; with `filled`, None for an empty object."""
        value = self.value

        def written(text: bytes) -> str | None:
            found = value[text]
            return None if found is None or (filled and found == {}) else json_text(found)

        return Memo(written).of_each(texts)

    @property
    def roles(self) -> Values:
        """The role of each."""
        kinds, kwargs = self.records.types, self.records.additional_kwargs
        if _EMPTY.issuperset(kwargs):
            return Memo[str, str | None](lambda kind: of_message.role(kind, {})).of_each(kinds)
        given = zip(kinds, kwargs, strict=True)
        return Memo[tuple[str, bytes], str | None](
            lambda pair: of_message.role(pair[0], {"additional_kwargs": self.value[pair[1]]})
        ).of_each(given)

    @property
    def tool_calls(self) -> Values:
        """The valid tool calls of each, as JSON text."""
        calls, kwargs, value = self.records.tool_calls, self.records.additional_kwargs, self.value
        if _EMPTY.issuperset(calls) and _EMPTY.issuperset(kwargs):
            return self.missing
        found = Memo[tuple[bytes, bytes], list[Any] | None](
            lambda pair: of_message.langchain_calls(
                {"tool_calls": value[pair[0]], "additional_kwargs": value[pair[1]]}
            )
        )
        return json_texts(
            None if called in _EMPTY and kept in _EMPTY else found[called, kept]
            for called, kept in zip(calls, kwargs, strict=True)
        )


_OF_TEXTS: Final[dict[str, Callable[[Texts], Values]]] = {
    "session_id": lambda texts: texts.session_ids,
    "index": lambda texts: texts.indexes,
    "raw": lambda texts: texts.raws,
    "checksum": lambda texts: checksums(texts.raws),
}
_OF_PLAIN: Final[dict[str, Callable[[_Plain], Values]]] = {
    "type": lambda plain: plain.records.types,
    "role": lambda plain: plain.roles,
    "content": lambda plain: plain.records.contents,
    "content_json": lambda plain: plain.missing,
    "name": lambda plain: plain.records.names,
    "id": lambda plain: plain.records.ids,
    "tool_calls": lambda plain: plain.tool_calls,
    "tool_call_id": lambda plain: plain.records.tool_call_ids,
    "status": lambda plain: plain.records.statuses,
    "input_tokens": lambda plain: plain.counts[0],
    "output_tokens": lambda plain: plain.counts[1],
    "total_tokens": lambda plain: plain.counts[2],
    "cached_tokens": lambda plain: plain.counts[3],
    "reasoning_tokens": lambda plain: plain.counts[4],
    "model": lambda plain: plain.metadata(of_message.model),
    "finish_reason": lambda plain: plain.metadata(of_message.finish_reason),
    "additional_kwargs": lambda plain: plain.jsons(plain.records.additional_kwargs, filled=True),
    "response_metadata": lambda plain: plain.jsons(plain.records.response_metadata, filled=True),
    "usage_metadata": lambda plain: plain.jsons(plain.records.usage_metadata),
    "artifact": lambda plain: plain.jsons(plain.records.artifacts),
    "error": lambda plain: plain.missing,
    STAMPS: lambda plain: plain.records.stamps,
}
