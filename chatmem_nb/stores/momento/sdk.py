"""Requests by the public methods of `momento` alone, where the names that `momento_wire` needs have gone.

Slower, and with less: lists are read whole, one of several equal records cannot be removed, nobody tells
how long a session lives, and each request takes a thread, since a public method blocks until the deadline
of its client's configuration.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

from momento import CacheClient
from momento.errors import SdkException
from momento.requests import CollectionTtl, SortOrder
from momento.responses import CacheListFetch, CacheListLength, CacheSortedSetFetch, CacheSortedSetGetScores
from momento.responses.data.sorted_set.get_score import CacheSortedSetGetScore

from ..protocol import CommandCount
from . import operations as ops
from .errors import MomentoError, store_error
from .exchange import Requests, timed_out


class SdkTransport:
    """Requests as public calls, each in a thread of its own."""

    slices = False
    default_ttl_ms: int | None = None

    def __init__(self, client: CacheClient, cache_name: str, commands: CommandCount) -> None:
        self._client = client
        self._cache_name = cache_name
        self._commands = commands

    def exchange(self, requests: Requests) -> list[Any]:
        """Make the requests, and return an answer or an error for each."""
        calls = [self._start(operation) for operation in requests.operations]
        end = time.monotonic() + requests.timeout_s
        answers = []
        for call in calls:
            try:
                answers.append(call.result(max(0.0, end - time.monotonic())))
            except TimeoutError:
                answers.append(timed_out(requests.timeout_s))
        return answers

    async def aexchange(self, requests: Requests) -> list[Any]:
        """Make the requests, and return an answer or an error for each."""
        calls = [asyncio.wrap_future(self._start(operation)) for operation in requests.operations]
        await asyncio.wait(calls, timeout=requests.timeout_s)
        return [call.result() if call.done() else timed_out(requests.timeout_s) for call in calls]

    def _start(self, operation: ops.Operation[Any]) -> Future[Any]:
        """Begin one call. Its thread is a daemon, so that no late answer holds up the end of the process."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                answer = self._answer(operation)
            except BaseException as exc:  # noqa: BLE001 - handed to whoever waits for it
                future.set_exception(exc)
            else:
                future.set_result(answer)

        future.set_running_or_notify_cancel()
        threading.Thread(target=run, name="momento-call", daemon=True).start()
        return future

    def _answer(self, operation: ops.Operation[Any]) -> Any:
        self._commands.add(requests=1)
        try:
            answer = _CALLS[type(operation)](self._client, self._cache_name, operation)
        except MomentoError as exc:
            return exc
        self._commands.add(billed=operation.billed(answer))
        return answer


def _known(response: Any) -> Any:
    """Return what a public method returned.

    Raises: MomentoError, where it is an error.
    """
    failure = getattr(response, "inner_exception", None)  # what every `Error` has
    if isinstance(failure, SdkException):
        raise store_error(failure)
    return response


def collection_ttl(ttl: timedelta | None) -> CollectionTtl:
    """Return `ttl` as the SDK takes it; None: the default of the client."""
    return CollectionTtl.from_cache_ttl() if ttl is None else CollectionTtl.of(ttl)


def _life(ttl_ms: int | None, *, refresh_ttl: bool = True) -> CollectionTtl:
    return CollectionTtl(None if ttl_ms is None else timedelta(milliseconds=ttl_ms), refresh_ttl)


def _create_cache(client: CacheClient, cache: str, op: ops.CreateCache) -> None:
    _known(client.create_cache(cache))


def _fetch_list(client: CacheClient, cache: str, op: ops.FetchList) -> list[bytes]:
    response = _known(client.list_fetch(cache, op.key.decode()))
    values = response.value_list_bytes if isinstance(response, CacheListFetch.Hit) else []
    return values[op.start : op.stop]


def _length(client: CacheClient, cache: str, op: ops.ListLength) -> int:
    response = _known(client.list_length(cache, op.key.decode()))
    return response.length if isinstance(response, CacheListLength.Hit) else 0


def _push(client: CacheClient, cache: str, op: ops.Push) -> int:
    push = client.list_concatenate_front if op.front else client.list_concatenate_back
    life = _life(op.ttl_ms, refresh_ttl=op.refresh_ttl)
    length: int = _known(push(cache, op.key.decode(), list(op.values), ttl=life)).list_length
    return length


def _remove_value(client: CacheClient, cache: str, op: ops.RemoveValue) -> None:
    _known(client.list_remove_value(cache, op.key.decode(), op.value))


def _delete(client: CacheClient, cache: str, op: ops.DeleteKey) -> None:
    _known(client.delete(cache, op.key))


def _impossible(client: CacheClient, cache: str, op: ops.EraseRange) -> None:
    raise MomentoError("this version of momento offers no way to erase a part of a list")


def _unknown(client: CacheClient, cache: str, op: ops.RemainingLife) -> None:
    """Nobody can tell."""


def _exist(client: CacheClient, cache: str, op: ops.KeysExist) -> list[bool]:
    return [_length(client, cache, ops.ListLength(key)) > 0 for key in op.keys]


def _put_name(client: CacheClient, cache: str, op: ops.PutName) -> None:
    life = _life(op.ttl_ms)
    _known(client.sorted_set_put_element(cache, op.key.decode(), op.name, op.score, ttl=life))


def _keep_name(client: CacheClient, cache: str, op: ops.KeepName) -> None:
    life = _life(op.ttl_ms)
    _known(client.sorted_set_increment_score(cache, op.key.decode(), op.name, 0.0, ttl=life))


def _fetch_names(client: CacheClient, cache: str, op: ops.FetchNames) -> list[tuple[bytes, float]]:
    response = _known(
        client.sorted_set_fetch_by_score(
            cache, op.key.decode(), op.lowest, op.highest, SortOrder.DESCENDING, 0, op.count
        )
    )
    return response.value_list_bytes if isinstance(response, CacheSortedSetFetch.Hit) else []


def _scores(client: CacheClient, cache: str, op: ops.FetchScores) -> list[float | None]:
    response = _known(client.sorted_set_get_scores(cache, op.key.decode(), list(op.names)))
    if not isinstance(response, CacheSortedSetGetScores.Hit):
        return []
    return [one.score if isinstance(one, CacheSortedSetGetScore.Hit) else None for one in response.responses]


def _remove_names(client: CacheClient, cache: str, op: ops.RemoveNames) -> None:
    _known(client.sorted_set_remove_elements(cache, op.key.decode(), list(op.names)))


_CALLS: dict[type[ops.Operation[Any]], Callable[[CacheClient, str, Any], Any]] = {
    ops.CreateCache: _create_cache,
    ops.FetchList: _fetch_list,
    ops.ListLength: _length,
    ops.Push: _push,
    ops.EraseRange: _impossible,
    ops.RemoveValue: _remove_value,
    ops.DeleteKey: _delete,
    ops.RemainingLife: _unknown,
    ops.KeysExist: _exist,
    ops.PutName: _put_name,
    ops.KeepName: _keep_name,
    ops.FetchNames: _fetch_names,
    ops.FetchScores: _scores,
    ops.RemoveNames: _remove_names,
}
