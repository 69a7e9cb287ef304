"""The two services on this machine, for work with no account: real protocols, so that the official SDKs talk to them.

Each server loads its own libraries only, and only when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatmem_nb.local.momento import LocalMomento
    from chatmem_nb.local.upstash import LocalUpstash

__all__ = ["LocalMomento", "LocalUpstash"]


def __getattr__(name: str) -> Any:
    if name == "LocalUpstash":
        from chatmem_nb.local.upstash import LocalUpstash

        return LocalUpstash
    if name == "LocalMomento":
        from chatmem_nb.local.momento import LocalMomento

        return LocalMomento
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
