"""A local Momento Cache, with all calls of the Python SDK's cache clients.

These calls, and all other services, fail with UNIMPLEMENTED:

    scalars         GetBatch SetBatch GetWithHash SetIf SetIfHash
    dictionaries    DictionaryLength
    sets            SetSample SetContains SetLength SetPop
    sorted sets     SortedSetUnionStore
    vector indexes  CreateIndex DeleteIndex ListIndexes
    topics          Publish Subscribe
    tokens          GenerateDisposableToken Login GenerateApiToken RefreshApiToken

There is no rate limit; the fault "refuse" responds as the service does to too many requests.
"""

from __future__ import annotations

from chatmem_nb.local.momento.limits import MomentoLimits
from chatmem_nb.local.momento.server import LocalMomento

__all__ = ["LocalMomento", "MomentoLimits"]
