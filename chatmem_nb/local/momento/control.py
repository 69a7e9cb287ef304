"""Calls on caches and signing keys: https://docs.momentohq.com/cache/develop/api-reference

The docstrings name the sections of that page.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import grpc
from google.protobuf.message import Message
from momento_wire_types import controlclient_pb2 as pb

from chatmem_nb.local.momento.caches import Account
from chatmem_nb.local.momento.errors import MomentoError, invalid


def create_cache(account: Account, request: pb._CreateCacheRequest) -> pb._CreateCacheResponse:
    """See #create-cache."""
    name = request.cache_name
    if not name:
        raise invalid("The cache name must not be empty.")
    if name in account:
        raise MomentoError(grpc.StatusCode.ALREADY_EXISTS, f"Cache {name!r} already exists.")
    account.create(name)
    return pb._CreateCacheResponse()


def delete_cache(account: Account, request: pb._DeleteCacheRequest) -> pb._DeleteCacheResponse:
    """See #delete-cache."""
    account.delete(request.cache_name)
    return pb._DeleteCacheResponse()


def flush_cache(account: Account, request: pb._FlushCacheRequest) -> pb._FlushCacheResponse:
    """See #flush-cache."""
    account.get(request.cache_name).clear()
    return pb._FlushCacheResponse()


def list_caches(account: Account, request: pb._ListCachesRequest) -> pb._ListCachesResponse:
    """See #list-caches."""
    return pb._ListCachesResponse(cache=[pb._Cache(cache_name=name) for name in account.names()])


def create_signing_key(
    account: Account, request: pb._CreateSigningKeyRequest
) -> pb._CreateSigningKeyResponse:
    if not request.ttl_minutes:
        raise invalid("The TTL must be positive.")
    key, expires_at = account.signing_keys.create(request.ttl_minutes)
    return pb._CreateSigningKeyResponse(key=json.dumps(key), expires_at=expires_at)


def list_signing_keys(account: Account, request: pb._ListSigningKeysRequest) -> pb._ListSigningKeysResponse:
    keys = [
        pb._SigningKey(key_id=key_id, expires_at=expires_at)
        for key_id, expires_at in account.signing_keys.expiry_times()
    ]
    return pb._ListSigningKeysResponse(signing_key=keys)


def revoke_signing_key(
    account: Account, request: pb._RevokeSigningKeyRequest
) -> pb._RevokeSigningKeyResponse:
    account.signing_keys.revoke(request.key_id)
    return pb._RevokeSigningKeyResponse()


CALLS: dict[str, Callable[..., Message]] = {
    "CreateCache": create_cache,
    "DeleteCache": delete_cache,
    "FlushCache": flush_cache,
    "ListCaches": list_caches,
    "CreateSigningKey": create_signing_key,
    "ListSigningKeys": list_signing_keys,
    "RevokeSigningKey": revoke_signing_key,
}
