"""Messages of every kind that langchain_core can store, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from langchain_core import messages as lc
from langchain_core.messages import BaseMessage

texts = st.text(max_size=40)
names = st.none() | st.text(min_size=1, max_size=12)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**100), max_value=2**100)
    | st.floats(allow_nan=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(texts, json_values, max_size=3)

blocks = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": texts}),
    st.fixed_dictionaries(
        {
            "type": st.just("image_url"),
            "image_url": st.fixed_dictionaries({"url": st.just("data:image/png;base64,AA==")}),
        }
    ),
    st.fixed_dictionaries({"type": st.just("reasoning"), "reasoning": texts}),
    texts,
)
contents = texts | st.lists(blocks, max_size=3)

tool_calls = st.lists(
    st.fixed_dictionaries({"name": texts, "args": json_objects, "id": names, "type": st.just("tool_call")}),
    max_size=3,
)
invalid_tool_calls = st.lists(
    st.fixed_dictionaries(
        {"name": names, "args": names, "id": names, "error": names, "type": st.just("invalid_tool_call")}
    ),
    max_size=2,
)
usage = st.none() | st.builds(
    lambda i, o: {"input_tokens": i, "output_tokens": o, "total_tokens": i + o},
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)
common = {"content": contents, "name": names, "id": names, "response_metadata": json_objects}

messages: st.SearchStrategy[BaseMessage] = st.one_of(
    st.builds(lc.HumanMessage, additional_kwargs=json_objects, **common),
    st.builds(lc.SystemMessage, additional_kwargs=json_objects, **common),
    st.builds(
        lc.AIMessage,
        tool_calls=tool_calls,
        invalid_tool_calls=invalid_tool_calls,
        usage_metadata=usage,
        **common,
    ),
    st.builds(
        lc.ToolMessage,
        tool_call_id=texts,
        artifact=json_values,
        status=st.sampled_from(["success", "error"]),
        **common,
    ),
    st.builds(lc.ChatMessage, role=texts, **common),
    st.builds(lc.FunctionMessage, **{**common, "name": texts}),
)
