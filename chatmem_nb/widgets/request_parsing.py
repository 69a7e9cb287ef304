"""Requests of the page, parsed: nothing that comes over the comm is trusted to have the right shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from ..errors import InvalidInputError
from ..stores.arguments import checked_session_id
from .protocol import METHODS
from .protocol.base import LARGEST_INDEX, Params
from .request_errors import RequestError

Progress = Callable[[int, int | None, str, Mapping[str, Any] | None], None]

_EXPECTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "string_pattern_mismatch": '"*", "star", "note" or "tag:" and a tag',  # of LabelFilter
}


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What a method needs besides its parameters: which view asks, and how to send to it."""

    progress: Progress
    view: str = ""
    attach: Callable[[bytes], None] = lambda data: None
    """Attach `data` to the reply as a buffer."""


def python_context() -> RequestContext:
    """Return the context of a request that Python makes, whose progress is not reported."""
    return RequestContext(progress=lambda done, total, note, partial: None)


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one view of the page."""

    rid: int
    view: str
    method: str
    params: Mapping[str, Any]


def address_of(content: object) -> tuple[int, str] | None:
    """Return (rid, view) of a message of the page; None if it is not a request that could be answered."""
    if not isinstance(content, dict):
        return None
    rid, view = content.get("rid"), content.get("view")
    if not isinstance(rid, int) or isinstance(rid, bool) or abs(rid) > LARGEST_INDEX:
        return None
    return (rid, view) if isinstance(view, str) and len(view) <= 200 else None


def parse_request(content: Mapping[str, Any]) -> Request:
    """Return the request in `content`, which has an address; its parameters are not parsed yet.

    Raises: RequestError.
    """
    method, params = content.get("method"), content.get("params")
    if not isinstance(method, str):
        raise RequestError("invalid", "`method` must be text.", field="method")
    if params is not None and not isinstance(params, dict):
        raise RequestError("invalid", "`params` must be an object.", field="params")
    return Request(content["rid"], content["view"], method, params or {})


def parse_params(method: str, values: Mapping[str, Any]) -> Params:
    """Return the parameters of a request. Raises: RequestError that names the first invalid one."""
    if method not in METHODS:
        raise RequestError("invalid", f"There is no method {method[:40]!r}.")
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return METHODS[method].params.model_validate(given)
    except ValidationError as exc:
        # Without the input, which may be a token.
        [first, *_] = exc.errors(include_url=False, include_input=False)
    raise _error_of(first["type"], str(first["loc"][0]), first.get("ctx", {}))


def session_id_of(value: str) -> str:
    """Return the session id `value`, which a request may leave out, checked. Raises: RequestError."""
    try:
        return checked_session_id(value)
    except InvalidInputError as exc:
        raise RequestError("invalid", str(exc), field="session_id") from None


def moment_of(text: str, field: str) -> datetime:
    """Return the date or time in `text`; one without a zone is UTC. Raises: RequestError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RequestError(
            "invalid", "Give a date as 2026-01-31, or with a time as 2026-01-31T12:00.", field=field
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _error_of(kind: str, name: str, context: Mapping[str, Any]) -> RequestError:
    if kind == "missing":
        return RequestError("invalid", f"`{name}` is missing.", field=name)
    if kind == "value_error":  # of one of our own validators
        return RequestError("invalid", str(context["error"]), field=name)
    if kind == "string_too_long":
        message = f"`{name}` is longer than {context['max_length']:,} characters."
        return RequestError("too_large", message, field=name)
    if kind == "too_long":
        return RequestError(
            "too_large", f"`{name}` has more than {context['max_length']:,} entries.", field=name
        )
    expected = _EXPECTED.get(kind) or _range_of(kind, context) or "valid"
    return RequestError("invalid", f"`{name}` must be {expected}.", field=name)


def _range_of(kind: str, context: Mapping[str, Any]) -> str | None:
    if kind == "literal_error":
        return f"one of {context['expected']}"
    if kind == "greater_than_equal":
        return f"{context['ge']:,} or more"
    if kind == "less_than_equal":
        return f"{context['le']:,} or less"
    return None
