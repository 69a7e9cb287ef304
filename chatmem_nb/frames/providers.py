"""Where the common providers put the text, the tokens, the model and the reason to stop.

Everything here takes parsed JSON of any shape, and answers None where it finds nothing that fits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard

JSONObject = dict[str, Any]

TEXT_BLOCKS = frozenset({"text", "input_text", "output_text"})

MODEL_KEYS = ("model_name", "model", "model_id", "modelId", "ls_model_name")
FINISH_KEYS = ("finish_reason", "stop_reason", "stopReason", "done_reason", "finishReason")

# Where a provider keeps its usage, and what it calls the three counts there.
_USAGE_PLACES = (
    "token_usage",  # OpenAI, Mistral, Groq, Fireworks, Together
    "usage",  # Anthropic, Bedrock
    "usage_metadata",  # Google
    "token_count",  # Cohere
    "amazon-bedrock-invocationMetrics",
)
_INPUT_KEYS = (
    "input_tokens",
    "prompt_tokens",
    "inputTokens",
    "prompt_token_count",
    "prompt_eval_count",
    "inputTokenCount",
)
_OUTPUT_KEYS = (
    "output_tokens",
    "completion_tokens",
    "outputTokens",
    "candidates_token_count",
    "eval_count",
    "outputTokenCount",
)
_TOTAL_KEYS = ("total_tokens", "totalTokens", "total_token_count", "totalTokenCount")

Usage = tuple[int | None, int | None, int | None]
_LIMIT = 2**63
NO_USAGE: Usage = (None, None, None)


def content_text(content: object) -> str | None:
    """Return the text of a message's content: text as it is, text blocks joined, other blocks left out.

    It is `message.text` of LangChain, and knows the text blocks of OpenAI's Responses as well.
    """
    if type(content) is str:
        return content
    if type(content) is not list:
        return None
    return "".join(block if type(block) is str else block_text(block) for block in content)


def block_text(block: object) -> str:
    """Return the text of one block of content; empty where it is no text block."""
    kind = block.get("type", "text") if type(block) is dict else None
    if type(block) is not dict or type(kind) is not str or kind not in TEXT_BLOCKS:
        return ""
    text = block.get("text")
    return text if type(text) is str else ""


def usage(data: JSONObject) -> Usage:
    """Return (input, output, total) tokens of a message; a total that no one gave is their sum."""
    counts = data.get("usage_metadata")
    if type(counts) is not dict or not counts:
        metadata = data.get("response_metadata")
        if type(metadata) is not dict or not metadata:
            return NO_USAGE
        # Ollama puts its counts beside everything else.
        counts = next((metadata[key] for key in _USAGE_PLACES if _is_filled(metadata.get(key))), metadata)
    return _counts(counts)


def model(data: JSONObject) -> str | None:
    """Return the name of the model that wrote a message."""
    return _first_text(data.get("response_metadata"), MODEL_KEYS)


def finish_reason(data: JSONObject) -> str | None:
    """Return why the model stopped, in the provider's word."""
    metadata = data.get("response_metadata")
    if type(metadata) is not dict or not metadata:
        return None
    if (found := _first_text(metadata, FINISH_KEYS)) is not None:
        return found
    # OpenAI's Responses: a status, and details where it is "incomplete".
    return _first_text(metadata.get("incomplete_details"), ("reason",)) or _first_text(metadata, ("status",))


def role(kind: str | None, data: JSONObject) -> str | None:
    """Return the role of a message in the words of chat APIs; a ChatMessage has its own."""
    if kind == "system" or kind == "SystemMessageChunk":
        kwargs = data.get("additional_kwargs")
        if type(kwargs) is dict and kwargs.get("__openai_role__") == "developer":
            return "developer"
        return "system"
    if kind == "chat" or kind == "ChatMessageChunk":
        own = data.get("role")
        return own if type(own) is str else None
    return ROLES.get(kind) if kind else None


ROLES = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "tool": "tool",
    "ToolMessageChunk": "tool",
    "function": "function",
    "FunctionMessageChunk": "function",
}


def _is_filled(value: object) -> bool:
    return type(value) is dict and bool(value)


def _counts(counts: JSONObject) -> Usage:
    given = counts.get("input_tokens"), counts.get("output_tokens"), counts.get("total_tokens")
    if _are_counts(given):  # LangChain's own form, as nearly all have it
        return given
    first, second = _first_count(counts, _INPUT_KEYS), _first_count(counts, _OUTPUT_KEYS)
    total = _first_count(counts, _TOTAL_KEYS)
    if total is None and first is not None and second is not None:
        total = whole_number(first + second)
    return first, second, total


def _are_counts(given: tuple[object, object, object]) -> TypeGuard[tuple[int, int, int]]:
    first, second, total = given
    return (
        type(first) is int
        and type(second) is int
        and type(total) is int
        and 0 <= first < _LIMIT
        and 0 <= second < _LIMIT
        and 0 <= total < _LIMIT
    )


def _first_count(counts: JSONObject, keys: Iterable[str]) -> int | None:
    for key in keys:
        if key in counts and (count := whole_number(counts[key])) is not None:
            return count
    return None


def whole_number(value: object) -> int | None:
    """Return `value` if it is a whole number that Int64 holds: a changed one would be worse than none."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and -_LIMIT <= value < _LIMIT else None


def _first_text(values: object, keys: Iterable[str]) -> str | None:
    if type(values) is dict:
        for key in keys:
            if type(found := values.get(key)) is str and found:
                return found
    return None
