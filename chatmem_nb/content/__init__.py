"""What a message's content holds, for frames, exports and the widget: read from parsed JSON of any shape.

Nothing here raises for what a record holds, and no message object is built.
"""

from __future__ import annotations

from .blocks import KINDS, Block, content_block, content_blocks, unwrapped
from .calls import CLIENT_CALLS, ToolCall, invalid_calls, langchain_calls, tool_calls
from .results import Failure, ToolResult, failure, looks_failed, tool_results
from .roles import (
    NOT_SYSTEM,
    ROLE_ALIASES,
    ROLES,
    TYPE_OF_ROLE,
    is_instruction,
    role,
    role_name,
    role_title,
)
from .text import (
    TEXT_BLOCKS,
    TOOL_TYPES,
    JSONObject,
    as_text,
    block_text,
    content_text,
    message_text,
    tool_text,
)
from .usage import FINISH_KEYS, MODEL_KEYS, NO_USAGE, Usage, finish_reason, model, usage, whole_number

__all__ = [
    "CLIENT_CALLS",
    "FINISH_KEYS",
    "KINDS",
    "MODEL_KEYS",
    "NOT_SYSTEM",
    "NO_USAGE",
    "ROLES",
    "ROLE_ALIASES",
    "TEXT_BLOCKS",
    "TOOL_TYPES",
    "TYPE_OF_ROLE",
    "Block",
    "Failure",
    "JSONObject",
    "ToolCall",
    "ToolResult",
    "Usage",
    "as_text",
    "block_text",
    "content_block",
    "content_blocks",
    "content_text",
    "failure",
    "finish_reason",
    "invalid_calls",
    "is_instruction",
    "langchain_calls",
    "looks_failed",
    "message_text",
    "model",
    "role",
    "role_name",
    "role_title",
    "tool_calls",
    "tool_results",
    "tool_text",
    "unwrapped",
    "usage",
    "whole_number",
]
