"""The tool calls of a message, as the page shows them."""

from __future__ import annotations

from ..content import ToolCall
from ..json_text import pretty_start
from ..markdown import clip, showable


def pretty_arguments(call: ToolCall, limit: int) -> str:
    """Return the arguments as indented JSON, or as they are if they are a string; cut at `limit`."""
    if isinstance(call.args, str):
        text, rest = clip(call.args, limit)
        return showable(text) + ("…" if rest else "")
    return showable(pretty_start(call.args, limit))
