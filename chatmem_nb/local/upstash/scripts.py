"""Lua scripts: which ones are this package's own, and what their first line declares.

https://upstash.com/docs/redis/features/key-locking, .../commands/scripting/eval and .../eval-ro
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

_SHEBANG = re.compile(rb"#!([^\n]*)\n(.*)", re.DOTALL)
_KEY_LOCKING = "allow-key-locking"
_FLAGS = frozenset({"no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"})
_OWN_FLAG_LINES = (
    "",
    "#!lua flags=no-writes\n",
    "#!lua flags=allow-key-locking\n",
    "#!lua flags=no-writes,allow-key-locking\n",
)


class ScriptError(Exception):
    """A script is rejected; the text is that of the error reply."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script's code and its flags."""

    body: bytes
    """The code; a first line with flags is blank here, which keeps line numbers right."""
    flags: frozenset[str]

    @property
    def is_read_only(self) -> bool:
        return "no-writes" in self.flags

    @property
    def has_key_locking(self) -> bool:
        return _KEY_LOCKING in self.flags


def parse_script(text: bytes, *, key_locking: bool, read_only_command: bool = False) -> Script:
    """Split off the flags as Redis 7 does: `#!lua flags=a,b`.

    Without `key_locking`, allow-key-locking is an unknown flag, as in plain Redis. `read_only_command`: the
    script was sent by EVAL_RO or EVALSHA_RO.

    Raises: ScriptError.
    """
    if not text.startswith(b"#!"):
        return Script(text, frozenset({"no-writes"} if read_only_command else ()))
    match = _SHEBANG.fullmatch(text)
    if match is None:
        raise ScriptError("ERR Invalid script shebang")
    engine, *options = match[1].decode("utf-8", "replace").split() or [""]
    if engine != "lua":
        raise ScriptError(f"ERR Unexpected engine in script shebang: #!{engine}")
    flags = _parse_flags(options, _FLAGS | {_KEY_LOCKING} if key_locking else _FLAGS)
    if read_only_command and "no-writes" not in flags:
        raise ScriptError("ERR Can not execute a script with write flag using *_ro command.")
    return Script(b"\n" + match[2], flags)


def _parse_flags(options: Sequence[str], known: Collection[str]) -> frozenset[str]:
    flags: set[str] = set()
    for option in options:
        name, _, value = option.partition("=")
        if name != "flags":
            raise ScriptError(f"ERR Unknown lua shebang option: {option}")
        flags.update(filter(None, value.split(",")))
    for flag in sorted(flags):
        if flag not in known:
            raise ScriptError(f"ERR Unexpected flag in script shebang: {flag}")
    return frozenset(flags)


_WHOLE_DATABASE = frozenset({"DBSIZE", "FLUSHALL", "FLUSHDB", "KEYS", "RANDOMKEY", "SCAN"})
_NO_KEYS = frozenset({"ECHO", "PING", "PUBLISH", "TIME"})
_ONLY_KEYS = frozenset({"DEL", "EXISTS", "MGET", "SDIFF", "SINTER", "SUNION", "TOUCH", "UNLINK"})
_TWO_KEYS = frozenset({"COPY", "LMOVE", "RENAME", "RENAMENX", "RPOPLPUSH", "SMOVE", "ZRANGESTORE"})
_KEYS_ELSEWHERE = re.compile(
    "BITOP|GEORADIUS.*|.*STORE|[LZ]MPOP|MSET(NX)?|PFCOUNT|PFMERGE|SINTERCARD|XGROUP|XINFO|XREAD.*|Z(DIFF|INTER|UNION).*"
)


def check_declared_keys(name: str, arguments: Sequence[bytes], declared: Collection[bytes]) -> None:
    """Reject a call on a key that is not in KEYS, which allow-key-locking forbids.

    Raises: ScriptError.
    """
    if name in _WHOLE_DATABASE or (_KEYS_ELSEWHERE.fullmatch(name) and name not in _TWO_KEYS):
        raise ScriptError(f"ERR {name} is not allowed in Lua scripts when '{_KEY_LOCKING}' flag is set")
    count = 0 if name in _NO_KEYS else 2 if name in _TWO_KEYS else 1
    keys = arguments if name in _ONLY_KEYS else arguments[:count]
    if not set(keys) <= set(declared):
        raise ScriptError(
            f"ERR Dynamic keys are not allowed in Lua scripts when '{_KEY_LOCKING}' flag is set"
        )


def sha1(text: bytes) -> str:
    """Return the digest that identifies a script."""
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()


def _without_flags(text: bytes) -> bytes:
    match = _SHEBANG.fullmatch(text)
    return match[2] if match else text


def _own_texts() -> tuple[str, ...]:
    # Imported on use: the package that the scripts are in imports Upstash's SDK.
    from chatmem_nb.stores.upstash.scripts import SCRIPTS

    return SCRIPTS


@cache
def _own_digests() -> tuple[frozenset[str], frozenset[str]]:
    """Return the digests of this package's scripts: without a line of flags, and with any such line."""
    texts = [text.encode() for text in _own_texts()]
    bodies = {_without_flags(text) for text in texts}
    flagged = {line.encode() + body for line in _OWN_FLAG_LINES for body in bodies}
    return frozenset(map(sha1, bodies)), frozenset(map(sha1, flagged.union(texts)))


def is_own_script(text: bytes) -> bool:
    """Whether this package sends the script, with or without a first line of flags."""
    return sha1(_without_flags(text)) in _own_digests()[0]


def is_own_digest(digest: bytes) -> bool:
    """Whether `digest` is that of a script of this package, with or without a line of flags."""
    return digest.decode("ascii", "replace").lower() in _own_digests()[1]
