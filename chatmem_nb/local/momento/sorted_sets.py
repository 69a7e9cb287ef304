"""Calls on sorted sets, by rank and by score.

https://docs.momentohq.com/cache/develop/api-reference/sorted-set-collections

The docstrings name the sections of that page.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from google.protobuf.message import Message
from momento_wire_types import cacheclient_pb2 as pb

from chatmem_nb.local.momento.caches import Cache, Element, SortedSet
from chatmem_nb.local.momento.errors import invalid

_Fetch = pb._SortedSetFetchRequest


def put(cache: Cache, request: pb._SortedSetPutRequest) -> pb._SortedSetPutResponse:
    """See #sortedsetputelements."""
    cache.limits.check_elements(element.value for element in request.elements)
    if any(math.isnan(element.score) for element in request.elements):
        raise invalid("A score must be a number.")
    elements = cache.open(request.set_name, SortedSet, request.ttl_milliseconds, request.refresh_ttl)
    for element in request.elements:
        elements.put(element.value, element.score)
    cache.drop_if_empty(request.set_name)
    return pb._SortedSetPutResponse()


def increment(cache: Cache, request: pb._SortedSetIncrementRequest) -> pb._SortedSetIncrementResponse:
    """See #sortedsetincrementscore."""
    cache.limits.check_elements([request.value])
    present = cache.find(request.set_name, SortedSet)
    score = ((present.score(request.value) if present else None) or 0.0) + request.amount
    if math.isnan(score):
        raise invalid("A score must be a number.")
    elements = cache.open(request.set_name, SortedSet, request.ttl_milliseconds, request.refresh_ttl)
    elements.put(request.value, score)
    return pb._SortedSetIncrementResponse(score=score)


def remove(cache: Cache, request: pb._SortedSetRemoveRequest) -> pb._SortedSetRemoveResponse:
    """See #sortedsetremoveelements."""
    elements = cache.find(request.set_name, SortedSet)
    if elements is None:
        return pb._SortedSetRemoveResponse()
    if request.WhichOneof("remove_elements") == "all":
        cache.drop(request.set_name)
    for value in request.some.values:
        elements.remove(value)
    cache.drop_if_empty(request.set_name)
    return pb._SortedSetRemoveResponse()


def fetch(cache: Cache, request: pb._SortedSetFetchRequest) -> pb._SortedSetFetchResponse:
    """See #sortedsetfetchbyrank."""
    elements = cache.find(request.set_name, SortedSet)
    if elements is None:
        return pb._SortedSetFetchResponse(missing=pb._SortedSetFetchResponse._Missing())
    by_score = request.WhichOneof("range") == "by_score"
    picked = _by_score(elements, request) if by_score else _by_rank(elements, request)
    return pb._SortedSetFetchResponse(found=_found(picked, request.with_scores))


def _found(picked: list[Element], with_scores: bool) -> pb._SortedSetFetchResponse._Found:
    Found = pb._SortedSetFetchResponse._Found
    if not with_scores:
        return Found(values=Found._Values(values=[value for _, value in picked]))
    elements = [pb._SortedSetElement(value=value, score=score) for score, value in picked]
    return Found(values_with_scores=Found._ValuesWithScores(elements=elements))


def _by_rank(elements: SortedSet, request: pb._SortedSetFetchRequest) -> list[Element]:
    """Select by rank in the requested order; negative ranks count from the end."""
    wanted = request.by_index
    start = wanted.inclusive_start_index if wanted.WhichOneof("start") == "inclusive_start_index" else None
    end = wanted.exclusive_end_index if wanted.WhichOneof("end") == "exclusive_end_index" else None
    start, stop, _ = slice(start, end).indices(len(elements))
    if request.order == _Fetch.DESCENDING:
        start, stop = len(elements) - stop, len(elements) - start
        return elements.between(start, max(start, stop), descending=True)
    return elements.between(start, stop)


def _by_score(elements: SortedSet, request: pb._SortedSetFetchRequest) -> list[Element]:
    wanted = request.by_score
    start, stop = 0, len(elements)
    if wanted.WhichOneof("min") == "min_score":
        start = elements.below(wanted.min_score.score, inclusive=wanted.min_score.exclusive)
    if wanted.WhichOneof("max") == "max_score":
        stop = elements.below(wanted.max_score.score, inclusive=not wanted.max_score.exclusive)
    picked = elements.between(start, stop, descending=request.order == _Fetch.DESCENDING)
    return picked[wanted.offset :][: wanted.count if wanted.count >= 0 else None]


def get_score(cache: Cache, request: pb._SortedSetGetScoreRequest) -> pb._SortedSetGetScoreResponse:
    """See #sortedsetgetscores."""
    Response = pb._SortedSetGetScoreResponse
    elements = cache.find(request.set_name, SortedSet)
    if elements is None:
        return Response(missing=Response._SortedSetMissing())
    parts = []
    for score in map(elements.score, request.values):
        result = pb.Miss if score is None else pb.Hit
        parts.append(Response._SortedSetGetScoreResponsePart(result=result, score=score or 0.0))
    return Response(found=Response._SortedSetFound(elements=parts))


def get_rank(cache: Cache, request: pb._SortedSetGetRankRequest) -> pb._SortedSetGetRankResponse:
    """Respond to a missing set as to a missing value: momento 1.29.1 cannot parse anything else.

    See #sortedsetgetrank.
    """
    Part = pb._SortedSetGetRankResponse._RankResponsePart
    elements = cache.find(request.set_name, SortedSet)
    rank = None if elements is None else elements.rank(request.value)
    if elements is None or rank is None:
        return pb._SortedSetGetRankResponse(element_rank=Part(result=pb.Miss))
    if request.order == pb._SortedSetGetRankRequest.DESCENDING:
        rank = len(elements) - 1 - rank
    return pb._SortedSetGetRankResponse(element_rank=Part(result=pb.Hit, rank=rank))


def length(cache: Cache, request: pb._SortedSetLengthRequest) -> pb._SortedSetLengthResponse:
    """See #sortedsetlength."""
    elements = cache.find(request.set_name, SortedSet)
    if elements is None:
        return pb._SortedSetLengthResponse(missing=pb._SortedSetLengthResponse._Missing())
    return pb._SortedSetLengthResponse(found=pb._SortedSetLengthResponse._Found(length=len(elements)))


def length_by_score(
    cache: Cache, request: pb._SortedSetLengthByScoreRequest
) -> pb._SortedSetLengthByScoreResponse:
    """See #sortedsetlengthbyscore."""
    Response = pb._SortedSetLengthByScoreResponse
    elements = cache.find(request.set_name, SortedSet)
    if elements is None:
        return Response(missing=Response._Missing())
    start, stop = 0, len(elements)
    if (low := request.WhichOneof("min")) in ("inclusive_min", "exclusive_min"):
        start = elements.below(getattr(request, low), inclusive=low == "exclusive_min")
    if (high := request.WhichOneof("max")) in ("inclusive_max", "exclusive_max"):
        stop = elements.below(getattr(request, high), inclusive=high == "inclusive_max")
    return Response(found=Response._Found(length=max(0, stop - start)))


CALLS: dict[str, Callable[..., Message]] = {
    "SortedSetPut": put,
    "SortedSetIncrement": increment,
    "SortedSetRemove": remove,
    "SortedSetFetch": fetch,
    "SortedSetGetScore": get_score,
    "SortedSetGetRank": get_rank,
    "SortedSetLength": length,
    "SortedSetLengthByScore": length_by_score,
}
