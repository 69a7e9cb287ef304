"""Which commands and scripts may run at all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from chatmem_nb.local.upstash.commands import ALLOWED
from chatmem_nb.local.upstash.replies import Command, Refusal
from chatmem_nb.stores.scripts import SCRIPTS

_OWN = frozenset(hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest() for script in SCRIPTS)
_FOREIGN = Refusal('ERR only the scripts of chatmem_nb run here: LocalUpstash(scripts="any") lets others run')


@dataclass(frozen=True, slots=True)
class Permits:
    """The rule for every command, the same for both engines."""

    scripts: Literal["own", "any"]
    """`own`: those that this package sends, known by their SHA-1."""
    lacks: frozenset[str] = frozenset()
    """Commands that the engine has not."""

    def refusal(self, command: Command) -> Refusal | None:
        """Return why `command` may not run, or None if it may."""
        name = command[0].decode("ascii", "replace").upper()
        if name not in ALLOWED or name in self.lacks:
            return Refusal(
                f"ERR Command is not available: '{name[:64]}'. "
                "See https://upstash.com/docs/redis/overall/rediscompatibility for details"
            )
        return None if self.scripts == "any" else _foreign_script(name, command)


def _foreign_script(name: str, command: Command) -> Refusal | None:
    subject = command[1] if len(command) > 1 else b""
    match name:
        case "EVAL" | "EVAL_RO" if _sha1(subject) not in _OWN:
            return _FOREIGN
        case "EVALSHA" | "EVALSHA_RO" if subject.decode("ascii", "replace").lower() not in _OWN:
            return Refusal("NOSCRIPT No matching script. Please use EVAL.")
        case "SCRIPT" if subject.upper() == b"LOAD" and _sha1(b"".join(command[2:3])) not in _OWN:
            return _FOREIGN
        case "FUNCTION" | "FCALL" | "FCALL_RO":
            return _FOREIGN
    return None


def _sha1(script: bytes) -> str:
    return hashlib.sha1(script, usedforsecurity=False).hexdigest()
