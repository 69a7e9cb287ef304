"""Which requests may come in: the token, no foreign host name, and no web page.

See https://upstash.com/docs/redis/features/restapi, "Getting Started".
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from chatmem_nb.local.upstash.rest_api import RejectedRequestError


@dataclass(frozen=True, slots=True)
class Authentication:
    """The check of every request, from its first line and headers alone."""

    token: str = field(repr=False)
    """Empty: no authentication."""
    hosts: frozenset[str] | None
    """The host names by which this server may be called; None for all."""

    def check(self, target: str, headers: Message) -> None:
        """Raise RejectedRequestError: 403 for a web page or a foreign host name, 401 for a wrong token."""
        self._check_host(headers.get("Host", ""))
        # A browser says where a request comes from; the SDKs, curl and Node's fetch do not.
        if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none":
            raise RejectedRequestError(HTTPStatus.FORBIDDEN, "ERR requests from web pages are not allowed")
        if self.token and not hmac.compare_digest(_given_token(target, headers), self.token.encode()):
            raise RejectedRequestError(HTTPStatus.UNAUTHORIZED, "WRONGPASS invalid or missing auth token")

    def _check_host(self, host: str) -> None:
        """Reject a name that a foreign DNS server may have pointed at this machine (DNS rebinding)."""
        if self.hosts is None:
            return
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            name = None
        if name not in self.hosts:
            raise RejectedRequestError(HTTPStatus.FORBIDDEN, "ERR unknown host name for this server")


def _given_token(target: str, headers: Message) -> bytes:
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode("latin-1")  # which is how http.server has decoded it
    return parse_qs(urlsplit(target).query).get("_token", [""])[0].encode("utf-8", "surrogateescape")
