"""The errors of the Upstash store: each is also the SDK's `UpstashError`, and has the SDK's as its cause."""

from __future__ import annotations

from upstash_redis.errors import UpstashError

from ... import errors


class UpstashStoreError(errors.StoreError, UpstashError):
    """Upstash, or the connection to it, failed."""


class UpstashAuthError(errors.StoreAuthError, UpstashStoreError):
    """Upstash refused the token, or it may not do this."""


class UpstashScriptsRefusedError(UpstashAuthError):
    """This token may not run scripts, or this server has none."""


class UpstashFlagsRefusedError(UpstashStoreError):
    """This server does not know EVAL_RO or the flags of a script. Nothing was run."""


class UpstashNotFoundError(errors.StoreNotFoundError, UpstashStoreError):
    """There is no database at this url."""


class UpstashLimitError(errors.StoreLimitError, UpstashStoreError):
    """A limit of the database or of its plan is reached."""


class UpstashThrottledError(errors.StoreThrottledError, UpstashLimitError):
    """Requests are throttled."""


class UpstashUnavailableError(errors.StoreUnavailableError, UpstashStoreError):
    """Upstash could not be reached, or failed."""


class UpstashTimeoutError(errors.StoreTimeoutError, UpstashUnavailableError):
    """Upstash did not respond in time."""


class UpstashResponseError(errors.StoreResponseError, UpstashStoreError):
    """The response is invalid."""


class UpstashConflictError(errors.StoreConflictError, UpstashStoreError):
    """Another client changed the session meanwhile; nothing was done."""


class UpstashWrongTypeError(errors.WrongTypeError, UpstashStoreError):
    """The key holds a value of another type."""


class UpstashClosedError(errors.StoreClosedError, UpstashStoreError):
    """The store was closed before."""


def is_of_one_command(error: errors.StoreError) -> bool:
    """Whether the service responded, and refused a command; others of its pipeline may have been run."""
    if isinstance(error, UpstashFlagsRefusedError | UpstashWrongTypeError):
        return True
    is_refusal = type(error) is UpstashStoreError or type(error) is UpstashLimitError
    return is_refusal and not error.retryable and not error.maybe_applied


def closed() -> UpstashClosedError:
    """Return the error for a store that was closed."""
    return UpstashClosedError("this store is closed; open a new one")


def timed_out(host: str, timeout_s: float) -> UpstashTimeoutError:
    """Return the error for a call whose deadline has passed."""
    error = UpstashTimeoutError(
        f"Upstash at {host} did not respond within {timeout_s:g} s. Is the URL right, and the network up? "
        "On a slow one, raise timeout_s."
    )
    error.own_text = str(error)
    return error
