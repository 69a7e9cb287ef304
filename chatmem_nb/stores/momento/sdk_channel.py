"""Requests by the public methods of `momento` alone, if a version lacks the names that `grpc_channel` needs.

Slower and more limited: lists are read whole, a part of a list cannot be erased, a replacement drops what
others append meanwhile, the TTL of a session is unknown, and each request takes a thread, since a public
method blocks until the deadline in its client's configuration.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from momento import CacheClient
from momento.errors import SdkException
from momento.requests import CollectionTtl, SortOrder
from momento.responses import CacheListFetch, CacheListLength, CacheSortedSetFetch, CacheSortedSetGetScores
from momento.responses.data.sorted_set.get_score import CacheSortedSetGetScore

from ...errors import StoreLimitError
from ..runner import Attempt
from . import commands as cmd
from . import index_commands as index_cmd
from .channel import Batch
from .errors import MomentoError, store_error
from .fork_gate import gate


class SdkChannel:
    """Makes requests as public calls, each in a thread of its own."""

    slices = False
    grace_s = 0.0  # a public method has the deadline of its client, and is left behind at ours
    default_ttl_ms: int | None = None

    def __init__(self, client: CacheClient) -> None:
        self._client = client

    def start(self, cache_name: str, attempt: Attempt, finished: Callable[[], object]) -> Batch:
        """Start a call for each request of `attempt`; see `channel.Channel`."""
        batch = Batch(len(attempt.requests), finished)

        def run(position: int, command: cmd.Command) -> None:
            try:
                with gate().pass_through():
                    result = _CALLS[type(command)](self._client, cache_name, command)
            except Exception as exc:  # noqa: BLE001 - the caller's to read, see `outcome`
                result = exc
            batch.end(position, result)

        for job in enumerate(attempt.requests):
            # A daemon, so that no late response holds up the end of the process.
            threading.Thread(target=run, args=job, name="momento-call", daemon=True).start()
        return batch

    def cancel(self, batch: Batch) -> None:
        """Leave the calls behind: nothing cancels a public method."""

    def outcome(self, command: cmd.Command, result: Any) -> tuple[Any, int]:
        """Return the value, or the StoreError in its place; the bytes of the response are not known here."""
        if not isinstance(result, Exception):
            return result, 0
        if not isinstance(result, MomentoError):
            raise result
        if isinstance(result, StoreLimitError):
            result.response_too_large = False  # a list is read whole: to ask for less does not help
        return result, 0


def _checked(response: Any) -> Any:
    """Return what a public method returned. Raises: MomentoError if it is an error."""
    failure = getattr(response, "inner_exception", None)  # what every `Error` has
    if isinstance(failure, SdkException):
        raise store_error(failure)
    return response


def collection_ttl(ttl: timedelta | None) -> CollectionTtl:
    """Return `ttl` as the SDK takes it; None: the client's default."""
    return CollectionTtl.from_cache_ttl() if ttl is None else CollectionTtl.of(ttl)


def _collection_ttl(ttl_ms: int | None, *, refresh_ttl: bool = True) -> CollectionTtl:
    return CollectionTtl(None if ttl_ms is None else timedelta(milliseconds=ttl_ms), refresh_ttl)


def _create_cache(client: CacheClient, cache: str, command: cmd.CreateCache) -> None:
    _checked(client.create_cache(command.cache_name))


def _fetch_list(client: CacheClient, cache: str, command: cmd.FetchList) -> list[bytes]:
    response = _checked(client.list_fetch(cache, command.key.decode()))
    values = response.value_list_bytes if isinstance(response, CacheListFetch.Hit) else []
    return values[command.start : command.stop]


def _length(client: CacheClient, cache: str, command: cmd.ListLength) -> int:
    response = _checked(client.list_length(cache, command.key.decode()))
    return response.length if isinstance(response, CacheListLength.Hit) else 0


def _push(client: CacheClient, cache: str, command: cmd.Push) -> int:
    push = client.list_concatenate_front if command.front else client.list_concatenate_back
    ttl = _collection_ttl(command.ttl_ms, refresh_ttl=command.refresh_ttl)
    values = list(command.values)
    options = {"truncate_front_to_size": len(values)} if command.truncate else {}
    length: int = _checked(push(cache, command.key.decode(), values, ttl=ttl, **options)).list_length
    return length


def _remove_value(client: CacheClient, cache: str, command: cmd.RemoveValue) -> None:
    _checked(client.list_remove_value(cache, command.key.decode(), command.element))


def _delete(client: CacheClient, cache: str, command: cmd.DeleteKey) -> None:
    _checked(client.delete(cache, command.key))


def _impossible(client: CacheClient, cache: str, command: cmd.EraseRange) -> None:
    raise MomentoError("this version of momento offers no way to erase a part of a list")


def _unknown(client: CacheClient, cache: str, command: cmd.GetTtl) -> None:
    """The SDK has no method for it."""


def _exist(client: CacheClient, cache: str, command: cmd.KeysExist) -> list[bool]:
    return [_length(client, cache, cmd.ListLength(key)) > 0 for key in command.keys]


def _put_names(client: CacheClient, cache: str, command: index_cmd.PutNames) -> None:
    elements = dict.fromkeys(command.names, command.score)
    ttl = _collection_ttl(command.ttl_ms)
    _checked(client.sorted_set_put_elements(cache, command.key.decode(), elements, ttl=ttl))


def _add_name(client: CacheClient, cache: str, command: index_cmd.AddName) -> None:
    ttl = _collection_ttl(command.ttl_ms)
    _checked(client.sorted_set_increment_score(cache, command.key.decode(), command.name, 0.0, ttl=ttl))


def _fetch_names(client: CacheClient, cache: str, command: index_cmd.FetchNames) -> list[tuple[bytes, float]]:
    response = _checked(
        client.sorted_set_fetch_by_score(
            cache,
            command.key.decode(),
            command.lowest,
            command.highest,
            SortOrder.DESCENDING,
            0,
            command.count,
        )
    )
    return response.value_list_bytes if isinstance(response, CacheSortedSetFetch.Hit) else []


def _scores(client: CacheClient, cache: str, command: index_cmd.FetchScores) -> list[float | None]:
    response = _checked(client.sorted_set_get_scores(cache, command.key.decode(), list(command.names)))
    if not isinstance(response, CacheSortedSetGetScores.Hit):
        return []
    return [one.score if isinstance(one, CacheSortedSetGetScore.Hit) else None for one in response.responses]


def _remove_names(client: CacheClient, cache: str, command: index_cmd.RemoveNames) -> None:
    _checked(client.sorted_set_remove_elements(cache, command.key.decode(), list(command.names)))


_CALLS: dict[type[cmd.Command], Callable[[CacheClient, str, Any], Any]] = {
    cmd.CreateCache: _create_cache,
    cmd.FetchList: _fetch_list,
    cmd.ListLength: _length,
    cmd.Push: _push,
    cmd.PushFront: _push,
    cmd.EraseRange: _impossible,
    cmd.RemoveValue: _remove_value,
    cmd.DeleteKey: _delete,
    cmd.GetTtl: _unknown,
    cmd.KeysExist: _exist,
    index_cmd.PutNames: _put_names,
    index_cmd.AddName: _add_name,
    index_cmd.FetchNames: _fetch_names,
    index_cmd.FetchScores: _scores,
    index_cmd.RemoveNames: _remove_names,
}
