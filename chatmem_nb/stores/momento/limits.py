"""How much Momento takes at once: records as elements, batches in parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...errors import InvalidInputError, RecordTooLargeError
from ..protocol import checked_records
from .errors import MomentoLimitError

_ELEMENT_OVERHEAD = 6
"""Bytes that the wire format adds to an element, at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes: of a record, of a request, of a session."""

    element_bytes: int
    request_bytes: int
    item_bytes: int

    def encode(self, records: Sequence[str]) -> list[bytes]:
        """Return `records` as elements.

        Raises: InvalidInputError, RecordTooLargeError, naming the first that cannot be stored.
        """
        values = []
        largest = min(self.element_bytes, self.request_bytes)
        for position, record in enumerate(checked_records(records)):
            try:
                value = record.encode()
            except UnicodeEncodeError as exc:
                raise InvalidInputError(
                    f"record {position} holds a lone surrogate at character {exc.start}, which cannot be sent"
                ) from None
            if len(value) > largest:
                raise RecordTooLargeError(
                    f"record {position} has {len(value):,} bytes, and Momento takes {largest:,}; "
                    "shorten it, or store what is large elsewhere and its address here"
                )
            values.append(value)
        return values

    def split(self, values: Sequence[bytes]) -> list[Sequence[bytes]]:
        """Return `values` in parts, each of which one request takes."""
        if sum(map(len, values)) + _ELEMENT_OVERHEAD * len(values) <= self.request_bytes:
            return [values]
        parts: list[list[bytes]] = []
        free = 0
        for value in values:
            size = len(value) + _ELEMENT_OVERHEAD
            if size > free or not parts:
                parts.append([])
                free = self.request_bytes
            parts[-1].append(value)
            free -= size
        return list(parts)

    def check_item(self, *batches: Iterable[bytes]) -> None:
        """Raises: MomentoLimitError if `batches` do not fit into one session together; nothing is sent."""
        size = sum(sum(map(len, batch)) for batch in batches)
        if size > self.item_bytes:
            raise MomentoLimitError(
                f"the session would have {size:,} bytes while what it holds is replaced, and Momento takes "
                f"{self.item_bytes:,}; nothing was changed. Write what is to stay to a new session instead"
            )
