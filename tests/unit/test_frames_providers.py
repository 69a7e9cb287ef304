"""Whoever's form a message has, its text, its counts, its model and its blocks are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from chatmem_nb import content_blocks_frame, to_dataframe
from chatmem_nb.columns.row_records import frame_records
from chatmem_nb.records import parse_all

HELLO: list[Any] = [
    "Hello there",
    ["Hello ", "there"],
    [{"type": "text", "text": "Hello there"}],  # OpenAI, Anthropic, LangChain
    [{"type": "text", "text": "Hello "}, {"type": "text", "text": "there"}],
    [{"type": "output_text", "text": "Hello there", "annotations": []}],  # OpenAI's Responses
    [{"type": "input_text", "text": "Hello there"}],
    [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "Hello there"}],
    [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Hello there", "index": 1}],
    [{"type": "text", "text": "Hello there"}, {"type": "tool_use", "id": "1", "name": "f", "input": {}}],
    [
        {"type": "image_url", "image_url": {"url": "https://a.test"}},
        {"type": "text", "text": "Hello there"},
    ],
]


@pytest.mark.parametrize("content", HELLO)
def test_every_form_gives_the_same_text(content: Any) -> None:
    assert to_dataframe([AIMessage(content)]).content.tolist() == ["Hello there"]


USAGE = [
    {"token_usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}},  # OpenAI
    {"usage": {"input_tokens": 3, "output_tokens": 4}},  # Anthropic
    {"usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}},  # Bedrock
    {"usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 4, "total_token_count": 7}},
    {"prompt_eval_count": 3, "eval_count": 4},  # Ollama
    {"token_count": {"input_tokens": 3.0, "output_tokens": 4.0}},  # Cohere
    {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 4}},
]


@pytest.mark.parametrize("metadata", USAGE)
def test_counts_are_found_in_the_response(metadata: dict[str, Any]) -> None:
    frame = to_dataframe([AIMessage("x", response_metadata=metadata)])
    assert frame[["input_tokens", "output_tokens", "total_tokens"]].iloc[0].tolist() == [3, 4, 7]


def test_counts_of_langchain_come_before_those_of_the_response() -> None:
    own = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    frame = to_dataframe([AIMessage("x", usage_metadata=own, response_metadata=USAGE[0])])
    assert frame.total_tokens[0] == 3


@pytest.mark.parametrize(
    ("metadata", "model", "reason"),
    [
        ({"model_name": "gpt-4o", "finish_reason": "stop"}, "gpt-4o", "stop"),
        ({"model": "claude", "stop_reason": "end_turn"}, "claude", "end_turn"),
        ({"model_id": "amazon.nova", "stopReason": "end_turn"}, "amazon.nova", "end_turn"),
        ({"model": "llama3", "done_reason": "stop"}, "llama3", "stop"),
        ({"model": "gpt-5", "status": "completed"}, "gpt-5", "completed"),
        (
            {"model": "g", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "g",
            "max_output_tokens",
        ),
    ],
)
def test_model_and_reason_are_found(metadata: dict[str, Any], model: str, reason: str) -> None:
    frame = to_dataframe([AIMessage("x", response_metadata=metadata)])
    assert (frame.model[0], frame.finish_reason[0]) == (model, reason)


def test_a_developer_message_is_known_by_its_role() -> None:
    frame = to_dataframe([SystemMessage("x", additional_kwargs={"__openai_role__": "developer"})])
    assert frame.role.tolist() == ["developer"]


PNG = "data:image/png;base64,AAAA"
BLOCKS: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    # block, (type, source, mime_type, url, file_id, bytes)
    ({"type": "image_url", "image_url": {"url": PNG}}, ("image", "base64", "image/png", None, None, 3)),
    ({"type": "image_url", "image_url": PNG}, ("image", "base64", "image/png", None, None, 3)),
    (
        {"type": "input_image", "image_url": "x://y"},
        ("image", "url", None, "x://y", None, None),
    ),
    (
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "AAA="}},
        ("image", "base64", "image/gif", None, None, 2),
    ),
    (
        {"type": "image", "source": {"type": "url", "url": "x://y"}},
        ("image", "url", None, "x://y", None, None),
    ),
    (
        {"type": "image", "base64": "AA==", "mime_type": "image/jpeg"},
        ("image", "base64", "image/jpeg", None, None, 1),
    ),
    (
        {"type": "image", "source_type": "base64", "data": "AAAA", "mime_type": "image/png"},
        ("image", "base64", "image/png", None, None, 3),
    ),
    ({"type": "image", "file_id": "f-1"}, ("image", "id", None, None, "f-1", None)),
    ({"type": "file", "source_type": "id", "id": "f-2"}, ("file", "id", None, None, "f-2", None)),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ("audio", "base64", "audio/wav", None, None, 3),
    ),
    ({"type": "audio", "url": "x://y"}, ("audio", "url", None, "x://y", None, None)),
    (
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
        ("file", "base64", "application/pdf", None, None, 3),
    ),
    (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "é"}},
        ("file", "text", "text/plain", None, None, 2),
    ),
    (
        {"type": "text-plain", "text": "abc", "mime_type": "text/plain"},
        ("file", "text", "text/plain", None, None, 3),
    ),
    (
        {"type": "media", "mime_type": "video/mp4", "data": "AAAA"},
        ("video", "base64", "video/mp4", None, None, 3),
    ),
    ({"type": "thinking", "thinking": "hm", "signature": "s"}, ("reasoning", "text", None, None, None, 2)),
    (
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        ("reasoning", "text", None, None, None, 2),
    ),
    ({"type": "tool_use", "id": "1", "name": "f", "input": {}}, ("tool", None, None, None, None, None)),
    ({"type": "novelty", "x": 1}, ("other", None, None, None, None, None)),
]


@pytest.mark.parametrize(("block", "expected"), BLOCKS)
def test_a_block_is_known_by_its_form(block: dict[str, Any], expected: tuple[Any, ...]) -> None:
    frame = content_blocks_frame([HumanMessage([block])])
    row = frame[["type", "source", "mime_type", "url", "file_id", "bytes"]].astype(object)
    assert tuple(row.where(row.notna(), None).iloc[0]) == expected


def test_reasoning_beside_the_content_comes_first() -> None:
    frame = content_blocks_frame([AIMessage("so", additional_kwargs={"reasoning_content": "hm"})])
    assert frame[["type", "text"]].to_numpy().tolist() == [["reasoning", "hm"], ["text", "so"]]


def test_a_frame_of_no_blocks_has_the_same_dtypes() -> None:
    some = content_blocks_frame([HumanMessage("hi")])
    assert content_blocks_frame([]).dtypes.equals(some.dtypes)
    assert content_blocks_frame([HumanMessage("")]).empty


def test_cached_and_reasoning_tokens_are_columns_that_can_be_edited() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 2}}
    own = {"token_usage": {"prompt_tokens": 3, "completion_tokens": 4, **details}}
    frame = to_dataframe([AIMessage("x", response_metadata={**own, "model_name": "m"})])
    assert frame[["cached_tokens", "model"]].iloc[0].tolist() == [2, "m"]
    assert frame.model.map({"m": 0.5}).sum() == 0.5
    frame.loc[0, "reasoning_tokens"] = 1
    ((_, raws, _),) = frame_records(frame, "s")
    again = to_dataframe(parse_all(raws))
    counts = again[["input_tokens", "output_tokens", "total_tokens", "reasoning_tokens"]].iloc[0].tolist()
    assert counts == [3, 4, 7, 1]


@pytest.mark.parametrize(
    "values", [range(1, 3), {1, 2}, [1, 2], (1, 2), pd.Series([1, 2]), np.array([1, 2]), pd.Index([1, 2])]
)
def test_where_takes_any_collection(values: Any) -> None:
    frame = to_dataframe([HumanMessage(str(n)) for n in range(4)], where={"index": values})
    assert frame.content.tolist() == ["1", "2"]
