"""Records of the plain shape, decoded into just the fields that columns are made of.

Most records are a text from one of four types. A typed decoder reads those in less than half the time that
building all their dicts takes. It refuses whatever is not exactly of this shape, which `parse` then reads: a
field that is not declared, content blocks, invalid tool calls, NaN, lone surrogates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, compress
from typing import Any, Final, Literal, TypeAlias

from msgspec import MsgspecError, Raw, Struct
from msgspec.json import Decoder
from pydantic_core import from_json

from .message_types import ai_error

ABSENT: Final = b""
"""The JSON text of a nested value that its record does not have."""
_NO_RAW: Final = Raw(ABSENT)
_NO_CALLS: Final = frozenset({ABSENT, b"[]"})
Kind: TypeAlias = Literal["human", "ai", "system", "tool"]


# Every field is declared, since the decoder validates skipped fields less strictly than `parse`. Each
# distinct nested text is parsed once. gc=False: instances cannot be part of a reference cycle.
class _Data(Struct, forbid_unknown_fields=True, gc=False):
    content: str
    additional_kwargs: Raw = _NO_RAW
    response_metadata: Raw = _NO_RAW
    usage_metadata: Raw = _NO_RAW
    tool_calls: Raw = _NO_RAW
    artifact: Raw = _NO_RAW
    name: str | None = None
    id: str | None = None
    tool_call_id: str | None = None
    status: str | None = None
    invalid_tool_calls: tuple[()] = ()
    type: Kind | None = None
    example: bool = False


class _Record(Struct, forbid_unknown_fields=True, gc=False):
    type: Kind
    data: _Data
    record_id: str | None = None
    stored_at: str | None = None


_DECODE: Final = Decoder(_Record).decode
_PARSE: Final = partial(from_json, cache_strings="keys")
_REFUSALS: Final = (MsgspecError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class PlainRecords:
    """The fields of plain records, a list for each; nested values as JSON text in UTF-8, or ABSENT."""

    places: Sequence[int]
    """Their positions in `raws`."""
    types: Sequence[str]
    stamps: Sequence[str | None]
    contents: Sequence[str]
    names: Sequence[str | None]
    ids: Sequence[str | None]
    tool_call_ids: Sequence[str | None]
    statuses: Sequence[str | None]
    additional_kwargs: Sequence[bytes]
    response_metadata: Sequence[bytes]
    usage_metadata: Sequence[bytes]
    tool_calls: Sequence[bytes]
    artifacts: Sequence[bytes]
    values: Mapping[bytes, Any]
    """The parsed value of each JSON text; None for ABSENT."""


def plain_records(raws: Sequence[str]) -> PlainRecords | None:
    """Return the plain records among `raws`; None if there are none, or one of them is invalid."""
    places, records = _decoded(raws)
    if not records:
        return None
    datas = [record.data for record in records]
    texts = _json_texts(
        [data.additional_kwargs for data in datas],
        [data.response_metadata for data in datas],
        [data.usage_metadata for data in datas],
        [data.tool_calls for data in datas],
        [data.artifact for data in datas],
    )
    try:
        values = _parsed(set().union(*texts))
    except _REFUSALS:  # a lone surrogate
        return None
    kwargs, metadata, usages, calls, artifacts = texts
    found = PlainRecords(
        places,
        types=[record.type for record in records],
        stamps=[record.stored_at for record in records],
        contents=[data.content for data in datas],
        names=[data.name for data in datas],
        ids=[data.id for data in datas],
        tool_call_ids=[data.tool_call_id for data in datas],
        statuses=[data.status for data in datas],
        additional_kwargs=kwargs,
        response_metadata=metadata,
        usage_metadata=usages,
        tool_calls=calls,
        artifacts=artifacts,
        values=values,
    )
    return None if _has_errors(found) else found


def _decoded(raws: Sequence[str]) -> tuple[Sequence[int], list[_Record]]:
    try:
        return range(len(raws)), list(map(_DECODE, raws))
    except _REFUSALS:  # by `parse`, one by one, at least those
        pass
    places, records = [], []
    for place, raw in enumerate(raws):
        try:
            records.append(_DECODE(raw))
        except _REFUSALS:
            continue
        places.append(place)
    return places, records


def _json_texts(*columns: Sequence[Raw]) -> list[Sequence[bytes]]:
    """The bytes of each: joined and split in a third of the time that a copy of each would take."""
    count = len(columns[0])
    given = [column.count(_NO_RAW) < count for column in columns]
    joined = b"\0".join(chain.from_iterable(compress(columns, given)))  # JSON has no NUL
    texts = joined.split(b"\0") if any(given) else []
    pieces = (texts[start : start + count] for start in range(0, len(texts), count))
    return [next(pieces) if is_given else [ABSENT] * count for is_given in given]


def _parsed(texts: set[bytes]) -> dict[bytes, Any]:
    """The value of each: parsed as one array, since a call for each would take half as long again."""
    given = list(texts - {ABSENT})
    return {ABSENT: None, **dict(zip(given, _PARSE(b"[%b]" % b",".join(given)), strict=True))}


def _has_errors(records: PlainRecords) -> bool:
    """Whether `shape_error` would find one."""
    if "tool" in records.types and ("tool", None) in zip(records.types, records.tool_call_ids, strict=True):
        return True
    if _NO_CALLS.issuperset(records.tool_calls):
        return False
    pairs = zip(records.types, records.tool_calls, strict=True)
    callers = [(kind, records.values[text]) for kind, text in pairs if text not in _NO_CALLS]
    return any(kind != "ai" or ai_error({"tool_calls": calls}) is not None for kind, calls in callers)
