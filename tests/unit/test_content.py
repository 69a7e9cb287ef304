"""What a message holds is found in every form that the providers' LangChain packages give it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb import tool_calls_frame
from chatmem_nb.content import (
    content_blocks,
    looks_failed,
    message_text,
    model,
    role,
    tool_calls,
    tool_results,
    usage,
)
from chatmem_nb.records import StoredMessage, parse_all
from tests.strategies import json_values

# Made by the converters of langchain-openai 1.7.3, langchain-anthropic 1.7.7, langchain-google-genai 4.4.2
# and langchain-aws 1.9.1, of responses as the providers' API references describe them.
FORMS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("provider_messages.json").read_text(encoding="utf-8")
)
CALL = ("call", "weather", "missing")
INVALID = ("call", "weather", "invalid")
EXPECTED: dict[str, list[tuple[str, str, str]]] = {
    "openai chat": [CALL, INVALID],
    "openai chat before tools": [CALL],
    "openai responses": [
        CALL,
        ("call", "shell", "missing"),
        INVALID,
        ("server", "web_search", "success"),
        ("server", "code_interpreter", "error"),
        ("server", "roll", "success"),
    ],
    "anthropic": [
        CALL,
        ("server", "web_search", "success"),
        ("server", "web_search", "error"),
        ("server", "roll", "success"),
    ],
    "google": [
        CALL,
        CALL,
        ("server", "code_interpreter", "success"),
        ("server", "code_interpreter", "error"),
    ],
    "bedrock converse": [CALL, ("server", "nova_grounding", "success")],
}


@pytest.mark.parametrize("name", FORMS)
def test_every_call_of_a_provider_is_one_row(name: str) -> None:
    frame = tool_calls_frame(parse_all([json.dumps({"type": "ai", "data": FORMS[name]})]))
    rows = list(zip(frame["kind"], frame["name"], frame["status"], strict=True))
    assert rows == EXPECTED[name.partition(",")[0]]


@pytest.mark.parametrize("name", FORMS)
def test_reasoning_and_text_are_found(name: str) -> None:
    blocks = content_blocks(StoredMessage(0, "", "ai", FORMS[name]))
    by_kind = {block.kind: block.text for block in blocks if block.kind in ("text", "reasoning")}
    expected = {} if name.startswith("openai chat") else {"text": "Let me see.", "reasoning": "Look it up."}
    assert by_kind == expected
    assert message_text("ai", FORMS[name]) == expected.get("text", "")


@pytest.mark.parametrize("name", [name for name, data in FORMS.items() if "usage_metadata" in data])
def test_cached_and_reasoning_tokens_are_counted(name: str) -> None:
    counts = usage(FORMS[name])
    assert counts[:4] == (100, 40, 140, 60)
    assert counts.reasoning == (25 if "openai" in name else None)


@pytest.mark.parametrize(
    "counts",
    [
        {"token_usage": {"prompt_tokens": 100, "completion_tokens": 40,
                         "prompt_tokens_details": {"cached_tokens": 60},
                         "completion_tokens_details": {"reasoning_tokens": 25}}},
        {"usage": {"input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30,
                   "output_tokens": 40, "output_tokens_details": {"thinking_tokens": 25}}},
        {"usage_metadata": {"prompt_token_count": 100, "candidates_token_count": 15,
                            "thoughts_token_count": 25, "total_token_count": 140,
                            "cached_content_token_count": 60}},
    ],
)  # fmt: skip
def test_the_providers_own_counts_come_to_the_same(counts: dict[str, Any]) -> None:
    assert usage({"response_metadata": counts}) == (100, 40, 140, 60, 25)


FAILED = [
    "Error: no such city",
    "error",
    "ERROR 500",
    "An error occurred while calling the tool",
    "Error invoking tool 'f' with kwargs {} with error:",
    "Error executing tool roll: dice are gone",
    "Traceback (most recent call last):\n  File",
    "ValueError: no",
    "requests.exceptions.ConnectionError: refused",
    "HTTP Error: 404",
    "Failed to open the file",
    "fatal: not a git repository",
    "roll is not a valid tool, try one of [a, b].",
    '{"error": "no such city"}',
    '{"success": false}',
    '{"isError": true, "content": []}',
]
SUCCEEDED = [
    "",
    "sunny",
    "Error-free since March",
    "Errors are rare here",
    "Error rate 3 %",
    "No error: all is well",
    "The failure rate fell",
    '{"error": null, "city": "Vienna"}',
    '{"errors": []}',
    '{"error',
    "[]",
]


@pytest.mark.parametrize("text", FAILED)
def test_a_text_that_begins_like_an_error_looks_failed(text: str) -> None:
    assert looks_failed(text)


@pytest.mark.parametrize("text", SUCCEEDED)
def test_other_texts_do_not_look_failed(text: str) -> None:
    assert not looks_failed(text)


FIELDS = (
    "content",
    "tool_calls",
    "additional_kwargs",
    "usage_metadata",
    "response_metadata",
    "status",
    "role",
)
BLOCK_KEYS = (
    "type",
    "id",
    "name",
    "args",
    "status",
    "content",
    "output",
    "error",
    "extras",
    "value",
    "action",
)
BLOCKS = st.lists(
    st.dictionaries(
        st.sampled_from(BLOCK_KEYS),
        st.one_of(
            st.sampled_from(["tool_use", "mcp_call", "server_tool_result", "refusal", "x"]), json_values
        ),
        max_size=4,
    ),
    max_size=2,
)


@given(
    st.dictionaries(st.sampled_from(FIELDS), st.one_of(BLOCKS, json_values), max_size=3),
    st.sampled_from(["ai", "human", "tool", "chat", "function", "system", "alien", None]),
)
def test_any_json_is_read(data: dict[str, Any], kind: str | None) -> None:
    record = StoredMessage(0, "", kind, data)
    assert all(block.kind for block in content_blocks(record))
    assert all(call.kind for call in tool_calls(data))
    assert all(result.failure in (None, "status", "text") for result in tool_results(record))
    assert all(count is None or type(count) is int for count in usage(data))
    for text in (message_text(kind, data), role(kind, data), model(data)):
        assert text is None or type(text) is str
