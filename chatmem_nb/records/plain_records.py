"""Records of the plain shape, decoded into just the fields that columns are made of.

Most records are a text from one of four types. A typed decoder reads those in less than half the time that
building all their dicts takes. It refuses whatever is not exactly of this shape, which `parse` then reads: a
field that is not declared, content blocks, invalid tool calls, NaN, lone surrogates.

All fields but the text, the tool calls, the ids and the time make up the header of a record. Many records
share one, as all questions do, so each distinct header is read once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, compress, repeat
from operator import ne
from typing import Any, Final, Literal, TypeAlias

from msgspec import MsgspecError, Raw, Struct
from msgspec.json import Decoder
from pydantic_core import from_json

from .message_types import ai_error

Header: TypeAlias = tuple[str, str | None, str | None, bytes]
"""Type, name, status, and the JSON texts of the nested values."""
_NESTED: Final = ("additional_kwargs", "response_metadata", "usage_metadata", "artifact")
_NULL: Final = Raw(b"null")
_NO_CALLS: Final = Raw(b"[]")
_END: Final = b"\0"  # which JSON does not contain
Kind: TypeAlias = Literal["human", "ai", "system", "tool"]


# Every field is declared, since the decoder validates skipped fields less strictly than `parse`.
# gc=False: instances cannot be part of a reference cycle.
class _Data(Struct, forbid_unknown_fields=True, gc=False):
    content: str
    additional_kwargs: Raw = _NULL
    response_metadata: Raw = _NULL
    usage_metadata: Raw = _NULL
    tool_calls: Raw = _NO_CALLS
    artifact: Raw = _NULL
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
    """The fields of plain records, a list for each."""

    places: Sequence[int]
    """Their positions in `raws`."""
    stamps: Sequence[str | None]
    contents: Sequence[str]
    ids: Sequence[str | None]
    tool_call_ids: Sequence[str | None]
    tool_calls: Sequence[list[Any] | None]
    """Missing (None) for a record without tool calls."""
    headers: Sequence[Header]
    new_headers: dict[Header, dict[str, Any]]
    """Those that were not known, in order of appearance; the data of a record that has nothing else."""


def plain_records(raws: Sequence[str], known: Container[Header] = ()) -> PlainRecords | None:
    """Return the plain records among `raws`; None if there are none, or one of them is invalid.

    Headers that are `known` are not read again.
    """
    places, records = _decoded(raws)
    if not records:
        return None
    datas = [record.data for record in records]
    types = [record.type for record in records]
    call_ids = [data.tool_call_id for data in datas]
    if "tool" in types and ("tool", None) in zip(types, call_ids, strict=True):
        return None
    names, statuses = [data.name for data in datas], [data.status for data in datas]
    try:
        headers = list(zip(types, names, statuses, _nested_texts(datas), strict=True))
        new_headers = _header_data([header for header in dict.fromkeys(headers) if header not in known])
        calls = _tool_calls(types, [data.tool_calls for data in datas])
    except _REFUSALS:  # a lone surrogate, invalid calls
        return None
    return PlainRecords(
        places,
        stamps=[record.stored_at for record in records],
        contents=[data.content for data in datas],
        ids=[data.id for data in datas],
        tool_call_ids=call_ids,
        tool_calls=calls,
        headers=headers,
        new_headers=new_headers,
    )


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


def _nested_texts(datas: Iterable[_Data]) -> list[bytes]:
    """The JSON texts of the nested values of each, with commas between.

    Joined and split as one text: a copy of each value would take three times as long.
    """
    columns = zip(
        [data.additional_kwargs for data in datas],
        [data.response_metadata for data in datas],
        [data.usage_metadata for data in datas],
        [data.artifact for data in datas],
        repeat(_END),
    )
    return b",".join(chain.from_iterable(columns)).removesuffix(b"," + _END).split(b"," + _END + b",")


def _header_data(headers: Sequence[Header]) -> dict[Header, dict[str, Any]]:
    """The data of a record with each of `headers`. Raises: ValueError, if one is not JSON."""
    rows = _values(b"[%b]" % nested for *_, nested in headers)
    return {
        header: dict(zip(_NESTED, row, strict=True), name=header[1], status=header[2])
        for header, row in zip(headers, rows, strict=True)
    }


def _tool_calls(types: Sequence[str], column: Sequence[Raw]) -> list[list[Any] | None]:
    """The value of each of `column`. Raises: ValueError, if `shape_error` would find an error."""
    found: list[list[Any] | None] = [None] * len(column)
    places = list(compress(range(len(column)), map(ne, column, repeat(_NO_CALLS))))
    for place, calls in zip(places, _values(column[place] for place in places), strict=True):
        if types[place] != "ai" or ai_error({"tool_calls": calls}) is not None:
            raise ValueError("invalid tool calls")
        found[place] = calls or None
    return found


def _values(texts: Iterable[bytes | Raw]) -> list[Any]:
    """The values of JSON texts: parsed as one array, since a call for each would take half as long again."""
    found: list[Any] = _PARSE(b"[%b]" % b",".join(texts))
    return found
