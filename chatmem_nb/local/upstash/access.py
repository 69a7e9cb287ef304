"""Who may ask: a token, no foreign host name, and no web page."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from chatmem_nb.local.upstash.requests import RefusedRequestError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Access:
    """The rule for every request."""

    token: str = field(repr=False)
    """Empty: no authentication."""
    hosts: frozenset[str] | None
    """The names by which this server may be called; None for all."""

    def check(self, target: str, headers: Message) -> None:
        """Let the request pass, or raise RefusedRequestError: 403 for a web page or a foreign name, 401."""
        self._check_host(headers.get("Host", ""))
        # A browser says where a request comes from; the SDKs, curl and Node's fetch do not.
        if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none":
            raise RefusedRequestError(HTTPStatus.FORBIDDEN, "ERR requests of web pages are refused")
        if self.token and not hmac.compare_digest(_given_token(target, headers), self.token.encode()):
            raise RefusedRequestError(HTTPStatus.UNAUTHORIZED, "WRONGPASS invalid or missing auth token")

    def _check_host(self, host: str) -> None:
        """Refuse a name that a foreign DNS server may have pointed at this machine."""
        if self.hosts is None:
            return
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            name = None
        if name not in self.hosts:
            raise RefusedRequestError(HTTPStatus.FORBIDDEN, "ERR this server is not called by that host name")


def _given_token(target: str, headers: Message) -> bytes:
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode("latin-1")  # which is how http.server has decoded it
    return parse_qs(urlsplit(target).query).get("_token", [""])[0].encode("utf-8", "surrogateescape")
