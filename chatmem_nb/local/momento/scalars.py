"""Calls on scalars, and on any item: type, TTL, delete.

https://docs.momentohq.com/cache/develop/api-reference

The docstrings name the sections of that page.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from google.protobuf.message import Message
from momento_wire_types import cacheclient_pb2 as pb

from chatmem_nb.local.momento.caches import Cache, SortedSet
from chatmem_nb.local.momento.errors import invalid, wrong_type

_TYPES = {
    bytes: pb._ItemGetTypeResponse.SCALAR,
    list: pb._ItemGetTypeResponse.LIST,
    dict: pb._ItemGetTypeResponse.DICTIONARY,
    set: pb._ItemGetTypeResponse.SET,
    SortedSet: pb._ItemGetTypeResponse.SORTED_SET,
}


_WHOLE = re.compile(rb"-?[0-9]{1,19}")
_INT64 = range(-(2**63), 2**63)


def add_integer(stored: bytes | None, amount: int) -> int:
    """Return `stored`, a whole number as text (None: 0), plus `amount`.

    Raises: MomentoError if it is not a whole number, or the sum does not fit into 64 bits.
    """
    stored = b"0" if stored is None else stored
    if not _WHOLE.fullmatch(stored):
        raise wrong_type("The value is not a whole number.")
    total = int(stored) + amount
    if total not in _INT64:
        raise wrong_type("The sum does not fit into 64 bits.")
    return total


def get(cache: Cache, request: pb._GetRequest) -> pb._GetResponse:
    """See #get."""
    value = cache.find(request.cache_key, bytes)
    if value is None:
        return pb._GetResponse(result=pb.Miss)
    return pb._GetResponse(result=pb.Hit, cache_body=value)


def set_(cache: Cache, request: pb._SetRequest) -> pb._SetResponse:
    """See #set."""
    cache.item(request.cache_key)
    cache.put(request.cache_key, request.cache_body, request.ttl_milliseconds)
    return pb._SetResponse(result=pb.Ok)


def set_if_not_exists(cache: Cache, request: pb._SetIfNotExistsRequest) -> pb._SetIfNotExistsResponse:
    """See #setifabsent."""
    if cache.item(request.cache_key) is not None:
        return pb._SetIfNotExistsResponse(not_stored=pb._SetIfNotExistsResponse._NotStored())
    cache.put(request.cache_key, request.cache_body, request.ttl_milliseconds)
    return pb._SetIfNotExistsResponse(stored=pb._SetIfNotExistsResponse._Stored())


def increment(cache: Cache, request: pb._IncrementRequest) -> pb._IncrementResponse:
    """See #increment."""
    value = add_integer(cache.find(request.cache_key, bytes), request.amount)
    cache.put(request.cache_key, str(value).encode(), request.ttl_milliseconds)
    return pb._IncrementResponse(value=value)


def delete(cache: Cache, request: pb._DeleteRequest) -> pb._DeleteResponse:
    """See #delete."""
    cache.item(request.cache_key)
    cache.drop(request.cache_key)
    return pb._DeleteResponse()


def keys_exist(cache: Cache, request: pb._KeysExistRequest) -> pb._KeysExistResponse:
    """See #keysexist."""
    return pb._KeysExistResponse(exists=[cache.item(key) is not None for key in request.cache_keys])


def item_get_type(cache: Cache, request: pb._ItemGetTypeRequest) -> pb._ItemGetTypeResponse:
    """See #itemgettype."""
    item = cache.item(request.cache_key)
    if item is None:
        return pb._ItemGetTypeResponse(missing=pb._ItemGetTypeResponse._Missing())
    return pb._ItemGetTypeResponse(found=pb._ItemGetTypeResponse._Found(item_type=_TYPES[type(item.value)]))


def item_get_ttl(cache: Cache, request: pb._ItemGetTtlRequest) -> pb._ItemGetTtlResponse:
    """See #itemgetttl."""
    item = cache.item(request.cache_key)
    if item is None:
        return pb._ItemGetTtlResponse(missing=pb._ItemGetTtlResponse._Missing())
    left = max(0, round((item.expires_at - time.monotonic()) * 1000))
    return pb._ItemGetTtlResponse(found=pb._ItemGetTtlResponse._Found(remaining_ttl_millis=left))


def update_ttl(cache: Cache, request: pb._UpdateTtlRequest) -> pb._UpdateTtlResponse:
    """See #updatettl."""
    how = request.WhichOneof("update_ttl")
    if how is None:
        raise invalid("The request does not say how to change the TTL.")
    item = cache.item(request.cache_key)
    if item is None:
        return pb._UpdateTtlResponse(missing=pb._UpdateTtlResponse._Missing())
    expires_at = time.monotonic() + cache.limits.seconds(getattr(request, how))
    longer = expires_at > item.expires_at
    if (how == "increase_to_milliseconds" and not longer) or (how == "decrease_to_milliseconds" and longer):
        return pb._UpdateTtlResponse(not_set=pb._UpdateTtlResponse._NotSet())
    item.expires_at = expires_at
    return pb._UpdateTtlResponse(set=pb._UpdateTtlResponse._Set())


CALLS: dict[str, Callable[..., Message]] = {
    "Get": get,
    "Set": set_,
    "SetIfNotExists": set_if_not_exists,
    "Increment": increment,
    "Delete": delete,
    "KeysExist": keys_exist,
    "ItemGetType": item_get_type,
    "ItemGetTtl": item_get_ttl,
    "UpdateTtl": update_ttl,
}
