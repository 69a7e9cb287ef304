"""Momento's API keys, from an argument or from the environment, to what its client takes."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re

from momento import CredentialProvider
from momento.errors import SdkException

from ...errors import InvalidInputError

_KEY_VARIABLES = ("MOMENTO_AUTH_TOKEN", "MOMENTO_API_KEY")
_ENDPOINT_VARIABLE = "MOMENTO_ENDPOINT"

# A server on this machine, as `python -m chatmem_nb serve momento` runs one: no TLS, and a port of its own.
_LOCAL_ENDPOINT = re.compile(r"(?P<host>127\.0\.0\.1|localhost):(?P<port>\d{1,5})")


def credential_provider(api_key: str | None = None, *, endpoint: str | None = None) -> CredentialProvider:
    """Return a credential provider for `api_key`, or for the key in the environment.

    The environment: MOMENTO_AUTH_TOKEN, then MOMENTO_API_KEY. A v2 key needs an endpoint, from `endpoint` or
    MOMENTO_ENDPOINT; v1 keys and disposable tokens contain theirs. A key from the environment is never sent
    to an endpoint that was passed as an argument. At a local endpoint, 127.0.0.1:PORT, any key is valid,
    without TLS.

    Raises: InvalidInputError, which does not show the key.
    """
    if api_key is None:
        if endpoint is not None:
            raise InvalidInputError(
                "give the api_key together with the endpoint, or neither of them", field="endpoint"
            )
        api_key = _key_of_environment()
    _check(api_key)
    place = endpoint or os.environ.get(_ENDPOINT_VARIABLE, "").strip()
    if local := _LOCAL_ENDPOINT.fullmatch(place):
        return CredentialProvider(api_key, local["host"], local["host"], local["host"], int(local["port"]))
    if _is_v2(api_key):
        return _v2(api_key, place)
    if endpoint:
        raise InvalidInputError(
            "this API key holds its own endpoint; only v2 keys take one beside them", field="endpoint"
        )
    return _own_endpoint(api_key)


def _key_of_environment() -> str:
    for variable in _KEY_VARIABLES:
        if key := os.environ.get(variable, "").strip():
            return key
    raise InvalidInputError(
        "no Momento API key: set MOMENTO_API_KEY, for a v2 key MOMENTO_ENDPOINT too, or give api_key",
        field="api_key",
    )


def _check(api_key: object) -> None:
    if not isinstance(api_key, str) or not api_key:
        raise InvalidInputError("the Momento API key must be a non-empty string", field="api_key")
    # gRPC prints a header that it cannot send, and with it the key.
    if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise InvalidInputError(
            "the Momento API key contains a space or an invalid character; copy it without the line break",
            field="api_key",
        )


def _is_v2(api_key: str) -> bool:
    """Whether this is a v2 key: a JSON Web Token of type "g"."""
    parts = api_key.split(".")
    if len(parts) != 3:
        return False
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(claims, dict) and claims.get("t") == "g"


def _v2(api_key: str, endpoint: str) -> CredentialProvider:
    if not endpoint:
        raise InvalidInputError(
            "this is a v2 API key of Momento, and needs an endpoint: set MOMENTO_ENDPOINT, or give endpoint "
            "(the console shows it, for example cell-us-east-1-1.prod.a.momentohq.com)",
            field="endpoint",
        )
    if "/" in endpoint or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        raise InvalidInputError(
            "the Momento endpoint must be a host name, for example cell-us-east-1-1.prod.a.momentohq.com",
            field="endpoint",
        )
    try:
        return CredentialProvider.from_api_key_v2(api_key, endpoint)
    except SdkException:
        pass  # as below
    raise _not_a_key()


def _own_endpoint(api_key: str) -> CredentialProvider:
    # `from_string` is deprecated and warns; this reads v1 keys and legacy ones just as it does.
    try:
        return CredentialProvider.from_disposable_token(api_key)
    except (SdkException, ValueError, KeyError, TypeError):
        pass  # the error follows, outside of the handler: these hold what the key decodes to
    raise _not_a_key()


def _not_a_key() -> InvalidInputError:
    return InvalidInputError(
        "this is not a Momento API key; copy the complete key from the console, or create a new one",
        field="api_key",
    )
