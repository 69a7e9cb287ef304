"""Faults that a call requests in its metadata, as Momento's own test suite does.

`error-rpcs` and `return-error` become the fault "error", `delay-rpcs` and `delay-ms` the fault "delay";
`error-count` and `delay-count` are their `times`, for all calls with the same `request-id`. The names and
their meaning are those of `tests/momento/local` in github.com/momentohq/client-sdk-python.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta

import grpc

from chatmem_nb.local.faults import Fault
from chatmem_nb.local.momento.errors import invalid

_CODES = {code.name.lower().replace("_", "-"): code for code in grpc.StatusCode}
_ALIASES = {"ListErase": "list-remove", "SetIfNotExists": "set-if"}
_REMEMBERED = 10_000
"""Maximum number of counts; the oldest is dropped first."""


class FaultMetadata:
    """Translates metadata to faults, and counts them; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def fault(self, rpc: str, metadata: Mapping[str, str]) -> Fault | None:
        """Return the fault that this call requests. Raises: MomentoError if the metadata is invalid."""
        milliseconds = _number(metadata, "delay-ms") or 0
        is_delayed = milliseconds > 0 and self._is_due("delay", rpc, metadata)
        delay = timedelta(milliseconds=milliseconds if is_delayed else 0)
        code = metadata.get("return-error")
        if code is not None and self._is_due("error", rpc, metadata):
            if code not in _CODES:
                raise invalid(f"return-error must be one of {', '.join(sorted(_CODES))}.")
            return Fault("error", delay, code)
        return Fault("delay", delay) if delay else None

    def _is_due(self, kind: str, rpc: str, metadata: Mapping[str, str]) -> bool:
        if not _names(rpc) & set(metadata.get(f"{kind}-rpcs", "").split()):
            return False
        times = _number(metadata, f"{kind}-count")
        return times is None or self._count(kind, rpc, metadata.get("request-id", "")) <= times

    def _count(self, kind: str, rpc: str, request_id: str) -> int:
        """Count this call; return the new count."""
        key = (kind, rpc, request_id)
        with self._lock:
            self._counts[key] = self._counts.pop(key, 0) + 1
            if len(self._counts) > _REMEMBERED:
                self._counts.popitem(last=False)
            return self._counts[key]


def status_code(code: str) -> grpc.StatusCode:
    """Return the status of the fault "error" by its name: "unavailable"."""
    return _CODES.get(code.lower().replace("_", "-"), grpc.StatusCode.UNKNOWN)


def _names(rpc: str) -> set[str]:
    """Return the names of a call in metadata: `ListFetch` is `list-fetch`."""
    own = re.sub(r"(?<!^)(?=[A-Z])", "-", rpc).lower()
    return {own, _ALIASES.get(rpc, own)}


def _number(metadata: Mapping[str, str], key: str) -> int | None:
    text = metadata.get(key)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        raise invalid(f"{key} must be a whole number of at most nine digits.")
    return int(text)
