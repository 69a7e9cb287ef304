"""Conversations as pandas DataFrames, and back."""

from __future__ import annotations

from .back import from_dataframe
from .blocks import content_blocks_frame
from .messages import to_dataframe
from .sessions import sessions_frame
from .tools import tool_calls_frame

__all__ = ["content_blocks_frame", "from_dataframe", "sessions_frame", "to_dataframe", "tool_calls_frame"]
