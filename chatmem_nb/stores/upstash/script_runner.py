"""Runs scripts in the form that the server takes. Plans only; no I/O."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from ..plans import Plan, ask
from .commands import Request
from .errors import UpstashFlagsRefusedError
from .scripts import Script

_log = logging.getLogger(__name__)


class ScriptRunner:
    """Runs scripts, with flags unless the server is known to refuse them."""

    def __init__(self) -> None:
        self._knows_flags = {"EVAL": True, "EVAL_RO": True}

    def text(self, script: Script) -> str:
        """Return the text of a script that is run by EVAL."""
        return script.flagged if self._knows_flags["EVAL"] else script.plain

    def run(
        self, script: Script, keys: Sequence[str], *arguments: str | int, new_deadline: bool = False
    ) -> Plan[Any]:
        """Run a script; once flags were refused, without them. A script that was refused has not run."""
        given = (len(keys), *keys, *arguments)
        if self._knows_flags[script.command]:
            request = Request([[script.command, script.flagged, *given]])
            try:
                return (yield from ask(request, new_deadline=new_deadline))
            except UpstashFlagsRefusedError as error:
                _log.debug("from now on scripts are sent without flags: %s", error)
                self._knows_flags[script.command] = False
        return (yield from ask(Request([["EVAL", script.plain, *given]]), new_deadline=new_deadline))
