"""The front-end file, as text: small, and with no way of its own to run or fetch what it is given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import chatmem_nb

STATIC = Path(chatmem_nb.__file__).parent / "widgets" / "static"


def test_the_file_is_at_most_60_kb() -> None:
    assert (STATIC / "browser.js").stat().st_size <= 60_000


@pytest.mark.parametrize(
    "way",
    [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        'fetch("',
        "import(",
    ],
)
def test_text_becomes_no_markup_and_no_code(way: str) -> None:
    assert way not in (STATIC / "browser.js").read_text()


def test_nothing_is_loaded_from_anywhere() -> None:
    for name in ("browser.js", "browser.css"):
        text = (STATIC / name).read_text()
        addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text))
        assert addresses <= {"http://www.w3.org"}, name


def test_every_icon_that_is_named_is_drawn() -> None:
    script, style = ((STATIC / name).read_text() for name in ("browser.js", "browser.css"))
    named = set(re.findall(r'\b(?:icon|tool|state)\("([a-z]+)"', script)) | {
        "human",
        "ai",
        "system",
        "tool",
        "other",
    }
    assert named <= set(re.findall(r"\.i-([a-z]+) \{ --i:", style))
