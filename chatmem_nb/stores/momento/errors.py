"""The errors of the Momento store, and the one place where the SDK's errors become ours.

    momento.errors.SdkException -> MomentoError, also a StoreError, with the SDK's error as `__cause__`

No text here holds a key: none is at hand, and the texts of a refused key are our own.
"""

from __future__ import annotations

from momento.errors import MomentoErrorCode, SdkException, UnknownServiceException

from ...errors import (
    StoreAuthError,
    StoreClosedError,
    StoreConflictError,
    StoreError,
    StoreLimitError,
    StoreNotFoundError,
    StoreResponseError,
    StoreThrottledError,
    StoreTimeoutError,
    StoreUnavailableError,
    WrongTypeError,
)

_PATIENCE = 7
"""Attempts while Momento cannot be reached, or fails within: about 2 seconds, and not the whole timeout."""


class MomentoError(SdkException, StoreError):
    """Any failure of Momento, or of the way to it; also an instance of the SDK's own base error.

    `records_stored`: how many records of a change that failed are stored for certain; None if that is not
    known, or if no records were to be stored.
    """

    records_stored: int | None = None

    def __init__(self, text: str) -> None:
        # Without a service: the SDK's name for it is private, and `store_error` copies it.
        super().__init__(text, MomentoErrorCode.UNKNOWN_ERROR, None)  # type: ignore[arg-type]  # as above

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"


class MomentoAuthError(MomentoError, StoreAuthError):
    """The key was refused, or may not do this."""


class MomentoNotFoundError(MomentoError, StoreNotFoundError):
    """The cache does not exist."""


class MomentoLimitError(MomentoError, StoreLimitError):
    """A limit of the service or of the account is reached."""


class MomentoThrottledError(MomentoError, StoreThrottledError):
    """Requests are throttled."""

    retry_after_s = 0.1


class MomentoUnavailableError(MomentoError, StoreUnavailableError):
    """The service could not be reached, or failed."""


class MomentoTimeoutError(MomentoError, StoreTimeoutError):
    """The service did not respond in time."""


class MomentoResponseError(MomentoError, StoreResponseError):
    """The response was invalid."""


class MomentoConflictError(MomentoError, StoreConflictError):
    """Another client changed the session meanwhile."""


class MomentoWrongTypeError(MomentoError, WrongTypeError):
    """The key holds something that is not a list."""


class MomentoClosedError(MomentoError, StoreClosedError):
    """The store, or the client that was passed in, is closed, or belongs to another process."""


_Code = MomentoErrorCode
_KINDS: dict[MomentoErrorCode, tuple[type[MomentoError], str]] = {
    _Code.AUTHENTICATION_ERROR: (
        MomentoAuthError,
        "Momento refused the API key. Copy it whole; it may have expired, or be of another region.",
    ),
    _Code.PERMISSION_ERROR: (
        MomentoAuthError,
        "the Momento API key may not do this. Make one with read and write access to the cache.",
    ),
    _Code.NOT_FOUND_ERROR: (MomentoNotFoundError, "the Momento cache does not exist"),
    _Code.FAILED_PRECONDITION_ERROR: (MomentoWrongTypeError, "the key holds something that is not a session"),
    _Code.TIMEOUT_ERROR: (
        MomentoTimeoutError,
        "Momento did not respond in time. Is the endpoint right, and the network up?",
    ),
    _Code.SERVER_UNAVAILABLE: (MomentoUnavailableError, "cannot reach Momento. Is the endpoint right?"),
    _Code.CONNECTION_ERROR: (MomentoUnavailableError, "cannot reach Momento. Is the endpoint right?"),
    _Code.INTERNAL_SERVER_ERROR: (MomentoUnavailableError, "Momento failed to respond"),
    _Code.UNKNOWN_ERROR: (MomentoUnavailableError, "Momento failed to respond"),
    _Code.CANCELLED_ERROR: (MomentoUnavailableError, "the request to Momento was cancelled"),
    _Code.UNKNOWN_SERVICE_ERROR: (MomentoResponseError, "Momento's response could not be understood"),
    _Code.CLIENT_RESOURCE_EXHAUSTED: (MomentoLimitError, "the Momento client has run out of resources"),
    _Code.INVALID_ARGUMENT_ERROR: (MomentoError, "Momento refused the request as invalid"),
    _Code.BAD_REQUEST_ERROR: (MomentoError, "Momento does not know this request"),
}
# Where the service's or gRPC's own words help, and cannot hold a key.
_QUOTED = {
    _Code.SERVER_UNAVAILABLE,
    _Code.CONNECTION_ERROR,
    _Code.INTERNAL_SERVER_ERROR,
    _Code.INVALID_ARGUMENT_ERROR,
    _Code.BAD_REQUEST_ERROR,
}
# gRPC's words for a response that ended in the middle, or that something in between gave.
_INVALID_RESPONSE = ("rst_stream", "deserializing", "http2 header with status", "content-type")
# gRPC's words where no connection could be made, so that the request was never sent.
_UNREACHABLE = ("failed to connect", "errors resolving", "resolution failed")
# gRPC's words for why, and ours. It names the address as well.
_REASONS = (
    ("resolving", "there is no host of this name, or no network"),
    ("resolution failed", "there is no host of this name, or no network"),
    ("connection refused", "connection refused"),
    ("handshake", "no secure connection"),
    ("certificate", "no secure connection"),
)
# grpcio's words where a call is made on a closed channel: "Cannot invoke RPC on closed channel!"
_CLOSED = "closed"
_FAILED_WITHIN = {_Code.INTERNAL_SERVER_ERROR, _Code.UNKNOWN_ERROR, _Code.UNKNOWN_SERVICE_ERROR}


