"""The Lua that the embedded engine runs scripts in; the sandbox itself is `sandbox.lua` beside this file.

fakeredis 2.40 runs a script as plain Lua with Python's own objects in reach (`python.eval`,
`redis.call.__globals__`). It keeps its runtime in an attribute of the server, so a server whose attribute
gives another runtime is all that is needed; `test_a_script_runs_in_the_sandbox` pins that.
"""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Any

import lupa
from fakeredis import FakeServer
from fakeredis._helpers import SimpleError

from chatmem_nb.local.upstash.commands import IN_SCRIPTS, WRITES
from chatmem_nb.local.upstash.dialect import Phrase
from chatmem_nb.local.upstash.replies import Command

_NO_WRITES = b"#!lua flags=no-writes\n"
MAX_MEMORY_BYTES = 1024 * 1024 * 1024  # beyond it Lua gives up; a script is ended at a quarter of it
MAX_SECONDS = 5  # of the processor, for one script

with lupa.allow_lua_module_loading():
    _lua51 = importlib.import_module("lupa.lua51")  # the version of Lua that Redis has


class SandboxedRuntime(_lua51.LuaRuntime):  # type: ignore[name-defined,misc]  # lupa has no types
    """A Lua runtime whose `execute` runs a script of a client, and nothing else."""

    def __new__(cls) -> SandboxedRuntime:
        return super().__new__(  # type: ignore[no-any-return]
            cls,
            encoding=None,
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_deny,
            max_memory=MAX_MEMORY_BYTES,
        )

    def __init__(self) -> None:
        self._run: Any = None

    def execute(self, code: bytes | str) -> Any:
        """Return the reply of a script as plain tables. Raises: SimpleError, with Upstash's text."""
        if isinstance(code, str):  # fakeredis' own `collectgarbage()`; what clients send is bytes
            return super().execute(code)
        if self._run is None:
            self._run = self._build()
        ok, reply = self._run(code)
        if not ok:
            raise SimpleError(reply.decode("utf-8", "replace"))
        return reply

    def _build(self) -> Any:
        """Return the sandbox; its globals stand by now, since fakeredis sets them before the first script."""
        source = Path(__file__).with_name("sandbox.lua").read_bytes()
        allowed, writes = (
            self.table_from({name.encode(): True for name in names}) for names in (IN_SCRIPTS, WRITES)
        )
        return super().execute(
            source, self.globals(), allowed, writes, _sha1hex, MAX_MEMORY_BYTES // 4 // 1024, MAX_SECONDS
        )


class SandboxedServer(FakeServer):
    """A fakeredis whose scripts run in the sandbox."""

    SCAN_CURSORS_LIMIT = 128  # each holds the names of all keys
    _sandbox: SandboxedRuntime | None = None

    @property
    def _lua_runtime(self) -> SandboxedRuntime:
        if self._sandbox is None:
            raise AttributeError("no script has run yet")  # fakeredis then builds one, and sets it
        return self._sandbox

    @_lua_runtime.setter
    def _lua_runtime(self, _: object) -> None:
        self._sandbox = SandboxedRuntime()

    def eval_ro(self, command: Command) -> Phrase:
        """EVAL_RO as EVAL of a script that says of itself, as Redis 7's may, that it does not write."""
        script = b"".join(command[1:2])
        self.script_cache[_sha1hex(script)] = script
        return Phrase([b"EVAL", _NO_WRITES + script, *command[2:]])

    def evalsha_ro(self, command: Command) -> Phrase:
        script = self.script_cache.get(b"".join(command[1:2]).lower())
        if script is None:
            return Phrase([b"EVALSHA", *command[1:]])  # which knows it no better
        return Phrase([b"EVAL", _NO_WRITES + script, *command[2:]])


def _deny(owner: object, name: object, setting: bool) -> None:
    raise AttributeError("a script has no access to Python")


def _sha1hex(text: bytes) -> bytes:
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()
