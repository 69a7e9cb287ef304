"""What to redact, and how: the settings that every export, frame and copy takes as `redact`."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from ..errors import InvalidInputError
from .addresses import emails, ip_addresses, mac_addresses
from .credentials import api_keys, secrets
from .custom import CustomDetector, checked_span, compiled, matches
from .digits import PhoneNumbers, card_numbers
from .spans import Detector, Span
from .views import normalized

KINDS: Final = ("api_key", "secret", "card", "email", "ip", "mac", "phone")
"""What is found by itself. `secret`: passwords and tokens by their name, and secrets in URLs."""
KEY_BYTES: Final = 16
"""Of a key, at least: phone and card numbers are few enough to try them all with a key that is guessed."""
_BUILT_IN: Final[dict[str, Detector]] = {
    "api_key": api_keys,
    "secret": secrets,
    "card": card_numbers,
    "email": emails,
    "ip": ip_addresses,
    "mac": mac_addresses,
}
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


class Redactor:
    """Replaces personal data and credentials in exports, copies and frames; pass it as `redact=`.

    `kinds` selects from `KINDS` (None: all). `patterns` maps a name to a regular expression of your own (a
    string ignores case). `detectors` are functions of your own that take a text and return spans: pairs
    `(start, end)`, triples with a kind, or objects with `start`, `end` and `entity_type` (as Presidio's
    `AnalyzerEngine.analyze` returns them). `phone_regions` are the countries (ISO 3166) whose
    national phone numbers are found; numbers with `+` or `00` are always found.

    A value is replaced by a mask, `[EMAIL]`, or with a `key` (at least 16 bytes, such as
    `secrets.token_bytes(32)`) by a pseudonym, `[EMAIL:gnbjkaobclep]`, which is the same for the same value in
    every session and file redacted with this key (HMAC-SHA-256, 48 bits). The key is in no attribute and no
    `repr`; a redactor with a key cannot be pickled. `session_ids` replaces session ids too, and needs a key.

    All texts of a record are searched: content, blocks, tool arguments and results, names, metadata, keys of
    objects, JSON within texts, and numbers that could be phone or card numbers. Full-width and other digits,
    zero-width characters, and the escapes of JSON, URLs and HTML are recognised. Not found are values that
    are spread over several messages, fields or lines, spelled out ("bob at example dot com"),
    encrypted, in base64 or in pictures; addresses without a dot (`bob@intranet`) or with spaces around the
    `@`; cards grouped by commas; digits that touch letters or more digits; and names of people and places,
    unless a detector finds them. Bare numbers that look like a phone or card number are replaced too.

    Redaction fails closed: a record that is not JSON is omitted, and the report lists it.

    Raises: InvalidInputError for a key that is too short, unknown kinds or regions, or an invalid pattern.

    >>> redactor = Redactor(patterns={"ticket": r"TCK-[0-9]+"})
    >>> redactor.text("TCK-12: bob@example.com, +1 415 555 2671, 4111 1111 1111 1111")
    '[TICKET]: [EMAIL], [PHONE], [CARD]'
    """

    def __init__(
        self,
        *,
        key: str | bytes | None = None,
        kinds: Iterable[str] | None = None,
        patterns: Mapping[str, str | re.Pattern[str]] | None = None,
        detectors: Iterable[CustomDetector] = (),
        phone_regions: Iterable[str] = ("US",),
        session_ids: bool = False,
    ) -> None:
        self._mac = None if key is None else _mac(key)
        if session_ids and key is None:
            raise InvalidInputError(
                "session_ids=True needs a key: with one mask, all sessions would become one"
            )
        self.kinds = _checked_kinds(kinds)
        self.redacts_session_ids = session_ids
        self._phone_regions = tuple(phone_regions)
        self._phones = PhoneNumbers(self._phone_regions)
        self._patterns = compiled(patterns or {}, KINDS)
        self._custom = tuple(detectors)
        found: dict[str, Detector] = {**_BUILT_IN, "phone": self._phones}
        self._detectors: list[Detector] = [
            *(partial(matches, name, pattern) for name, pattern in self._patterns.items()),
            *(found[kind] for kind in self.kinds),
        ]
        order = [*self._patterns, *(kind.upper() for kind in KINDS)]
        self.priority = {name: place for place, name in enumerate(order)}
        self.clean: set[str] = set()
        """Short texts in which nothing was found: the same ones occur in every record."""

    @property
    def has_key(self) -> bool:
        """Whether values are replaced by pseudonyms."""
        return self._mac is not None

    def detect(self, text: str) -> Iterator[Span]:
        """Yield the matches of the kinds and patterns in `text`, without decoding it."""
        for detector in self._detectors:
            yield from detector(text)

    def detect_custom(self, text: str) -> Iterator[Span]:
        """Yield the matches of the custom detectors in `text`.

        Raises: InvalidInputError for a span that is not within the text; whatever a detector raises.
        """
        for detector in self._custom:
            for found in detector(text):
                yield checked_span(found, len(text))

    def replacement(self, kind: str, value: str) -> str:
        """Return the mask, or with a key the pseudonym, of `value`."""
        if self._mac is None:
            return f"[{kind}]"
        return f"[{kind}:{self._digest(kind, self._canonical(kind, value))}]"

    def pseudonym_of_session(self, session_id: str) -> str:
        """Return the pseudonym of `session_id`; the id itself if session ids are not redacted."""
        if not self.redacts_session_ids:
            return session_id
        return f"session-{self._digest('SESSION', session_id)}"

    def text(self, text: str) -> str:
        """Return `text` redacted."""
        from .redaction import Redaction

        return Redaction(self).text(text)

    def record(self, raw: str) -> str:
        """Return the record `raw` redacted, as JSON text.

        Raises: RecordError if it is not JSON.
        """
        from .redaction import Redaction

        return Redaction(self).record(raw)

    def fingerprint(self) -> str | None:
        """Return a digest of the settings; None with custom detectors, which cannot be compared."""
        if self._custom:
            return None
        patterns = [(name, found.pattern, found.flags) for name, found in self._patterns.items()]
        settings = (self.kinds, patterns, self._phone_regions, self.redacts_session_ids, self._digest("", ""))
        return hashlib.sha256(repr(settings).encode("utf-8", "surrogatepass")).hexdigest()

    def _digest(self, kind: str, value: str) -> str:
        if self._mac is None:
            return ""
        mac = self._mac.copy()
        mac.update(f"{kind}\0{value}".encode("utf-8", "surrogatepass"))
        # Letters alone: a pseudonym must not look like a number of anything.
        return mac.hexdigest()[:12].translate(_LETTERS)

    def _canonical(self, kind: str, value: str) -> str:
        """The one form of a value that is written in several."""
        value = normalized(value)
        if kind == "PHONE":
            return self._phones.canonical(value)
        if kind == "CARD":
            return "".join(filter(str.isdigit, value))
        if kind == "MAC":
            return re.sub("[:.-]", "", value).lower()
        if kind == "IP":
            try:
                return str(ipaddress.ip_address(value))
            except ValueError:
                return value.lower()
        return value if kind in ("API_KEY", "SECRET") else value.casefold()

    def __repr__(self) -> str:
        names = [*self.kinds, *(name.lower() for name in self._patterns)]
        own = f", {len(self._custom)} detectors" if self._custom else ""
        return f"<Redactor of {', '.join(names)}{own}; {'pseudonyms' if self.has_key else 'masks'}>"

    def __reduce__(self) -> Any:
        if self._mac is not None:
            raise TypeError("a Redactor with a key cannot be pickled or copied: the key would be written")
        return _rebuilt, (self.kinds, self._patterns, self._custom, self._phone_regions)


def _rebuilt(
    kinds: Iterable[str],
    patterns: Mapping[str, re.Pattern[str]],
    detectors: Iterable[CustomDetector],
    phone_regions: Iterable[str],
) -> Redactor:
    return Redactor(kinds=kinds, patterns=patterns, detectors=detectors, phone_regions=phone_regions)


def _mac(key: str | bytes) -> hmac.HMAC:
    data = key.encode() if isinstance(key, str) else bytes(key)
    if len(data) < KEY_BYTES:
        raise InvalidInputError(
            f"the key has {len(data)} bytes; use {KEY_BYTES} or more, as secrets.token_bytes(32) makes them"
        )
    # Keyed once: the key itself is kept nowhere.
    return hmac.new(data, digestmod=hashlib.sha256)


def _checked_kinds(kinds: Iterable[str] | None) -> tuple[str, ...]:
    if isinstance(kinds, str):
        raise InvalidInputError(f"kinds must be a list, as in [{kinds!r}]")
    wanted = set(KINDS if kinds is None else kinds)
    if unknown := sorted(map(str, wanted - set(KINDS))):
        raise InvalidInputError(f"unknown kinds {unknown}; choose from {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in wanted)
