"""Every Lua script that this package sends."""

from __future__ import annotations

SCRIPTS: tuple[str, ...] = ()
