"""Conversations as pandas DataFrames, and back."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .content_blocks import content_blocks_frame as content_blocks_frame
    from .messages import to_dataframe as to_dataframe
    from .sessions import sessions_frame as sessions_frame
    from .tool_calls import tool_calls_frame as tool_calls_frame
    from .write_back import from_dataframe as from_dataframe

# Loaded on first use: importing pandas takes longer than all else here, and what reads a message's parts
# (its text, calls, media) does without it.
_HOMES = {
    "content_blocks_frame": "content_blocks",
    "from_dataframe": "write_back",
    "sessions_frame": "sessions",
    "to_dataframe": "messages",
    "tool_calls_frame": "tool_calls",
}

__all__ = ["content_blocks_frame", "from_dataframe", "sessions_frame", "to_dataframe", "tool_calls_frame"]


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
