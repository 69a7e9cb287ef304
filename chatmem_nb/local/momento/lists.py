"""Calls on lists: https://docs.momentohq.com/cache/develop/api-reference/list-collections

Slices and erasing by index are in the wire protocol, but not in the Python SDK.
The docstrings name the sections of that page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from google.protobuf.message import Message
from momento_wire_types import cacheclient_pb2 as pb

from chatmem_nb.local.momento.caches import Cache


def _bounds(request: pb._ListFetchRequest | pb._ListRetainRequest) -> slice:
    """Return the slice of a request; negative indexes count from the end."""
    start = request.inclusive_start if request.WhichOneof("start_index") == "inclusive_start" else None
    end = request.exclusive_end if request.WhichOneof("end_index") == "exclusive_end" else None
    return slice(start, end)


def _push_back(
    cache: Cache,
    request: pb._ListConcatenateBackRequest | pb._ListPushBackRequest,
    added: Sequence[bytes],
) -> int:
    cache.limits.check_elements(added)
    values = cache.open(request.list_name, list, request.ttl_milliseconds, request.refresh_ttl)
    values.extend(added)
    if request.truncate_front_to_size:
        del values[: -request.truncate_front_to_size]
    return _length_after(cache, request.list_name, values)


def _push_front(
    cache: Cache,
    request: pb._ListConcatenateFrontRequest | pb._ListPushFrontRequest,
    added: Sequence[bytes],
) -> int:
    cache.limits.check_elements(added)
    values = cache.open(request.list_name, list, request.ttl_milliseconds, request.refresh_ttl)
    values[:0] = added
    if request.truncate_back_to_size:
        del values[request.truncate_back_to_size :]
    return _length_after(cache, request.list_name, values)


def _length_after(cache: Cache, name: bytes, values: list[bytes]) -> int:
    """Return the length of a list after a change; an empty one is deleted."""
    cache.drop_if_empty(name)
    return len(values)


def push_back(cache: Cache, request: pb._ListPushBackRequest) -> pb._ListPushBackResponse:
    """See #listpushback."""
    return pb._ListPushBackResponse(list_length=_push_back(cache, request, [request.value]))


def push_front(cache: Cache, request: pb._ListPushFrontRequest) -> pb._ListPushFrontResponse:
    """See #listpushfront."""
    return pb._ListPushFrontResponse(list_length=_push_front(cache, request, [request.value]))


def concatenate_back(
    cache: Cache, request: pb._ListConcatenateBackRequest
) -> pb._ListConcatenateBackResponse:
    """See #listconcatenateback."""
    return pb._ListConcatenateBackResponse(list_length=_push_back(cache, request, request.values))


def concatenate_front(
    cache: Cache, request: pb._ListConcatenateFrontRequest
) -> pb._ListConcatenateFrontResponse:
    """See #listconcatenatefront."""
    return pb._ListConcatenateFrontResponse(list_length=_push_front(cache, request, request.values))


def fetch(cache: Cache, request: pb._ListFetchRequest) -> pb._ListFetchResponse:
    """See #listfetch."""
    values = cache.find(request.list_name, list)
    if values is None:
        return pb._ListFetchResponse(missing=pb._ListFetchResponse._Missing())
    return pb._ListFetchResponse(found=pb._ListFetchResponse._Found(values=values[_bounds(request)]))


def length(cache: Cache, request: pb._ListLengthRequest) -> pb._ListLengthResponse:
    """See #listlength."""
    values = cache.find(request.list_name, list)
    if values is None:
        return pb._ListLengthResponse(missing=pb._ListLengthResponse._Missing())
    return pb._ListLengthResponse(found=pb._ListLengthResponse._Found(length=len(values)))


def pop_front(cache: Cache, request: pb._ListPopFrontRequest) -> pb._ListPopFrontResponse:
    """See #listpopfront."""
    values = cache.find(request.list_name, list)
    if values is None:
        return pb._ListPopFrontResponse(missing=pb._ListPopFrontResponse._Missing())
    front, left = values.pop(0), _length_after(cache, request.list_name, values)
    return pb._ListPopFrontResponse(found=pb._ListPopFrontResponse._Found(front=front, list_length=left))


def pop_back(cache: Cache, request: pb._ListPopBackRequest) -> pb._ListPopBackResponse:
    """See #listpopback."""
    values = cache.find(request.list_name, list)
    if values is None:
        return pb._ListPopBackResponse(missing=pb._ListPopBackResponse._Missing())
    back, left = values.pop(), _length_after(cache, request.list_name, values)
    return pb._ListPopBackResponse(found=pb._ListPopBackResponse._Found(back=back, list_length=left))


def remove(cache: Cache, request: pb._ListRemoveRequest) -> pb._ListRemoveResponse:
    """See #listremovevalue."""
    values = cache.find(request.list_name, list)
    if values is None:
        return pb._ListRemoveResponse(missing=pb._ListRemoveResponse._Missing())
    values[:] = [value for value in values if value != request.all_elements_with_value]
    left = _length_after(cache, request.list_name, values)
    return pb._ListRemoveResponse(found=pb._ListRemoveResponse._Found(list_length=left))


def erase(cache: Cache, request: pb._ListEraseRequest) -> pb._ListEraseResponse:
    """Erase ranges of indexes, all of the list as it was before; those out of range are ignored.

    Not in the Python SDK.
    """
    values = cache.find(request.list_name, list)
    if values is None:
        return pb._ListEraseResponse(missing=pb._ListEraseResponse._Missing())
    if request.WhichOneof("erase") == "all":
        values.clear()
    erased = {i for part in request.some.ranges for i in range(len(values))[part.begin_index :][: part.count]}
    if len(erased) == 1:  # the usual case, in which a long list is not rebuilt
        del values[erased.pop()]
    else:
        values[:] = [value for index, value in enumerate(values) if index not in erased]
    left = _length_after(cache, request.list_name, values)
    return pb._ListEraseResponse(found=pb._ListEraseResponse._Found(list_length=left))


def retain(cache: Cache, request: pb._ListRetainRequest) -> pb._ListRetainResponse:
    """See #listretain."""
    if cache.find(request.list_name, list) is None:
        return pb._ListRetainResponse(missing=pb._ListRetainResponse._Missing())
    values = cache.open(request.list_name, list, request.ttl_milliseconds, request.refresh_ttl)
    values[:] = values[_bounds(request)]
    left = _length_after(cache, request.list_name, values)
    return pb._ListRetainResponse(found=pb._ListRetainResponse._Found(list_length=left))


CALLS: dict[str, Callable[..., Message]] = {
    "ListPushBack": push_back,
    "ListPushFront": push_front,
    "ListConcatenateBack": concatenate_back,
    "ListConcatenateFront": concatenate_front,
    "ListFetch": fetch,
    "ListLength": length,
    "ListPopFront": pop_front,
    "ListPopBack": pop_back,
    "ListRemove": remove,
    "ListErase": erase,
    "ListRetain": retain,
}
