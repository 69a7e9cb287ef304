"""What the page asks, checked: nothing that comes over the comm is trusted to have the right shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import InvalidInputError
from ..stores.protocol import checked_session_id
from .request_errors import Refusal

LARGEST_INDEX: Final = 2**53
"""The largest whole number that JavaScript keeps exactly."""
LARGEST_TEXT: Final = 20_000_000
"""Characters of one text from the page at most."""

Progress = Callable[[int, int | None, str, Mapping[str, Any] | None], None]


class Params:
    """The parameters of one request; each reader checks one and names it in what it raises (Refusal)."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __repr__(self) -> str:
        return "Params(...)"  # they may hold a token

    def text(self, name: str, default: str | None = None, *, limit: int = LARGEST_TEXT) -> str:
        """Return the text `name`; a missing one is `default`, or refused where that is None."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise _wrong(name, "text")
        if len(value) > limit:
            raise Refusal("too_large", f"`{name}` is longer than {limit:,} characters.", field=name)
        return value

    def session_id(self, name: str = "session_id") -> str:
        """Return the session id `name`."""
        try:
            return checked_session_id(self.text(name, limit=100_000))
        except InvalidInputError as exc:
            raise Refusal("invalid", str(exc), field=name) from None

    def session_ids(self, name: str = "session_ids", *, limit: int = 100_000) -> list[str]:
        """Return the session ids `name`, each once, in their order."""
        values = self._sequence(name, limit)
        return list(dict.fromkeys(Params({name: value}).session_id(name) for value in values))

    def integer(
        self, name: str, default: int | None = None, *, low: int = 0, high: int = LARGEST_INDEX
    ) -> int:
        """Return the whole number `name`, from `low` to `high`."""
        value = self._value(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(name, "a whole number")
        if not low <= value <= high:
            raise Refusal("invalid", f"`{name}` must be from {low:,} to {high:,}.", field=name)
        return value

    def integers(self, name: str, *, limit: int) -> list[int]:
        """Return the whole numbers `name`, none below 0."""
        return [Params({name: value}).integer(name) for value in self._sequence(name, limit)]

    def texts(self, name: str, *, limit: int) -> list[str]:
        """Return the texts `name`."""
        return [Params({name: value}).text(name) for value in self._sequence(name, limit)]

    def flag(self, name: str, default: bool = False) -> bool:
        """Return whether `name` is true."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise _wrong(name, "true or false")
        return value

    def choice(self, name: str, options: Sequence[str], default: str | None = None) -> str:
        """Return the text `name`, one of `options`."""
        value = self._value(name, default)
        if not isinstance(value, str) or value not in options:
            raise _wrong(name, "one of " + ", ".join(repr(option) for option in options))
        return value

    def _value(self, name: str, default: object) -> Any:
        value = self._values.get(name)
        if value is None:
            value = default
        if value is None:
            raise Refusal("invalid", f"`{name}` is missing.", field=name)
        return value

    def _sequence(self, name: str, limit: int) -> list[Any]:
        value = self._value(name, None)
        if not isinstance(value, list):
            raise _wrong(name, "a list")
        if len(value) > limit:
            raise Refusal("too_large", f"`{name}` has more than {limit:,} entries.", field=name)
        return value


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one view of the page."""

    rid: int
    view: str
    method: str
    params: Params


@dataclass(frozen=True, slots=True)
class Call:
    """What a method may know of the request that it answers: how to tell of progress, and whose it is."""

    progress: Progress
    view: str = ""
    attach: Callable[[bytes], None] = lambda data: None
    """Sends `data` along with the answer, as a buffer of its own."""


def python_call() -> Call:
    """Return the call that a method of the Python side makes: nobody watches its progress."""
    return Call(progress=lambda done, total, note, partial: None)


def address_of(content: object) -> tuple[int, str] | None:
    """Return (rid, view) of a message of the page, or None where it is no request that one could answer."""
    if not isinstance(content, dict):
        return None
    rid, view = content.get("rid"), content.get("view")
    if not isinstance(rid, int) or isinstance(rid, bool) or abs(rid) > LARGEST_INDEX:
        return None
    return (rid, view) if isinstance(view, str) and len(view) <= 200 else None


def read_request(content: Mapping[str, Any]) -> Request:
    """Return the request that `content`, which has an address, makes.

    Raises: Refusal.
    """
    method, params = content.get("method"), content.get("params", {})
    if not isinstance(method, str):
        raise _wrong("method", "text")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise _wrong("params", "an object")
    return Request(content["rid"], content["view"], method, Params(params))


def _wrong(name: str, expected: str) -> Refusal:
    return Refusal("invalid", f"`{name}` must be {expected}.", field=name)
