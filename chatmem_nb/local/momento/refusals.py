"""What the service says instead of an answer."""

from __future__ import annotations

import grpc


class Refusal(Exception):
    """One call is refused: a gRPC status, a sentence, and the `err` trailer that tells limits apart."""

    def __init__(self, code: grpc.StatusCode, details: str, *, err: str | None = None) -> None:
        super().__init__(details)
        self.code, self.details, self.err = code, details, err


def invalid(details: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, details)


def not_met(details: str) -> Refusal:
    """The item is there, but is not what this call works on."""
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, details)


def no_such_cache(name: str) -> Refusal:
    return Refusal(grpc.StatusCode.NOT_FOUND, f"Cache {name!r} does not exist; create it first.")


def unavailable(details: str) -> Refusal:
    return Refusal(grpc.StatusCode.UNAVAILABLE, details)


def too_many_requests() -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Too many operations per second.",
        err="operations_rate_limit_exceeded",
    )


def unimplemented(method: str) -> Refusal:
    return Refusal(
        grpc.StatusCode.UNIMPLEMENTED,
        f"LocalMomento does not have {method}: it has caches, scalars and the collections of the Python SDK.",
    )
