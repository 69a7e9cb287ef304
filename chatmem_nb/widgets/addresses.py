"""Which hosts the connect form accepts: none that only this machine's own network should reach.

The form is filled in by visitors of the page, who on Voila may be strangers. A cloud machine answers requests
to its link-local addresses with its credentials. Stores made in Python are not restricted.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Final, TypeAlias

from .request_errors import RequestError

LOOKUP_S: Final = 5.0
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA_HOSTS: Final = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)
# Metadata services outside of the link-local ranges: Alibaba, Azure, Oracle, AWS and Google on IPv6.
_METADATA_ADDRESSES: Final = frozenset(
    map(
        ipaddress.ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    )
)
_ENDPOINT: Final = re.compile(r"(?P<host>[A-Za-z0-9._-]{1,253})(:\d{1,5})?")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def check_host(host: str, *, field: str) -> None:
    """Look up `host`, and reject link-local addresses and metadata services.

    A name whose addresses change between this and the connection is not noticed. A name that cannot be looked
    up is left to the connection: a proxy may know it.

    Raises: RequestError.
    """
    name = host.strip("[]").rstrip(".").lower()
    if name in _METADATA_HOSTS or any(map(_is_refused, _addresses(name, field))):
        raise RequestError(
            "invalid",
            "Link-local addresses and metadata services are not connected from this form. "
            "Give the address of a database.",
            field=field,
        )


def check_endpoint(endpoint: str, *, field: str) -> None:
    """Check the host of a gRPC endpoint, `host` or `host:port`, as `check_host` does.

    Raises: RequestError, also for gRPC's other address forms ("ipv4:...", "unix:..."), which name no host.
    """
    found = _ENDPOINT.fullmatch(endpoint)
    if found is None:
        raise RequestError(
            "invalid", "The endpoint must be a host name, without a scheme or a path.", field=field
        )
    check_host(found["host"], field=field)


def _is_refused(address: Address) -> bool:
    return any(each.is_link_local or each in _METADATA_ADDRESSES for each in (address, *_embedded(address)))


def _embedded(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or int(address) >> 32 == 0:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def _addresses(name: str, field: str) -> list[Address]:
    """Return the addresses of `name`, also of one written as a number; [] if it cannot be looked up."""
    with suppress(ValueError):  # a name
        return [ipaddress.ip_address(name)]
    outcome: Future[list[Address]] = Future()
    # A thread that may be left behind: getaddrinfo has no timeout, and would block a thread of the pool.
    threading.Thread(target=_look_up, args=(name, outcome), name="look up", daemon=True).start()
    try:
        return outcome.result(LOOKUP_S)
    except FutureTimeoutError:
        message = f"The name of this host could not be looked up within {LOOKUP_S:g} s. Is it right?"
        raise RequestError("timeout", message, field=field) from None


def _look_up(name: str, outcome: Future[list[Address]]) -> None:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # gaierror; an invalid name
        found = []
    outcome.set_result([ipaddress.ip_address(str(place[0])) for *_, place in found])
