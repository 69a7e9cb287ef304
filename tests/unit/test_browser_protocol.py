"""The messages between page and kernel: one definition, and everyone keeps to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import chatmem_nb
from chatmem_nb.widgets.dispatch import Methods
from chatmem_nb.widgets.permissions import NEEDS
from chatmem_nb.widgets.protocol import METHODS
from chatmem_nb.widgets.request_errors import RequestError
from chatmem_nb.widgets.request_parsing import parse_params

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))  # modules beside those tests

from protocol_types import TARGET, declarations
from stand_in import StandIn, check_message, check_request

HELLO = {"rid": 1, "view": "v", "method": "hello", "params": {}}


def test_the_types_of_the_front_end_are_those_of_the_protocol() -> None:
    assert TARGET.read_text() == declarations(), "run `python tests/browser/protocol_types.py`"


def test_kernel_permissions_and_stand_in_know_the_same_methods() -> None:
    kernel = Methods(lambda event: None, lambda: False, lambda: None, bound=False)
    assert set(kernel.names) == set(NEEDS) == set(METHODS) - {"cancel"}
    stand_in = {name.removeprefix("on_") for name in vars(StandIn) if name.startswith("on_")}
    assert stand_in == set(METHODS)


def test_the_page_asks_only_for_methods_of_the_protocol() -> None:
    sources = Path(chatmem_nb.__file__).parent / "widgets" / "frontend"
    text = "\n".join(path.read_text() for path in sources.glob("*.js"))
    assert all(f'"{name}"' in text for name in METHODS)  # what is never asked for is no method


AT = {"session_id": "a", "epoch": 1}
INVALID: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("open", {}, "invalid", "session_id", "`session_id` is missing."),
    ("open", {"session_id": None}, "invalid", "session_id", "`session_id` is missing."),
    ("open", {"session_id": 3}, "invalid", "session_id", "`session_id` must be text."),
    ("open", {"session_id": ""}, "invalid", "session_id", "session_id"),
    ("open", {"session_id": "a", "create": 1}, "invalid", "create", "must be true or false"),
    ("select", {"session_ids": "a"}, "invalid", "session_ids", "must be a list"),
    ("select", {"session_ids": ["a", 1]}, "invalid", "session_ids", "must be text"),
    ("window", AT | {"start": True, "stop": 2}, "invalid", "start", "must be a whole number"),
    ("window", AT | {"start": 1.5, "stop": 2}, "invalid", "start", "must be a whole number"),
    ("window", AT | {"start": -1, "stop": 2}, "invalid", "start", "must be 0 or more"),
    ("window", AT | {"start": 1, "stop": 1e300}, "invalid", "stop", "must be 9,007,199,254,740,992 or less"),
    ("sessions", {"sort": "size"}, "invalid", "sort", "must be one of 'found', 'id', "),
    ("find", {"text": "x" * 10_001}, "too_large", "text", "longer than 10,000 characters"),
    ("copy", AT | {"indexes": [0] * 1_001, "identities": []}, "too_large", "indexes", "more than 1,000"),
    ("no such", {}, "invalid", "", "There is no method 'no such'."),
]


@pytest.mark.parametrize(("method", "params", "kind", "field", "message"), INVALID)
def test_an_invalid_parameter_is_named(
    method: str, params: dict[str, Any], kind: str, field: str, message: str
) -> None:
    with pytest.raises(RequestError) as refused:
        parse_params(method, params)
    assert (refused.value.type, refused.value.field or "") == (kind, field)
    assert message in refused.value.message


def test_a_number_of_javascript_is_whole_if_its_value_is() -> None:
    parsed: Any = parse_params("window", AT | {"start": 3.0, "stop": 4})
    assert (parsed.start, type(parsed.start)) == (3, int)


def test_a_secret_is_in_no_repr_and_in_no_error() -> None:
    parsed = parse_params("connect", {"service": "upstash", "token": "secret", "api_key": "secret"})
    assert "secret" not in repr(parsed)
    with pytest.raises(RequestError) as refused:
        parse_params("connect", {"service": "upstash", "token": ["secret"]})
    assert "secret" not in refused.value.message
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


def test_a_request_that_the_protocol_does_not_know_fails_in_the_stand_in() -> None:
    kernel = StandIn()
    for wrong in (
        HELLO | {"params": {"extra": 1}},
        HELLO | {"params": {}, "more": 1},
        HELLO | {"method": "open", "params": {"session_id": 1}},
    ):
        with pytest.raises((AssertionError, ValidationError)):
            kernel(wrong)
    assert len(kernel.violations) == 3
    check_request(HELLO)


def test_a_reply_that_the_protocol_does_not_know_fails_in_the_stand_in() -> None:
    kernel = StandIn()
    [reply] = kernel(HELLO)
    reply["result"]["surprise"] = 1
    with pytest.raises(ValidationError, match="surprise"):
        check_message("hello", reply)
    del reply["result"]["surprise"], reply["result"]["target"]
    with pytest.raises(ValidationError, match="target"):
        check_message("hello", reply)
    with pytest.raises(ValidationError):
        check_message("", {"event": "changed", "what": "sessions", "session": None})
