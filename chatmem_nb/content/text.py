"""The text of a message."""

from __future__ import annotations

from typing import Any, Final

from ..json_text import json_text

JSONObject = dict[str, Any]

TEXT_BLOCKS: Final = frozenset({"text", "input_text", "output_text"})
TOOL_TYPES: Final = frozenset({"tool", "ToolMessageChunk"})


def message_text(kind: str | None, data: JSONObject) -> str | None:
    """Return the text of a message of type `kind`; None if its content is neither text nor a list.

    It is `message.text` of LangChain, and knows the text blocks of OpenAI's Responses as well.
    """
    content = data.get("content")
    if type(content) is str:
        return content
    if kind in TOOL_TYPES and "content" in data:
        return tool_text(content)
    return content_text(content)


def content_text(content: object) -> str | None:
    """Return text unchanged, or the text blocks joined, without other blocks; None for anything else."""
    if type(content) is str:
        return content
    if type(content) is not list:
        return None
    return "".join(block if type(block) is str else block_text(block) for block in content)


def block_text(block: object) -> str:
    """Return the text of one block of content; empty if it is not a text block."""
    kind = block.get("type", "text") if type(block) is dict else None
    if type(block) is not dict or type(kind) is not str or kind not in TEXT_BLOCKS:
        return ""
    text = block.get("text")
    return text if type(text) is str else ""


def tool_text(content: object) -> str:
    """Return the text of what a tool returned; langchain_core shows other values as Python does."""
    if type(content) is list:
        return "".join(block_text(item) if type(item) is dict else _shown(item) for item in content)
    return _shown(content)


def _shown(value: object) -> str:
    if type(value) is str:
        return value
    try:
        return str(value)
    except RecursionError:
        return json_text(value)


def as_text(value: object) -> str | None:
    """Return `value` if it is text, JSON text of anything else, None for null."""
    if value is None or type(value) is str:
        return value
    return json_text(value)
