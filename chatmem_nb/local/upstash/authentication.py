"""Which requests are allowed: those with the token, but none from web pages or for unknown host names.

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
    """Checks a request by its target and headers, before its body is read."""

    token: str = field(repr=False)
    """Empty: no authentication."""
    hosts: frozenset[str] | None
    """The host names that requests may be addressed to; None for all."""

    def check(self, target: str, headers: Message) -> None:
        """Raise RejectedRequestError: 403 for a web page or an unknown host name, 401 for a wrong token."""
        self._check_host(headers.get("Host", ""))
        # Browsers send these headers; the SDKs, curl and Node's fetch do not.
        if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none":
            raise RejectedRequestError(HTTPStatus.FORBIDDEN, "ERR requests from web pages are not allowed")
        if self.token and not hmac.compare_digest(_given_token(target, headers), self.token.encode()):
            raise RejectedRequestError(HTTPStatus.UNAUTHORIZED, "WRONGPASS invalid or missing auth token")

    def _check_host(self, host: str) -> None:
        """Reject names that somebody else's DNS server may resolve to this machine (DNS rebinding)."""
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
        return credentials.strip().encode("latin-1")  # http.server decodes headers as Latin-1
    return parse_qs(urlsplit(target).query).get("_token", [""])[0].encode("utf-8", "surrogateescape")
