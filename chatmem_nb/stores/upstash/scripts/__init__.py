"""The Lua scripts that this package sends. Each runs as one command, atomically.

The `.lua` files beside this module are written to be read; comments are removed before they are sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Literal


@dataclass(frozen=True, slots=True)
class Script:
    """One script, in the two forms in which servers take it."""

    command: Literal["EVAL", "EVAL_RO"]
    """How it is run if the server knows the flags: EVAL_RO for a script that only reads."""
    plain: str
    """Without flags: a lock on the whole database for as long as it runs, and no EVAL_RO."""
    flagged: str
    """With Upstash's flags: a lock on the keys in KEYS alone, which are all that it touches."""


def _source(name: str) -> str:
    lines = files(__name__).joinpath(f"{name}.lua").read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if line and not line.lstrip().startswith("--"))


def _change(name: str) -> Script:
    source = _source("once") + _source(name)
    return Script("EVAL", source, f"#!lua flags=allow-key-locking\n{source}")


def _read(name: str) -> Script:
    source = _source(name)
    return Script("EVAL_RO", source, f"#!lua flags=no-writes,allow-key-locking\n{source}")


APPEND = _change("append")
PLACE = _change("place")
DELETE = _change("delete")
REMOVE = _change("remove")
SUMMARIES = _read("summaries")
PREVIEWS = _read("previews")

SCRIPTS: tuple[str, ...] = tuple(
    text
    for script in (APPEND, PLACE, DELETE, REMOVE, SUMMARIES, PREVIEWS)
    for text in (script.flagged, script.plain)
)
"""Every script text that this package sends, for servers that allow no others."""
