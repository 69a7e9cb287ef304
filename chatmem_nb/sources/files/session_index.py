"""The positions of the records of each session in a file."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final, Self

_LAST: Final = 2**63 - 1


class SessionIndex:
    """The ids of sessions and the positions of their records, eight bytes each."""

    def __init__(self, rows: Iterable[tuple[str | None, int | None, int]], own_name: str) -> None:
        """Index rows of (session id, index, place); those without an id belong to the session `own_name`."""
        self.places: dict[str, array[int]] = {}
        self.label_places = array("q")
        orders: dict[str, array[int]] = {}
        for given, order, place in rows:
            name = given or own_name
            places = self.places.get(name)
            if places is None:
                places = self.places[name] = array("q")
            if order is not None and name not in orders:
                # Needed only from here on: a session in which no record has an index is in order.
                orders[name] = array("q", [_LAST]) * len(places)
            if name in orders:
                orders[name].append(_LAST if order is None else max(-_LAST, min(order, _LAST)))
            places.append(place)
        for name, order_of in orders.items():
            self._sort(name, order_of)

    @classmethod
    def of(cls, places: dict[str, array[int]], label_places: array[int]) -> Self:
        """Return an index of these places."""
        index = cls((), "")
        index.places, index.label_places = places, label_places
        return index

    def _sort(self, name: str, orders: array[int]) -> None:
        places = self.places[name]
        if any(orders[row] > orders[row + 1] for row in range(len(orders) - 1)):
            sorted_rows = sorted(range(len(places)), key=orders.__getitem__)
            self.places[name] = array("q", [places[row] for row in sorted_rows])

    def rename(self, name: str, new_name: str) -> None:
        """Rename a session, unless the new name is taken; the order of sessions stays."""
        if new_name not in self.places:
            self.places = {(new_name if key == name else key): value for key, value in self.places.items()}
