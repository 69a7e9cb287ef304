"""The errors that Upstash and Redis respond with: what each means, and what to do about it.

This is the one place that reads what the service says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

from .errors import (
    UpstashAuthError,
    UpstashFlagsRefusedError,
    UpstashLimitError,
    UpstashScriptsRefusedError,
    UpstashStoreError,
    UpstashThrottledError,
    UpstashUnavailableError,
    UpstashWrongTypeError,
)

Kind = TypeVar("Kind", bound=UpstashStoreError)

A_FEW_ATTEMPTS = 3
"""Where a wrong url or a lasting fault looks like a failure that passes."""


def made(
    kind: type[Kind],
    text: str,
    *,
    maybe_applied: bool = False,
    retryable: bool = False,
    max_attempts: int | None = None,
) -> Kind:
    """Return an error of this kind, by default one of a request that was refused for good."""
    error = kind(text)
    error.maybe_applied, error.retryable, error.max_attempts = maybe_applied, retryable, max_attempts
    return error


@dataclass(frozen=True, slots=True)
class _ServiceError:
    """How one kind of error begins that Upstash or Redis sends, and what to do about it. Each says that
    nothing was done."""

    pattern: str
    kind: type[UpstashStoreError]
    advice: str
    retryable: bool = False
    max_attempts: int | None = None
    response_too_large: bool = False


# The first that matches. The codes are those of Redis 7 (src/server.c); the limits are worded as by Upstash.
_SERVICE_ERRORS = (
    _ServiceError(
        r"^WRONGTYPE",
        UpstashWrongTypeError,
        "the key holds a value of another type, not a session; choose another session_id or key_prefix",
    ),
    _ServiceError(
        r"^(WRONGPASS|NOAUTH)|^Unauthorized",
        UpstashAuthError,
        "Upstash refused the token. Copy it whole, from the same database as the URL.",
    ),
    _ServiceError(
        # Redis 7, Redis 6, the embedded engine of LocalUpstash; then servers older than EVAL_RO
        r"(?i)flag in script shebang|error compiling script"
        r"|(unknown command|not (available|supported|allowed)).*\beval_ro\b",
        UpstashFlagsRefusedError,
        "this server knows neither the flags of a script nor EVAL_RO; use one that runs Lua scripts as "
        "Redis 6 or later does",
    ),
    _ServiceError(
        r"(?i)(noperm|unknown command|not (available|supported|allowed)|disabled|unsupported).*\beval(_ro)?\b"
        r"|\beval\b.*(not (available|supported|allowed)|disabled|unsupported)",
        UpstashScriptsRefusedError,
        "this token may not run scripts (EVAL), which every write requires; use the standard token, "
        "not the read-only one",
    ),
    _ServiceError(
        r"(?i)^NOPERM.*\bscan\b",
        UpstashAuthError,
        "this token may not list sessions (SCAN); use the standard token, or name the sessions to read",
    ),
    _ServiceError(
        r"^NOPERM|can't run this command or subcommand",
        UpstashAuthError,
        "this token may not do that; use the standard token, not the read-only one",
    ),
    _ServiceError(
        r"max concurrent|max (commands|requests) per second",
        UpstashThrottledError,
        "rate limit exceeded; send fewer requests at the same time",
        retryable=True,
    ),
    _ServiceError(
        r"(?i)max request size",
        UpstashLimitError,
        "the request or its response is larger than this database takes; lower max_request_bytes",
        response_too_large=True,
    ),
    _ServiceError(
        r"^OOM",
        UpstashLimitError,
        "the memory limit of the database is reached; delete sessions, set a ttl, or choose a larger plan",
    ),
    _ServiceError(
        r"(?i)max .*exceeded|quota exceeded|limit exceeded",
        UpstashLimitError,
        "a limit of this database is reached; see its usage in the console, or choose a larger plan",
    ),
    _ServiceError(
        r"^READONLY",
        UpstashUnavailableError,
        "this server is a read-only replica; use the url of the primary, or wait for the failover to end",
        retryable=True,
        max_attempts=A_FEW_ATTEMPTS,
    ),
    _ServiceError(
        r"^MISCONF",
        UpstashUnavailableError,
        "the server accepts no writes because it cannot save to disk; free disk space, and see its log",
        retryable=True,
        max_attempts=A_FEW_ATTEMPTS,
    ),
    _ServiceError(
        r"^NOREPLICAS",
        UpstashUnavailableError,
        "the server accepts no writes because too few replicas are connected; check them, or try again later",
        retryable=True,
    ),
    _ServiceError(
        r"^(LOADING|BUSY|TRYAGAIN|MASTERDOWN|CLUSTERDOWN)\b",
        UpstashUnavailableError,
        "the server cannot respond at the moment; try again later",
        retryable=True,
    ),
    _ServiceError(
        r"^(MOVED|ASK|CROSSSLOT)\b",
        UpstashUnavailableError,
        "the server is a Redis Cluster, which keeps keys on several nodes; use a database that is not "
        "sharded",
    ),
)


def service_error(text: str) -> UpstashStoreError | None:
    """Return the error for the error text `text`, or None if it is unknown."""
    for known in _SERVICE_ERRORS:
        if re.search(known.pattern, text):
            said = f"{known.advice} (the server says: {text})"
            error = made(known.kind, said, retryable=known.retryable, max_attempts=known.max_attempts)
            error.own_text = known.advice
            if isinstance(error, UpstashLimitError):
                error.response_too_large = known.response_too_large
            return error
    return None


def shortened(text: str) -> str:
    """Return `text` without the script's line, and without the command, which would quote the chat."""
    text = re.sub(r"^ERR Error running script.*?@user_script: ?[\d?]+: ", "", text)
    text = re.sub(r",? script: [0-9a-f]{40}, on @user_script:\d+\.$", "", text)
    return re.split(r",? (?:command was|with args beginning with):", text, maxsplit=1)[0][:300]
