"""The sizes that Momento takes: records are checked against them, and split into requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...errors import RecordTooLargeError
from ..arguments import checked_records
from .errors import MomentoLimitError

_ELEMENT_OVERHEAD = 6
"""How many bytes the wire format adds to an element, at most."""


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
            value = record.encode()
            if len(value) > largest:
                raise RecordTooLargeError(
                    f"record {position} has {len(value):,} bytes, and Momento takes {largest:,}; "
                    "shorten it, or store what is large elsewhere and its address here",
                    field="records",
                    position=position,
                )
            values.append(value)
        return values

    def split(self, values: Sequence[bytes]) -> list[Sequence[bytes]]:
        """Split `values` into parts that each fit into one request."""
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
        """Raises: MomentoLimitError if `batches` together do not fit into one session. Nothing is sent."""
        size = sum(sum(map(len, batch)) for batch in batches)
        if size > self.item_bytes:
            raise MomentoLimitError(
                f"old and new records together have {size:,} bytes, and a session takes {self.item_bytes:,}; "
                "nothing was changed. Write the new records to another session instead"
            )
