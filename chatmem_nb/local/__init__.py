"""Local servers for both services: work without an account, through the unmodified official SDKs.

Each server imports its own libraries only, and only when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatmem_nb.local.momento import LocalMomento as LocalMomento
    from chatmem_nb.local.offline import open_store as open_store
    from chatmem_nb.local.upstash import LocalUpstash as LocalUpstash

_MODULES = {"LocalMomento": "momento", "LocalUpstash": "upstash", "open_store": "offline"}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    try:
        module = _MODULES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
