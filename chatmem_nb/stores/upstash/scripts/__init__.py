"""The Lua scripts that this package sends, as they are sent. Each runs as one command, all of it or nothing.

The `.lua` files beside this module are written to be read; comments are left out of what is sent.
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

    @property
    def flagged(self) -> str:
        """The script with Upstash's flags: a lock on the keys in KEYS alone, all that it touches."""
        flags = "allow-key-locking" if self.command == "EVAL" else "no-writes,allow-key-locking"
        return f"#!lua flags={flags}\n{self.plain}"


def _source(name: str) -> str:
    lines = files(__name__).joinpath(f"{name}.lua").read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if line and not line.lstrip().startswith("--"))


def _change(name: str) -> Script:
    return Script("EVAL", _source("once") + _source(name))


APPEND = _change("append")
PLACE = _change("place")
DELETE = _change("delete")
REMOVE = _change("remove")
SUMMARIES = Script("EVAL_RO", _source("summaries"))

SCRIPTS: tuple[str, ...] = tuple(
    text for script in (APPEND, PLACE, DELETE, REMOVE, SUMMARIES) for text in (script.flagged, script.plain)
)
"""Every text that this package sends as a script: what a server that runs nothing else must allow."""
