"""Both services on this machine, for work without an account: their wire protocols, for the official SDKs.

Each server imports only its own libraries, and only when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatmem_nb.local.momento import LocalMomento as LocalMomento
    from chatmem_nb.local.offline import open_store as open_store
    from chatmem_nb.local.upstash import LocalUpstash as LocalUpstash

_HOMES = {"LocalMomento": "momento", "LocalUpstash": "upstash", "open_store": "offline"}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