def add_sentence(error: MomentoError, text: str) -> None:
    """Add a sentence to the message of `error`, once."""
    if not error.message.endswith(text):
        end = "" if error.message.endswith((".", "?", "!")) else "."
        error.message += f"{end} {text}"


def store_error(cause: SdkException) -> MomentoError:
    """Return our error for an error of the SDK, which it keeps as `__cause__`."""
    details = str(cause.message or "").lower()
    kind, own_text, quoted = _kind(cause)
    error = kind(f"{own_text} ({quoted:.200})" if quoted else own_text)
    error.own_text = own_text
    error.error_code, error.service = cause.error_code, cause.service
    error.transport_details, error.message_wrapper = cause.transport_details, cause.message_wrapper
    error.__cause__ = cause
    if isinstance(error, StoreLimitError):
        error.response_too_large = "larger than max" in details
    elif isinstance(error, StoreUnavailableError) and any(words in details for words in _UNREACHABLE):
        error.maybe_applied, error.max_attempts = False, _PATIENCE
    elif cause.error_code in _FAILED_WITHIN:
        error.max_attempts = _PATIENCE
    return error


def timed_out(timeout_s: float) -> MomentoTimeoutError:
    """Return the error for a call that has taken longer than it may."""
    error = MomentoTimeoutError(
        f"Momento did not respond within {timeout_s:g} s. Is the endpoint right, and the network up?"
    )
    error.own_text = str(error)
    return error


def client_closed() -> MomentoClosedError:
    """Return the error for a client that its owner has closed."""
    return MomentoClosedError(
        "the momento client of this store was closed; make a new store with an open one"
    )


def says_closed(error: Exception) -> bool:
    """Return whether gRPC says that the channel is closed, for which it has no error of its own."""
    return isinstance(error, ValueError) and _CLOSED in str(error)


def channel_broken() -> MomentoUnavailableError:
    """Return the error for a client whose channel no longer ends any request."""
    error = MomentoUnavailableError(
        "the gRPC channel of this momento client no longer responds, as happens after an interrupt (Ctrl+C) "
        "within it; make a new CacheClient and a new store"
    )
    error.retryable = False
    return error


def other_process() -> MomentoClosedError:
    """Return the error for a client that was passed in before the process forked."""
    return MomentoClosedError(
        "the momento client of this store was made before this process was forked, and gRPC does not survive "
        "a fork; make a new CacheClient and a new store here, or start processes by the spawn method"
    )


def _kind(cause: SdkException) -> tuple[type[MomentoError], str, str]:
    """Return the kind of an error, its text, and the words of the service that follow it."""
    details = str(cause.message or "")
    if cause.error_code is _Code.LIMIT_EXCEEDED_ERROR:
        return *_limit(cause, details.lower()), ""
    if any(words in details.lower() for words in _INVALID_RESPONSE):
        return MomentoResponseError, "the response is not from Momento. Is the endpoint right?", details
    if details == "Invalid metadata":  # gRPC, where a header cannot be sent
        return MomentoAuthError, "the key or the cache name holds a character that cannot be sent", ""
    if isinstance(cause, UnknownServiceException):  # gRPC's UNKNOWN: the service failed within
        return MomentoUnavailableError, "Momento failed to respond", ""
    kind, text = _KINDS.get(cause.error_code, (MomentoError, "Momento failed"))
    if kind is MomentoUnavailableError and (reason := _unreached(details.lower())):
        text = f"cannot reach Momento: {reason}. Is the endpoint right?"
    return kind, text, details if cause.error_code in _QUOTED else ""


def _unreached(details: str) -> str | None:
    """Return why gRPC could not connect, from its own words."""
    return next((reason for words, reason in _REASONS if words in details), None)


def _limit(cause: SdkException, details: str) -> tuple[type[MomentoError], str]:
    """Tell the limits apart as the SDK does: by the `err` of the response, else by the words."""
    if "larger than max" in details:  # gRPC's words, for what the client refuses itself
        return MomentoLimitError, "a request or a response is larger than the client takes at once"
    reason = _err(cause) or details
    for size, text in (
        ("element", "a record is larger than an element of a list may be"),
        ("item", "the session is as large as Momento lets an item be; start a new one"),
        ("request_size", "a request is larger than Momento takes"),
        ("request limit", "a request is larger than Momento takes"),
    ):
        if size in reason and "operations" not in reason:
            return MomentoLimitError, text
    return MomentoThrottledError, "Momento is throttling this account; try again later"


def _err(cause: SdkException) -> str:
    details = cause.transport_details
    metadata = details.grpc.metadata if details is not None else None
    return str(metadata.get("err") or "") if metadata is not None else ""
