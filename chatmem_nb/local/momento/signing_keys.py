"""Signing keys, which the service hands out for presigned URLs; here they sign nothing."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable

from google.protobuf.message import Message
from momento_wire_types import controlclient_pb2 as pb

from chatmem_nb.local.momento.refusals import invalid


class SigningKeys:
    """Ids and ends of the keys that were handed out; the keys themselves are not kept."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}
        self.calls: dict[str, Callable[..., Message]] = {
            "CreateSigningKey": self.create,
            "ListSigningKeys": self.list,
            "RevokeSigningKey": self.revoke,
        }

    def create(self, request: pb._CreateSigningKeyRequest) -> pb._CreateSigningKeyResponse:
        if not request.ttl_minutes:
            raise invalid("The time to live must be positive.")
        self._forget_ended()
        key_id, ends = secrets.token_urlsafe(8), int(time.time()) + 60 * request.ttl_minutes
        self._ends[key_id] = ends
        # The SDK reads `kid` out of a JSON Web Key.
        key = {"kty": "oct", "kid": key_id, "alg": "HS256", "k": secrets.token_urlsafe(32)}
        return pb._CreateSigningKeyResponse(key=json.dumps(key), expires_at=ends)

    def list(self, request: pb._ListSigningKeysRequest) -> pb._ListSigningKeysResponse:
        self._forget_ended()
        keys = [pb._SigningKey(key_id=key_id, expires_at=ends) for key_id, ends in self._ends.items()]
        return pb._ListSigningKeysResponse(signing_key=keys)

    def revoke(self, request: pb._RevokeSigningKeyRequest) -> pb._RevokeSigningKeyResponse:
        self._ends.pop(request.key_id, None)
        return pb._RevokeSigningKeyResponse()

    def _forget_ended(self) -> None:
        now = time.time()
        self._ends = {key_id: ends for key_id, ends in self._ends.items() if ends > now}
