"""Which model wrote a message, why it stopped, and the tokens that it took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeGuard

from .text import JSONObject

MODEL_KEYS: Final = ("model_name", "model", "model_id", "modelId", "ls_model_name")
FINISH_KEYS: Final = ("finish_reason", "stop_reason", "stopReason", "done_reason", "finishReason")

# Where a provider keeps its usage, and what it calls the counts there.
_USAGE_PLACES: Final = (
    "token_usage",  # OpenAI, Mistral, Groq, Fireworks, Together
    "usage",  # Anthropic, Bedrock
    "usage_metadata",  # Google
    "token_count",  # Cohere
    "amazon-bedrock-invocationMetrics",
)
_INPUT_KEYS: Final = (
    "input_tokens",
    "prompt_tokens",
    "inputTokens",
    "prompt_token_count",
    "prompt_eval_count",
    "inputTokenCount",
)
_OUTPUT_KEYS: Final = (
    "output_tokens",
    "completion_tokens",
    "outputTokens",
    "candidates_token_count",
    "eval_count",
    "outputTokenCount",
)
_TOTAL_KEYS: Final = ("total_tokens", "totalTokens", "total_token_count", "totalTokenCount")
# Counts in a nested object: its name in LangChain, in OpenAI's chat completions, in its Responses API.
_INPUT_DETAILS: Final = ("input_token_details", "prompt_tokens_details", "input_tokens_details")
_OUTPUT_DETAILS: Final = ("output_token_details", "completion_tokens_details", "output_tokens_details")
_CACHED_KEYS: Final = (
    "cache_read",
    "cached_tokens",
    "cache_read_input_tokens",  # Anthropic
    "cacheReadInputTokens",  # Bedrock
    "cached_content_token_count",  # Google
    "prompt_cache_hit_tokens",  # DeepSeek
)
_REASONING_KEYS: Final = ("reasoning", "reasoning_tokens", "thinking_tokens", "thoughts_token_count")
# What Anthropic and Bedrock leave out of the input tokens, and Google out of the output tokens.
_BESIDE_INPUT: Final = (
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cacheReadInputTokens",
    "cacheWriteInputTokens",
)
_BESIDE_OUTPUT: Final = ("thoughts_token_count",)
_LIMIT: Final = 2**63


class Usage(NamedTuple):
    """Token counts of one message, None where unknown. Input tokens include cached ones."""

    input: int | None = None
    output: int | None = None
    total: int | None = None
    """As given, else the sum of both."""
    cached: int | None = None
    """Of the input, read from the provider's cache."""
    reasoning: int | None = None
    """Of the output, spent on reasoning."""


NO_USAGE: Final = Usage()
_PLAIN: Final = frozenset({"input_tokens", "output_tokens", "total_tokens"})


def usage(data: JSONObject) -> Usage:
    """Return the tokens of a message: LangChain's `usage_metadata`, else the provider's own counts."""
    counts = data.get("usage_metadata")
    if type(counts) is not dict or not counts:
        metadata = data.get("response_metadata")
        if type(metadata) is not dict or not metadata:
            return NO_USAGE
        # Ollama puts its counts beside everything else.
        counts = next((metadata[key] for key in _USAGE_PLACES if _is_filled(metadata.get(key))), metadata)
    first, second, total = _counts(counts)
    if len(counts) == 3 and counts.keys() == _PLAIN:  # their details are not given
        return Usage(first, second, total)
    cached = _detail(counts, _INPUT_DETAILS, _CACHED_KEYS)
    return Usage(first, second, total, cached, _detail(counts, _OUTPUT_DETAILS, _REASONING_KEYS))


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


def whole_number(value: object) -> int | None:
    """Return `value` if it is a whole number that fits into Int64, else None rather than a changed number."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and -_LIMIT <= value < _LIMIT else None


def _is_filled(value: object) -> bool:
    return type(value) is dict and bool(value)


def _counts(counts: JSONObject) -> tuple[int | None, int | None, int | None]:
    given = counts.get("input_tokens"), counts.get("output_tokens"), counts.get("total_tokens")
    if _are_counts(given):  # LangChain's own form, as nearly all have it
        return given
    first = _with_beside(_first_count(counts, _INPUT_KEYS), counts, _BESIDE_INPUT)
    second = _with_beside(_first_count(counts, _OUTPUT_KEYS), counts, _BESIDE_OUTPUT)
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


def _with_beside(count: int | None, counts: JSONObject, keys: Iterable[str]) -> int | None:
    if count is None:
        return None
    return whole_number(count + sum(whole_number(counts.get(key)) or 0 for key in keys))


def _detail(counts: JSONObject, places: Iterable[str], keys: Iterable[str]) -> int | None:
    for place in places:
        if type(found := counts.get(place)) is dict:
            return _first_count(found, keys)
    return _first_count(counts, keys)


def _first_count(counts: JSONObject, keys: Iterable[str]) -> int | None:
    for key in keys:
        if key in counts and (count := whole_number(counts[key])) is not None:
            return count
    return None


def _first_text(values: Any, keys: Iterable[str]) -> str | None:
    if type(values) is dict:
        for key in keys:
            if type(found := values.get(key)) is str and found:
                return found
    return None
