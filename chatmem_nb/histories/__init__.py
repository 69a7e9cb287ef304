"""The two chat message histories: thin, over a store."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .base import StoreHistory

if TYPE_CHECKING:
    from .momento import MomentoChatMessageHistory
    from .upstash import UpstashRedisChatMessageHistory

__all__ = ["MomentoChatMessageHistory", "StoreHistory", "UpstashRedisChatMessageHistory"]

# On first use: whoever reads from one service does not import the SDK of the other.
_HOMES = {"MomentoChatMessageHistory": "momento", "UpstashRedisChatMessageHistory": "upstash"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
