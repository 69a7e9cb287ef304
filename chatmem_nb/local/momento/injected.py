"""Faults that a request asks for in its own metadata, by the names that Momento Local uses.

`return-error` and `error-rpcs` say which calls fail and how, `delay-rpcs` and `delay-ms` which are slow;
`error-count` and `delay-count` end it after so many calls with the same `request-id`.
The names and their meaning are those of `tests/momento/local` in github.com/momentohq/client-sdk-python.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta

import grpc

from chatmem_nb.local.momento.refusals import Refusal, invalid

_CODES = {code.name.lower().replace("_", "-"): code for code in grpc.StatusCode}
_ALIASES = {"ListErase": "list-remove", "SetIfNotExists": "set-if"}
_REMEMBERED = 10_000
"""How many counts are kept; the oldest goes first."""


def _names(rpc: str) -> set[str]:
    """The names of a call: `ListFetch` is `list-fetch`."""
    own = re.sub(r"(?<!^)(?=[A-Z])", "-", rpc).lower()
    return {own, _ALIASES.get(rpc, own)}


def _number(metadata: Mapping[str, str], key: str) -> int | None:
    text = metadata.get(key)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        raise invalid(f"{key} must be a whole number of at most nine digits.")
    return int(text)


class Injected:
    """Counts the faults that were asked for; safe to use from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def delay(self, rpc: str, metadata: Mapping[str, str]) -> timedelta:
        """Return how long this call asks to be held."""
        milliseconds = _number(metadata, "delay-ms")
        if not milliseconds or not self._due("delay", rpc, metadata):
            return timedelta(0)
        return timedelta(milliseconds=milliseconds)

    def error(self, rpc: str, metadata: Mapping[str, str]) -> Refusal | None:
        """Return the error that this call asks for; None if it asks for none."""
        name = metadata.get("return-error")
        if name is None or not self._due("error", rpc, metadata):
            return None
        if name not in _CODES:
            raise invalid(f"return-error must be one of {', '.join(sorted(_CODES))}.")
        return Refusal(_CODES[name], f"The request's metadata asked for this error: {name}.")

    def _due(self, kind: str, rpc: str, metadata: Mapping[str, str]) -> bool:
        if not _names(rpc) & set(metadata.get(f"{kind}-rpcs", "").split()):
            return False
        times = _number(metadata, f"{kind}-count")
        return times is None or self._count(kind, rpc, metadata.get("request-id", "")) <= times

    def _count(self, kind: str, rpc: str, request_id: str) -> int:
        """Return how often this was asked for, this time included."""
        key = (kind, rpc, request_id)
        with self._lock:
            self._seen[key] = self._seen.pop(key, 0) + 1
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return self._seen[key]
