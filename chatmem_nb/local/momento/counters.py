"""Whole numbers kept as text, which scalars and dictionary fields may be."""

from __future__ import annotations

import re

from chatmem_nb.local.momento.refusals import not_met

_WHOLE = re.compile(rb"-?[0-9]{1,19}")
_INT64 = range(-(2**63), 2**63)


def added(stored: bytes | None, amount: int) -> int:
    """Return what `stored` (None: 0) becomes when `amount` is added.

    Raises: Refusal if it is no whole number, or the sum does not fit into 64 bits.
    """
    stored = b"0" if stored is None else stored
    if not _WHOLE.fullmatch(stored):
        raise not_met("The value is not a whole number.")
    total = int(stored) + amount
    if total not in _INT64:
        raise not_met("The sum does not fit into 64 bits.")
    return total
