"""The service's errors: a gRPC status, a message, and a trailer that names the limit that was exceeded.

https://docs.momentohq.com/cache/develop/api-reference/response-objects lists them as the SDKs show them.
"""

from __future__ import annotations

import grpc


class MomentoError(Exception):
    """A call fails with `code`. The trailer `err` names the limit that was exceeded, if any."""

    def __init__(self, code: grpc.StatusCode, details: str, *, err: str | None = None) -> None:
        super().__init__(details)
        self.code, self.details, self.err = code, details, err


def invalid(details: str) -> MomentoError:
    return MomentoError(grpc.StatusCode.INVALID_ARGUMENT, details)


def wrong_type(details: str) -> MomentoError:
    return MomentoError(grpc.StatusCode.FAILED_PRECONDITION, details)


def no_such_cache(name: str) -> MomentoError:
    return MomentoError(grpc.StatusCode.NOT_FOUND, f"Cache {name!r} does not exist; create it first.")


def unauthenticated() -> MomentoError:
    return MomentoError(grpc.StatusCode.UNAUTHENTICATED, "The token is missing or is not this server's.")


def unavailable(details: str) -> MomentoError:
    return MomentoError(grpc.StatusCode.UNAVAILABLE, details)


def too_many_requests() -> MomentoError:
    return MomentoError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Too many operations per second.",
        err="operations_rate_limit_exceeded",
    )


def unimplemented(method: str) -> MomentoError:
    return MomentoError(
        grpc.StatusCode.UNIMPLEMENTED,
        f"LocalMomento does not have {method}: it has caches, scalars and the collections of the Python SDK.",
    )
