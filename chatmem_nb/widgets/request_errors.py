"""Why a request of the page failed, in words for its user."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from .. import errors

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class RequestError(Exception):
    """A request of the page failed. `type` says how; `field` names the parameter that is wrong."""

    def __init__(self, type: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.type, self.message, self.field = type, message, field


CANCELLED = RequestError("cancelled", "Cancelled.")

# The first match counts, so the more specific come first.
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


def request_error_of(exc: Exception) -> RequestError:
    """Return `exc` as the page sees it: our words, never those of a driver, which may contain a secret."""
    if isinstance(exc, RequestError):
        return exc
    for kind, name in _TYPES:
        if isinstance(exc, kind):
            field = exc.field if isinstance(exc, errors.InvalidInputError) else None
            return RequestError(name, sentence(str(exc), name=field), field=field)
    if isinstance(exc, errors.ChatMemError):
        kind_of = "unavailable" if isinstance(exc, errors.StoreError) else "internal"
        return RequestError(kind_of, sentence(str(exc)))
    if isinstance(exc, ImportError):
        return RequestError("internal", f"A package is missing in the kernel: {(exc.name or 'unknown')[:60]}")
    return RequestError(
        "internal", f"Something went wrong inside the browser ({type(exc).__name__}); try again."
    )


def sentence(text: str, *, name: str | None = None) -> str:
    """Return the text of an error as the page shows it: with a full stop and a capital, unless it begins with
    `name` or another name of code."""
    text, first = escaped(text), text.partition(" ")[0]
    if first.isalpha() and first != name:
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else text + "."


def as_error(error: RequestError) -> dict[str, Any]:
    """Return `error` as in a reply; line breaks stay, since some of our messages contain code."""
    return {"type": error.type, "message": escaped(error.message, keep="\n"), "field": error.field}


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
