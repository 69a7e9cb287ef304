"""Why a request of the page is not answered, in words for the person in front of it."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from .. import errors

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Refusal(Exception):
    """A request that cannot be answered. `type` is one of the contract's words; `field` names the input."""

    def __init__(self, type: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.type, self.message, self.field = type, message, field


CANCELLED = Refusal("cancelled", "Cancelled.")

# The first that fits, so the more special come first.
_TYPES: tuple[tuple[type[BaseException], str], ...] = (
    (errors.RecordTooLargeError, "too_large"),
    (errors.InvalidInputError, "invalid"),
    (errors.RecordError, "record"),
    (errors.StoreAuthError, "auth"),
    (errors.StoreNotFoundError, "not_found"),
    (errors.StoreThrottledError, "throttled"),
    (errors.StoreLimitError, "limit"),
    (errors.StoreTimeoutError, "timeout"),
    (errors.StoreUnavailableError, "unavailable"),
    (errors.StoreConflictError, "changed"),
    (errors.StoreResponseError, "response"),
    (errors.WrongTypeError, "wrong_type"),
    (errors.StoreClosedError, "closed"),
)


def refusal_of(exc: Exception) -> Refusal:
    """Return what the page is told of `exc`: our words, never those of a driver, which may hold a secret."""
    if isinstance(exc, Refusal):
        return exc
    for kind, name in _TYPES:
        if isinstance(exc, kind):
            return Refusal(name, escaped(str(exc)))
    if isinstance(exc, errors.ChatMemError):
        kind_of = "unavailable" if isinstance(exc, errors.StoreError) else "internal"
        return Refusal(kind_of, escaped(str(exc)))
    if isinstance(exc, ImportError):
        return Refusal("internal", f"A package is missing in the kernel: {(exc.name or 'unknown')[:60]}")
    return Refusal(
        "internal", f"Something went wrong inside the browser ({type(exc).__name__}); please try again."
    )


def as_error(refusal: Refusal) -> dict[str, Any]:
    """Return `refusal` as a reply's `error`; lines stay lines, since some of our messages hold code."""
    return {"type": refusal.type, "message": escaped(refusal.message, keep="\n"), "field": refusal.field}


def escaped(text: str, *, keep: str = "") -> str:
    """Return `text` with control, invisible and bidirectional characters as escapes, but for those of `keep`.

    A server's words are in some errors. They must not be able to hide, reorder or forge what is read.
    """
    return "".join(
        char if char in keep or unicodedata.category(char) not in _UNSEEN else _escape(char) for char in text
    )


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
