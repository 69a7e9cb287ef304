"""E-mail, IP and MAC addresses in a text."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from .spans import Span

_LOCAL_LIMIT: Final = 254  # of a whole address, RFC 5321: a longer local part is invalid, but is masked too
_LOCAL: Final = re.compile(r"[\w.+'&/=?^`{|}~!#$*-]")
_DOMAIN: Final = re.compile(r"(?:[\w-]{1,63}\.){1,10}[\w-]{1,63}")
_TOP_LEVEL: Final = re.compile(r"[^\W\d_]{2}[\w-]*|xn--[\w-]+", re.I)

_IPV4: Final = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)")
_DIGIT_DOT: Final = re.compile(r"\d\.\d")
_GROUP: Final = r"[0-9a-f]{1,4}"
_IPV6: Final = re.compile(
    rf"(?<![0-9a-z])(?:(?:{_GROUP}:){{7}}{_GROUP}"
    rf"|(?:{_GROUP}:){{1,7}}(?::{_GROUP}){{1,6}}|(?:{_GROUP}:){{2,7}}:|::(?:{_GROUP}:){{1,6}}{_GROUP})"
    r"(?:(?<=:)(?:\d{1,3}\.){3}\d{1,3}|:(?:\d{1,3}\.){3}\d{1,3})?(?:%[\w.-]{1,32})?(?![0-9a-z])",
    re.I,
)
_FEWEST_HEX_DIGITS: Final = 5  # `a[1::2]` and `face::add` of other languages are fewer
_MAC: Final = re.compile(
    r"(?<![0-9a-z])(?:(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}(?:[0-9a-f]{2}\1[0-9a-f]{2}\1)?[0-9a-f]{2}"
    r"|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})(?![0-9a-z])",
    re.I,
)


def emails(text: str) -> Iterator[Span]:
    """Yield the e-mail addresses, with any letters; their domain has a dot."""
    at = text.find("@")
    while at >= 0:
        domain = _domain_end(text, at + 1)
        start = _local_start(text, at) if domain else at
        if domain and start < at:
            yield Span(start, domain, "EMAIL")
        at = text.find("@", at + 1)


def _local_start(text: str, at: int) -> int:
    if text[at - 1 : at] == '"':  # a quoted local part: "a b"@example.com
        return max(text.rfind('"', max(0, at - _LOCAL_LIMIT - 2), at - 1), 0)
    start = at
    while start > max(0, at - _LOCAL_LIMIT) and _LOCAL.match(text, start - 1):
        start -= 1
    return start


def _domain_end(text: str, start: int) -> int | None:
    found = _DOMAIN.match(text, start)
    while found is not None:
        name = found.group()
        if _TOP_LEVEL.fullmatch(name.rpartition(".")[2]):
            return found.end()
        # `bob@example.com.2` ends before the last dot.
        found = _DOMAIN.match(text, start, start + name.rfind("."))
    return None


def ip_addresses(text: str) -> Iterator[Span]:
    """Yield IPv4 and IPv6 addresses."""
    if text.count(".") >= 3 and _DIGIT_DOT.search(text):
        for found in _IPV4.finditer(text):
            if all(int(part) <= 255 for part in found.group().split(".")):
                yield Span(*found.span(), "IP")
    if "::" in text or text.count(":") >= 7:
        for found in _IPV6.finditer(text):
            if _is_ipv6(found.group()):
                yield Span(*found.span(), "IP")


def _is_ipv6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return False
    digits = sum(character not in ":." for character in text.partition("%")[0])
    return digits >= _FEWEST_HEX_DIGITS or address.is_loopback


def mac_addresses(text: str) -> Iterator[Span]:
    """Yield MAC addresses of 6 or 8 bytes, written with colons, hyphens or dots."""
    if text.count(":") < 5 and text.count("-") < 5 and text.count(".") < 2:
        return
    for found in _MAC.finditer(text):
        yield Span(*found.span(), "MAC")
