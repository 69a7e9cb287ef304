"""Calls on sets.

https://docs.momentohq.com/cache/develop/api-reference/set-collections

The docstrings name the sections of that page.
"""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import Message
from momento_wire_types import cacheclient_pb2 as pb

from chatmem_nb.local.momento.caches import Cache


def union(cache: Cache, request: pb._SetUnionRequest) -> pb._SetUnionResponse:
    """See #setaddelements."""
    cache.limits.check_elements(request.elements)
    elements = cache.open(request.set_name, set, request.ttl_milliseconds, request.refresh_ttl)
    elements.update(request.elements)
    cache.drop_if_empty(request.set_name)
    return pb._SetUnionResponse()


def fetch(cache: Cache, request: pb._SetFetchRequest) -> pb._SetFetchResponse:
    """See #setfetch."""
    elements = cache.find(request.set_name, set)
    if elements is None:
        return pb._SetFetchResponse(missing=pb._SetFetchResponse._Missing())
    return pb._SetFetchResponse(found=pb._SetFetchResponse._Found(elements=elements))


def difference(cache: Cache, request: pb._SetDifferenceRequest) -> pb._SetDifferenceResponse:
    """See #setremoveelements."""
    elements = cache.find(request.set_name, set)
    if elements is None:
        return pb._SetDifferenceResponse(missing=pb._SetDifferenceResponse._Missing())
    if request.WhichOneof("difference") == "minuend":
        left = set(request.minuend.elements) - elements
    elif request.subtrahend.WhichOneof("subtrahend_set") == "identity":
        left = set()
    else:
        left = elements - set(request.subtrahend.set.elements)
    elements.clear()
    elements.update(left)
    cache.drop_if_empty(request.set_name)
    return pb._SetDifferenceResponse(found=pb._SetDifferenceResponse._Found())


CALLS: dict[str, Callable[..., Message]] = {
    "SetUnion": union,
    "SetFetch": fetch,
    "SetDifference": difference,
}
