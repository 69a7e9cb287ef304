"""Creating, deleting, flushing and listing caches: https://docs.momentohq.com/cache/develop/api-reference"""

from __future__ import annotations

from collections.abc import Callable

import grpc
from google.protobuf.message import Message
from momento_wire_types import controlclient_pb2 as pb

from chatmem_nb.local.momento.caches import Caches
from chatmem_nb.local.momento.refusals import Refusal, invalid


def create_cache(caches: Caches, request: pb._CreateCacheRequest) -> pb._CreateCacheResponse:
    name = request.cache_name
    if not name:
        raise invalid("The cache name must not be empty.")
    if name in caches:
        raise Refusal(grpc.StatusCode.ALREADY_EXISTS, f"Cache {name!r} exists already.")
    caches.create(name)
    return pb._CreateCacheResponse()


def delete_cache(caches: Caches, request: pb._DeleteCacheRequest) -> pb._DeleteCacheResponse:
    caches.delete(request.cache_name)
    return pb._DeleteCacheResponse()


def flush_cache(caches: Caches, request: pb._FlushCacheRequest) -> pb._FlushCacheResponse:
    caches.get(request.cache_name).clear()
    return pb._FlushCacheResponse()


def list_caches(caches: Caches, request: pb._ListCachesRequest) -> pb._ListCachesResponse:
    return pb._ListCachesResponse(cache=[pb._Cache(cache_name=name) for name in caches.names()])


CALLS: dict[str, Callable[..., Message]] = {
    "CreateCache": create_cache,
    "DeleteCache": delete_cache,
    "FlushCache": flush_cache,
    "ListCaches": list_caches,
}
