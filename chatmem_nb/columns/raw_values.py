"""The values of each column out of the texts of records; the plain ones take less than half the time.

Most columns depend on the header of a plain record alone (see `records.plain_records`). Their values are
computed once for each distinct header, and each record has the position of its own: its code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ..json_text import json_texts
from ..records import Header, PlainRecords, parse_fields, plain_records
from .values import STAMPS, Fields, Values, checksums, column_values

Codes: TypeAlias = Sequence[int]


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of records, and where they stand."""

    session_ids: Sequence[str | None]
    """May be empty where that column is not asked for."""
    indexes: Sequence[int]
    """May be empty too."""
    raws: Sequence[str]


class HeaderValues:
    """The values of the columns that a header determines: a list for each, with a place for each header.

    Records that are not plain have a place each.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in names if name not in _OWN}
        self._codes: dict[Header, int] = {}
        self._calls: dict[int, str] = {}  # of old records, which have them in `additional_kwargs`
        self._size = 0

    @property
    def known(self) -> Mapping[Header, int]:
        """The headers that have a place."""
        return self._codes

    def codes(self, plain: PlainRecords) -> Codes:
        """Return the place of the header of each of `plain`."""
        new = plain.new_headers
        if new:
            missing = [None] * len(new)
            types = [kind for kind, *_ in new]
            fields = Fields((), (), (), types, list(new.values()), missing, missing)
            values = column_values([*self.columns, "tool_calls"], fields)
            places = self.extend(values, len(new))
            self._codes.update(zip(new, places, strict=True))
            self._calls.update(pair for pair in zip(places, values["tool_calls"], strict=True) if pair[1])
        return list(map(self._codes.__getitem__, plain.headers))

    def extend(self, values: Mapping[str, Values], size: int) -> range:
        """Add the `values` of `size` records or headers and return their places."""
        for name, column in self.columns.items():
            column += values[name]
        self._size += size
        return range(self._size - size, self._size)

    def tool_calls(self, plain: PlainRecords, codes: Codes) -> Values:
        """Return the tool calls of each as JSON text: its own, else those of its header."""
        texts = json_texts(plain.tool_calls)
        if not self._calls:
            return texts
        return [text or self._calls.get(code) for text, code in zip(texts, codes, strict=True)]


def raw_values(names: Sequence[str], texts: Texts) -> dict[str, Values]:
    """Return what `column_values` returns for the records of `texts`. Not `stored_at`: ask for STAMPS."""
    headers = HeaderValues(names)
    found, codes = coded_values(names, texts, headers)
    return found | {name: list(map(values.__getitem__, codes)) for name, values in headers.columns.items()}


def coded_values(
    names: Sequence[str], texts: Texts, headers: HeaderValues
) -> tuple[dict[str, Values], Codes]:
    """Return the values of the columns that `headers` does not have, and the place of each record there."""
    found = {name: _OF_TEXTS[name](texts) for name in names if name in _OF_TEXTS}
    if len(found) == len(names):
        return found, ()
    own = [name for name in names if name in _OF_PLAIN]
    plain = plain_records(texts.raws, headers.known)
    if plain is None:
        values, codes = _parsed_values(own, texts.raws, headers)
    else:
        codes = headers.codes(plain)
        values = {name: _OF_PLAIN[name](plain, codes, headers) for name in own}
        if len(codes) < len(texts.raws):
            values, codes = _with_others(values, codes, plain.places, texts.raws, headers)
    return found | values, codes


def _with_others(
    values: dict[str, Values], codes: Codes, places: Sequence[int], raws: Sequence[str], headers: HeaderValues
) -> tuple[dict[str, Values], Codes]:
    """Add the records that are not plain to `values` and `codes` of those at `places`."""
    odd = sorted({*range(len(raws))}.difference(places))
    others, other_codes = _parsed_values([*values], [raws[place] for place in odd], headers)
    order = sorted(range(len(raws)), key=[*places, *odd].__getitem__)

    def in_order(first: Values, second: Values) -> list[Any]:
        return list(map([*first, *second].__getitem__, order))

    return {name: in_order(values[name], others[name]) for name in values}, in_order(codes, other_codes)


def _parsed_values(
    names: Sequence[str], raws: Sequence[str], headers: HeaderValues
) -> tuple[dict[str, Values], Codes]:
    parsed = parse_fields(raws)
    fields = Fields((), (), raws, parsed.types, parsed.datas, parsed.errors, parsed.stamps)
    values = column_values([*names, *headers.columns], fields)
    return {name: values[name] for name in names}, headers.extend(values, len(raws))


_OF_TEXTS: Final[dict[str, Callable[[Texts], Values]]] = {
    "session_id": lambda texts: texts.session_ids,
    "index": lambda texts: texts.indexes,
    "raw": lambda texts: texts.raws,
    "checksum": lambda texts: checksums(texts.raws),
}
_OF_PLAIN: Final[dict[str, Callable[[PlainRecords, Codes, HeaderValues], Values]]] = {
    "content": lambda plain, codes, headers: plain.contents,
    "id": lambda plain, codes, headers: plain.ids,
    "tool_calls": lambda plain, codes, headers: headers.tool_calls(plain, codes),
    "tool_call_id": lambda plain, codes, headers: plain.tool_call_ids,
    STAMPS: lambda plain, codes, headers: plain.stamps,
}
_OWN: Final = _OF_TEXTS.keys() | _OF_PLAIN.keys()
"""The columns that differ from record to record. All others are computed from a header, which has neither
text nor ids, tool calls or time: a column that needs one of these belongs above, or it would find nothing."""
