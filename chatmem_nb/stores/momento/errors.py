"""The one seam between `momento`'s errors and ours: each of ours is an instance of both.

    momento.errors.SdkException -> StoreError and its kinds, with the SDK's error as `__cause__`.

No text here holds a key: none is at hand, and the texts of a refused key are our own.
"""

from __future__ import annotations

from momento.errors import MomentoErrorCode, SdkException, UnknownServiceException

from ...errors import (
    StoreAuthError,
    StoreClosedError,
    StoreError,
    StoreLimitError,
    StoreNotFoundError,
    StoreResponseError,
    StoreThrottledError,
    StoreTimeoutError,
    StoreUnavailableError,
    WrongTypeError,
)


class MomentoError(SdkException, StoreError):
    """Any failure of Momento, or of the way to it; also an instance of the SDK's own base error.

    `records_stored`: how many records of a change that failed are stored for certain; None where that
    is not known, or no records were to be stored.
    """

    records_stored: int | None = None

    def __init__(self, text: str) -> None:
        # Without a service: the SDK's name for it is private, and `_with_cause` copies it.
        super().__init__(text, MomentoErrorCode.UNKNOWN_ERROR, None)  # type: ignore[arg-type]

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


class MomentoMessageTooLargeError(MomentoLimitError):
    """An answer or a request is larger than the client takes at once."""


class MomentoThrottledError(MomentoError, StoreThrottledError):
    """Too many requests at the moment; later it works."""


class MomentoUnavailableError(MomentoError, StoreUnavailableError):
    """The service could not be reached, or failed."""


class MomentoTimeoutError(MomentoError, StoreTimeoutError):
    """The service did not answer in time."""


class MomentoResponseError(MomentoError, StoreResponseError):
    """An answer came that is none."""


class MomentoWrongTypeError(MomentoError, WrongTypeError):
    """The key holds something that is no list."""


class MomentoClosedError(MomentoError, StoreClosedError):
    """The store, or the client that it was given, was closed before."""


_Code = MomentoErrorCode
_KINDS: dict[MomentoErrorCode, tuple[type[MomentoError], str]] = {
    _Code.AUTHENTICATION_ERROR: (
        MomentoAuthError,
        "Momento refused the API key; check that it is whole, not expired, and made for this region",
    ),
    _Code.PERMISSION_ERROR: (
        MomentoAuthError,
        "the Momento API key may not do this; make one with read and write access to the cache",
    ),
    _Code.NOT_FOUND_ERROR: (MomentoNotFoundError, "the Momento cache does not exist"),
    _Code.FAILED_PRECONDITION_ERROR: (MomentoWrongTypeError, "the key holds something that is no session"),
    _Code.TIMEOUT_ERROR: (MomentoTimeoutError, "Momento did not answer in time"),
    _Code.SERVER_UNAVAILABLE: (MomentoUnavailableError, "Momento could not be reached"),
    _Code.CONNECTION_ERROR: (MomentoUnavailableError, "Momento could not be reached"),
    _Code.INTERNAL_SERVER_ERROR: (MomentoUnavailableError, "Momento failed to answer"),
    _Code.UNKNOWN_ERROR: (MomentoUnavailableError, "Momento failed to answer"),
    _Code.CANCELLED_ERROR: (MomentoUnavailableError, "the request to Momento was cancelled"),
    _Code.UNKNOWN_SERVICE_ERROR: (MomentoResponseError, "Momento's answer could not be understood"),
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
# gRPC's words for an answer that ended in the middle, or that something in between gave.
_NO_ANSWER = ("rst_stream", "deserializing", "http2 header with status", "content-type")


# gRPC's words where a request has not even left.
_UNREACHABLE = ("failed to connect", "errors resolving", "resolution failed")


def is_unreachable(error: MomentoError) -> bool:
    """Whether `error` came because no connection could be made."""
    return any(words in error.message for words in _UNREACHABLE)


def store_error(cause: SdkException) -> MomentoError:
    """Return our error for an error of the SDK, which it keeps as `__cause__`."""
    kind, text = _kind(cause)
    error = kind(text)
    error.error_code, error.service = cause.error_code, cause.service
    error.transport_details, error.message_wrapper = cause.transport_details, cause.message_wrapper
    error.__cause__ = cause
    return error


def _kind(cause: SdkException) -> tuple[type[MomentoError], str]:
    details = str(cause.message or "")
    if cause.error_code is _Code.LIMIT_EXCEEDED_ERROR:
        return _limit(cause, details.lower())
    if any(words in details.lower() for words in _NO_ANSWER):
        return MomentoResponseError, f"an answer came that is not Momento's: {details:.200}"
    if details == "Invalid metadata":  # gRPC, where a header cannot be sent
        return MomentoAuthError, "the key or the cache name holds a character that cannot be sent"
    if isinstance(cause, UnknownServiceException):  # gRPC's UNKNOWN: the service failed within
        return MomentoUnavailableError, "Momento failed to answer"
    kind, text = _KINDS.get(cause.error_code, (MomentoError, "Momento failed"))
    if cause.error_code in _QUOTED and details:
        text = f"{text}: {details:.200}"
    return kind, text


def _limit(cause: SdkException, details: str) -> tuple[type[MomentoError], str]:
    """Tell the limits apart as the SDK does: by the `err` of the answer, else by the words."""
    if "larger than max" in details:  # gRPC's words, for what the client refuses itself
        return MomentoMessageTooLargeError, "a request or an answer is larger than the client takes at once"
    reason = _err(cause) or details
    for size, what in (
        ("element", "a record is larger than an element of a list may be"),
        ("item", "the session is as large as Momento lets an item be; start a new one"),
        ("request_size", "a request is larger than Momento takes"),
        ("request limit", "a request is larger than Momento takes"),
    ):
        if size in reason and "operations" not in reason:
            return MomentoLimitError, what
    return MomentoThrottledError, "Momento has too many requests of this account at the moment"


def _err(cause: SdkException) -> str:
    details = cause.transport_details
    metadata = details.grpc.metadata if details is not None else None
    return str(metadata.get("err") or "") if metadata is not None else ""
