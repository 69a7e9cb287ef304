"""The front end as text: small, and with no way of its own to run or load what it is given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import chatmem_nb
from chatmem_nb.content import role_title
from chatmem_nb.widgets.entries import ROLES

WIDGETS = Path(chatmem_nb.__file__).parent / "widgets"
BUILT = (WIDGETS / "static" / "browser.js").read_text()
SOURCES = "\n".join(path.read_text() for path in sorted((WIDGETS / "frontend").glob("*.js")))
STYLE = (WIDGETS / "frontend" / "browser.css").read_text()


def test_the_built_file_is_at_most_60_kb() -> None:
    assert len(BUILT.encode()) <= 60_000


@pytest.mark.parametrize(
    "call",
    [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "import(",
    ],
)
def test_text_never_becomes_markup_or_code(call: str) -> None:
    # `#fetch(` is a method of our own; JSDoc imports types by `import(`.
    code = re.sub(r"/\*\*.*?\*/", "", SOURCES, flags=re.DOTALL)
    assert not re.search(r"(?<!#)\b" + re.escape(call), code)
    assert not re.search(r"(?<!#)\b" + re.escape(call), BUILT)


def test_the_page_names_roles_as_comparisons_and_files_do() -> None:
    [table] = re.findall(r"export const ROLES = \{(.*?)\};", SOURCES, re.DOTALL)
    titles = dict(re.findall(r'(\w+): "(\w+)"', table))
    assert titles == {role: role_title(role) for role in ROLES}


def test_nothing_is_loaded_from_anywhere() -> None:
    for text in (BUILT, (WIDGETS / "static" / "browser.css").read_text()):
        addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text))
        assert addresses <= {"http://www.w3.org"}


def test_every_icon_that_is_named_is_drawn() -> None:
    named = set(re.findall(r'\b(?:icon|iconButton|notice)\(\s*"([a-z]+)"', SOURCES))
    assert len(named) > 20
    drawn = set(re.findall(r"\.i-([a-z]+) \{\s*--i:", STYLE))
    assert named | {"human", "ai", "system", "tool", "other"} <= drawn
