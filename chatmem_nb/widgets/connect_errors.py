"""Why no connection was made, in words for the connect form, and the field that is wrong."""

from __future__ import annotations

from typing import Final

from ..errors import (
    ChatMemError,
    InvalidInputError,
    StoreAuthError,
    StoreError,
    StoreLimitError,
    StoreNotFoundError,
    StoreResponseError,
    StoreUnavailableError,
)
from .connect_fields import FIELDS, LABELS, SERVICES
from .protocol.requests import ConnectParams
from .request_errors import RequestError, request_error_of, sentence

# The input that an error of the service is about, by its kind.
_BLAMED: Final = {
    "upstash": ((StoreAuthError, "token"), (StoreUnavailableError, "url"), (StoreError, "url")),
    "momento": (
        (StoreAuthError, "api_key"),
        (StoreNotFoundError, "cache_name"),
        (StoreUnavailableError, "endpoint"),
        (StoreError, "cache_name"),
    ),
    "local": (),
}


# For errors that repeat words of the server: it may be anyone's, and they must not reach the page.
_FAILURES: Final[tuple[tuple[type[ChatMemError], str], ...]] = (
    (StoreAuthError, "{0} refused the key. Copy it whole, and check that it is for this address."),
    (StoreNotFoundError, "There is no database or cache of this name at this address."),
    (StoreLimitError, "This {0} account has reached a limit."),
    (StoreUnavailableError, "{0} cannot be reached at this address. Is the {1} right?"),
    (StoreResponseError, "This address does not respond like {0}. Is the {1} right?"),
    (ChatMemError, "{0} refused the first request. Are the {1} and the key right?"),
)


def connection_error(exc: ChatMemError, params: ConnectParams) -> RequestError:
    """Return `exc` as the form shows it, beside the field that is wrong; the environment has no field."""
    error = request_error_of(exc)
    if params.use_env:
        return RequestError(error.type, error.message)
    if isinstance(exc, InvalidInputError):
        return _of_input(exc, error, params)
    field = next((name for kind, name in _BLAMED[params.service] if isinstance(exc, kind)), None)
    return RequestError(error.type, _own_words(exc, params.service), field=field)


def _of_input(exc: InvalidInputError, error: RequestError, params: ConnectParams) -> RequestError:
    if exc.field not in FIELDS[params.service]:
        return RequestError(error.type, error.message)
    label, message = LABELS[exc.field], error.message
    if not getattr(params, exc.field).strip():
        message = f"Enter the {label}."
    elif message.startswith(exc.field + " "):
        message = f"The {label}{message.removeprefix(exc.field)}"
    return RequestError(error.type, message, field=exc.field)


def _own_words(exc: ChatMemError, service: str) -> str:
    if isinstance(exc, StoreError) and exc.own_text:
        return sentence(exc.own_text)
    text = next(text for kind, text in _FAILURES if isinstance(exc, kind))
    return text.format(SERVICES[service], "endpoint" if service == "momento" else "URL")
