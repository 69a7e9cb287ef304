"""Our errors for Upstash: each is also the SDK's `UpstashError`, and has the SDK's error as its cause."""

from __future__ import annotations

from upstash_redis.errors import UpstashError

from ... import errors
from .deadline import Again

CLOSED = "this store was closed: make a new one"


class UpstashStoreError(errors.StoreError, UpstashError):
    """Upstash, or the way to it, failed."""

    again: Again = Again.NEVER
    never_arrived: bool = False
    """Whether the request is known to have changed nothing."""


class UpstashAuthError(errors.StoreAuthError, UpstashStoreError):
    """Upstash refused the token, or it may not do this."""


class UpstashEvalRefusedError(UpstashAuthError):
    """No script may run here; the store goes on without."""


class UpstashNotFoundError(errors.StoreNotFoundError, UpstashStoreError):
    """There is no database at this url."""


class UpstashLimitError(errors.StoreLimitError, UpstashStoreError):
    """A limit of the database or of its plan is reached."""


class UpstashTooLargeError(UpstashLimitError):
    """A request, or its answer, is larger than this database takes."""


class UpstashThrottledError(errors.StoreThrottledError, UpstashLimitError):
    """Too many requests at the moment."""

    again = Again.ALWAYS
    never_arrived = True


class UpstashUnavailableError(errors.StoreUnavailableError, UpstashStoreError):
    """Upstash could not be reached, or failed."""

    again = Again.ALWAYS


class UpstashTimeoutError(errors.StoreTimeoutError, UpstashUnavailableError):
    """Upstash did not answer in time."""


class UpstashResponseError(errors.StoreResponseError, UpstashStoreError):
    """What came is no answer of Upstash."""

    again = Again.ALWAYS


class UpstashWrongTypeError(errors.WrongTypeError, UpstashStoreError):
    """The key holds something that is no session."""


class UpstashClosedError(errors.StoreClosedError, UpstashStoreError):
    """The store was closed before."""
