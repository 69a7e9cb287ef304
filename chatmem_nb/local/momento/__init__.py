"""Momento's cache service on this machine, as far as the Python SDK's cache clients call it.

What it does not have, and answers UNIMPLEMENTED, call by call:

    scalars         GetBatch SetBatch GetWithHash SetIf SetIfHash
    dictionaries    DictionaryLength
    sets            SetSample SetContains SetLength SetPop
    sorted sets     SortedSetUnionStore
    vector indexes  CreateIndex DeleteIndex ListIndexes
    topics          Publish Subscribe
    tokens          GenerateDisposableToken Login GenerateApiToken RefreshApiToken

and every other service. Nor does it count operations per second: the fault "refuse" says what the service
says when there were too many.
"""

from __future__ import annotations

from chatmem_nb.local.momento.limits import MomentoLimits
from chatmem_nb.local.momento.server import LocalMomento

__all__ = ["LocalMomento", "MomentoLimits"]
