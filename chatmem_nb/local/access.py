"""Which addresses a local server may listen on."""

from __future__ import annotations

from ..errors import InvalidInputError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Addresses that only this machine can reach."""


def check_address(host: str, token: str, *, expose: bool) -> None:
    """Reject an address that other machines can reach, unless `expose` is set and there is a token.

    Raises: InvalidInputError.
    """
    if host in LOOPBACK:
        return
    if not expose:
        raise InvalidInputError(
            f"other machines can reach {host!r}; listen on 127.0.0.1, or pass expose=True to allow it"
        )
    if not token:
        raise InvalidInputError(
            f"other machines can reach {host!r}, so a token is required: leave it out to get a random one"
        )
