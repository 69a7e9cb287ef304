"""Text that the page shows as it is, and the filter of the session list."""

from __future__ import annotations

from typing import Any

import pytest

from chatmem_nb.widgets.connect_fields import input_of
from chatmem_nb.widgets.figures import facts
from chatmem_nb.widgets.sessions import cost, matcher

FIGURES: dict[str, Any] = {
    "turns": 1200,
    "tokens": {"input": 12345, "output": None, "total": 12345},
    "tools": [{"name": "search", "calls": 12}, {"name": "book", "calls": 1}],
    "bad": 0,
    "first_time": "2026-03-01T10:20:30+00:00",
    "last_time": "2026-03-09T10:20:30+00:00",
}


def test_figures_are_said_in_words() -> None:
    assert facts(FIGURES) == {
        "Turns": "1,200",
        "Tokens": "12,345 in, 0 out",
        "Tools": "search ×12, book ×1",
    }


def test_what_is_not_known_is_left_out() -> None:
    bare = FIGURES | {"tokens": None, "tools": [], "bad": 3, "first_time": None, "last_time": None}
    assert facts(bare) == {"Turns": "1,200", "Unreadable": "3"}


def test_the_cost_line_counts_requests_and_bytes() -> None:
    spent = {"requests": 1300, "billed": 1400, "bytes_received": 4_321}
    assert cost(1, 12, spent) == "Listing: 1 request, 12 billed. In all 1,300, 4.3 kB"
    assert cost(2, 12, spent | {"bytes_received": 5_000_000}).endswith("In all 1,300, 5.0 MB")


def test_secrets_are_marked_as_such() -> None:
    assert [
        name for name in ("url", "token", "api_key", "endpoint", "cache_name") if input_of(name)["secret"]
    ] == [
        "token",
        "api_key",
    ]


@pytest.mark.parametrize(
    ("query", "session_id", "fits"),
    [
        ("TRIP", "my-trip", True),
        ("t*p", "Trip", True),
        ("t*p", "a-trip", False),
        ("tr?p", "trip", True),
        ("user[1]*", "user[1]:a", True),
        ("user[1]*", "user1:a", False),
        (r"c:\*", r"C:\chat", True),
        (r"\*", "*", False),
        ("*" * 40 + "!", "a" * 5_000, False),
    ],
)
def test_sessions_are_filtered_by_text_or_wildcards(query: str, session_id: str, fits: bool) -> None:
    assert matcher(query)(session_id) is fits
