"""Calls on dictionaries.

https://docs.momentohq.com/cache/develop/api-reference/dictionary-collections

The docstrings name the sections of that page.
"""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import Message
from momento_wire_types import cacheclient_pb2 as pb

from chatmem_nb.local.momento.caches import Cache
from chatmem_nb.local.momento.scalars import add_integer


def set_(cache: Cache, request: pb._DictionarySetRequest) -> pb._DictionarySetResponse:
    """See #dictionarysetfields."""
    cache.limits.check_elements(item.value for item in request.items)
    fields = cache.open(request.dictionary_name, dict, request.ttl_milliseconds, request.refresh_ttl)
    fields.update((item.field, item.value) for item in request.items)
    cache.drop_if_empty(request.dictionary_name)
    return pb._DictionarySetResponse()


def get(cache: Cache, request: pb._DictionaryGetRequest) -> pb._DictionaryGetResponse:
    """See #dictionarygetfields."""
    Response = pb._DictionaryGetResponse
    fields = cache.find(request.dictionary_name, dict)
    if fields is None:
        return Response(missing=Response._Missing())
    parts = []
    for value in map(fields.get, request.fields):
        result = pb.Miss if value is None else pb.Hit
        parts.append(Response._DictionaryGetResponsePart(result=result, cache_body=value))
    return Response(found=Response._Found(items=parts))


def fetch(cache: Cache, request: pb._DictionaryFetchRequest) -> pb._DictionaryFetchResponse:
    """See #dictionaryfetch."""
    fields = cache.find(request.dictionary_name, dict)
    if fields is None:
        return pb._DictionaryFetchResponse(missing=pb._DictionaryFetchResponse._Missing())
    pairs = [pb._DictionaryFieldValuePair(field=field, value=value) for field, value in fields.items()]
    return pb._DictionaryFetchResponse(found=pb._DictionaryFetchResponse._Found(items=pairs))


def increment(cache: Cache, request: pb._DictionaryIncrementRequest) -> pb._DictionaryIncrementResponse:
    """See #dictionaryincrement."""
    present = cache.find(request.dictionary_name, dict) or {}
    value = add_integer(present.get(request.field), request.amount)
    fields = cache.open(request.dictionary_name, dict, request.ttl_milliseconds, request.refresh_ttl)
    fields[request.field] = str(value).encode()
    return pb._DictionaryIncrementResponse(value=value)


def delete(cache: Cache, request: pb._DictionaryDeleteRequest) -> pb._DictionaryDeleteResponse:
    """See #dictionaryremovefields."""
    fields = cache.find(request.dictionary_name, dict)
    if fields is not None:
        if request.WhichOneof("delete") == "all":
            fields.clear()
        for field in request.some.fields:
            fields.pop(field, None)
        cache.drop_if_empty(request.dictionary_name)
    return pb._DictionaryDeleteResponse()


CALLS: dict[str, Callable[..., Message]] = {
    "DictionarySet": set_,
    "DictionaryGet": get,
    "DictionaryFetch": fetch,
    "DictionaryIncrement": increment,
    "DictionaryDelete": delete,
}
