"""What was edited in a frame is rebuilt; all else in the record stays as it was."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pandas as pd
import pytest
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, ToolMessage

from chatmem_nb import InvalidInputError, RecordError, to_dataframe
from chatmem_nb.columns.row_records import frame_records
from chatmem_nb.records import encode, parse, parse_all

CALL = {"name": "find", "args": {"who": "Ada"}, "id": "c1", "type": "tool_call"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}


def edited(message: BaseMessage, **edits: Any) -> BaseMessage:
    """Return `message` after its columns were edited in a frame."""
    frame = to_dataframe(parse_all([encode(message)]))
    for name, value in edits.items():
        frame[name] = frame[name].astype(object)
        frame.loc[0, name] = value
    ((_, [raw], rebuilt),) = frame_records(frame, "s")
    assert rebuilt == 1
    before, after = json.loads(frame.raw[0]), json.loads(raw)
    assert {key: before[key] for key in ("record_id",)} == {key: after[key] for key in ("record_id",)}
    return parse(raw).message


def test_text_is_changed_and_all_else_stays() -> None:
    message = AIMessage("secret", id="1", tool_calls=[CALL], additional_kwargs={"n": 2**70})
    assert edited(message, content="gone") == message.model_copy(update={"content": "gone"})


def test_text_beside_an_image_is_changed_and_the_image_stays() -> None:
    message = HumanMessage([{"type": "text", "text": "a", "k": 1}, IMAGE, {"type": "text", "text": "b"}])
    assert edited(message, content="new").content == [{"type": "text", "text": "new", "k": 1}, IMAGE]
    assert edited(message, content="").content == [{"type": "text", "text": "", "k": 1}, IMAGE]


def test_blocks_can_be_changed_as_json() -> None:
    assert edited(HumanMessage("a"), content_json=json.dumps([IMAGE])).content == [IMAGE]


def test_calls_are_changed_wherever_the_provider_keeps_a_copy() -> None:
    message = AIMessage(
        [{"type": "tool_use", "id": "c1", "name": "find", "input": {"who": "Ada"}}],
        tool_calls=[CALL],
        additional_kwargs={
            "tool_calls": [{"id": "c1", "function": {"name": "find", "arguments": '{"who":"Ada"}'}}]
        },
    )
    changed = edited(message, tool_calls=json.dumps([{**CALL, "args": {"who": "X"}}]))
    assert "Ada" not in changed.model_dump_json()
    assert "X" in json.dumps(changed.content)
    assert edited(message, tool_calls=None).tool_calls == []


def test_what_is_derived_is_written_where_it_came_from() -> None:
    message = AIMessage("x", response_metadata={"model": "a", "stop_reason": "end"})
    changed = edited(message, model="b", finish_reason="length", input_tokens=3, total_tokens=3)
    assert changed.response_metadata == {"model": "b", "stop_reason": "length"}
    assert changed.usage_metadata == {"input_tokens": 3, "output_tokens": 0, "total_tokens": 3}


def test_a_role_changes_the_type() -> None:
    assert edited(HumanMessage("x", id="1"), role="assistant") == AIMessage("x", id="1")
    assert edited(ChatMessage("x", role="a"), role="b") == ChatMessage("x", role="b")
    assert edited(HumanMessage("x"), type="chat", role="judge") == ChatMessage("x", role="judge")
    assert edited(HumanMessage("x"), role="developer").additional_kwargs == {"__openai_role__": "developer"}
    assert edited(HumanMessage("x"), type="system").type == "system"


def test_nothing_is_rebuilt_after_a_detour_through_csv_or_json() -> None:
    raws = [encode(AIMessage("a,\n'b'", tool_calls=[CALL], id="17")), "not json", encode(HumanMessage(""))]
    frame = to_dataframe(parse_all(raws))
    for back in (
        pd.read_csv(StringIO(frame.to_csv(index=False))),
        pd.read_json(
            StringIO(frame.to_json(orient="records", date_format="iso", date_unit="us")), orient="records"
        ),
        frame.convert_dtypes(),
        frame.astype(object),
    ):
        ((_, records, rebuilt),) = frame_records(back, "s")
        assert records == raws
        assert rebuilt == 0


def test_rows_go_by_index_and_rows_put_in_follow_their_twin() -> None:
    frame = to_dataframe([HumanMessage("a"), HumanMessage("b")])
    added = {"index": 0, "role": "assistant", "content": "new"}
    both = pd.DataFrame([*frame.iloc[::-1].to_dict("records"), added])
    ((_, records, rebuilt),) = frame_records(both, "s")
    assert [parse(raw).message.content for raw in records] == ["a", "new", "b"]
    assert rebuilt == 1


def test_a_frame_made_by_hand_makes_messages() -> None:
    frame = pd.DataFrame(
        {
            "session_id": ["x", "y", "x"],
            "role": ["user", "tool", "assistant"],
            "content": ["hi", "42", None],
            "tool_call_id": [None, "c1", None],
            "tool_calls": [None, None, json.dumps([CALL])],
        }
    )
    found = {name: [parse(raw).message for raw in records] for name, records, _ in frame_records(frame)}
    assert found == {
        "x": [HumanMessage("hi"), AIMessage("", tool_calls=[CALL])],
        "y": [ToolMessage("42", tool_call_id="c1")],
    }


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({"session_id": ["s"], "role": ["tool"], "content": ["x"]}, "tool_call_id"),
        ({"session_id": ["s"], "role": [None], "content": ["x"]}, "neither"),
        ({"session_id": ["s"], "role": ["assistant"], "tool_calls": ["[cut"]}, "tool_calls"),
        ({"session_id": ["s"], "role": ["user"], "artifact": ["{"], "content": ["secret"]}, "artifact"),
        ({"session_id": ["s"], "raw": ["not json"], "content": ["edited"]}, "not JSON"),
    ],
)
def test_a_row_that_makes_no_message_is_named(frame: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecordError, match=rf"record 0 of session 's'.*{reason}") as caught:
        list(frame_records(pd.DataFrame(frame)))
    assert "secret" not in str(caught.value)


def test_a_frame_with_no_messages_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="neither"):
        list(frame_records(pd.DataFrame({"session_id": ["s"], "content": ["x"]})))
    with pytest.raises(InvalidInputError, match="session_id"):
        list(frame_records(to_dataframe([HumanMessage("x")])))


def test_a_role_may_be_written_as_langchain_writes_it() -> None:
    frame = pd.DataFrame({"role": ["human", "ai", "user"], "content": ["a", "b", "c"]})
    ((_, raws, _),) = frame_records(frame, "s")
    assert [parse(raw).type for raw in raws] == ["human", "ai", "human"]
    frame = to_dataframe(parse_all(raws)).assign(role=["human", "ai", "human"])
    assert [rebuilt for _, _, rebuilt in frame_records(frame, "s")] == [0]


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(RecordError, match="one of user, assistant") as found:
        list(frame_records(pd.DataFrame({"role": ["usr"], "content": ["a"]}), "s"))
    assert (found.value.session_id, found.value.index, found.value.field) == ("s", 0, "role")
    own = pd.DataFrame({"type": ["chat"], "role": ["narrator"], "content": ["a"]})
    ((_, [raw], _),) = frame_records(own, "s")
    assert parse(raw).message.model_dump()["role"] == "narrator"


def test_a_list_in_content_is_stored_as_blocks() -> None:
    blocks = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "https://a.test"}}]
    ((_, [raw], _),) = frame_records(pd.DataFrame({"role": ["user"], "content": [blocks]}), "s")
    assert parse(raw).message.content == blocks
    frame = to_dataframe(parse_all([encode(HumanMessage("hi"))]))
    frame["content"] = pd.Series([blocks], dtype=object)
    ((_, [raw], rebuilt),) = frame_records(frame, "s")
    assert (parse(raw).message.content, rebuilt) == (blocks, 1)


def test_an_edit_of_raw_alone_is_an_edit() -> None:
    raws = [encode(HumanMessage("hi")), encode(HumanMessage("bye"))]
    frame = to_dataframe(parse_all(raws))
    frame.loc[0, "raw"] = raws[0].replace('"hi"', '"hello"')
    ((_, found, rebuilt),) = frame_records(frame, "s")
    assert (found, rebuilt) == ([raws[0].replace('"hi"', '"hello"'), raws[1]], 1)
    frame.loc[0, "raw"] = "not JSON"
    with pytest.raises(RecordError, match="its `raw` was edited, but not JSON"):
        list(frame_records(frame, "s"))


def test_an_empty_record_stays_empty() -> None:
    frame = to_dataframe(parse_all(["", '{"messages": []}', encode(HumanMessage("hi"))]))
    ((_, found, rebuilt),) = frame_records(frame, "s")
    assert (found, rebuilt) == (frame.raw.tolist(), 0)


@pytest.mark.parametrize("name", ["text", "Content"])
def test_a_frame_whose_content_was_renamed_is_refused(name: str) -> None:
    """`raw`, which still has what was edited away, would be written instead."""
    frame = to_dataframe([HumanMessage("secret")])
    frame[name] = frame.pop("content").str.replace("secret", "***")
    with pytest.raises(InvalidInputError, match=f"Rename '{name}' to 'content'") as refused:
        list(frame_records(frame, "s"))
    assert refused.value.field == name


def test_columns_of_ones_own_are_no_hindrance() -> None:
    frame = to_dataframe([HumanMessage("hello")]).assign(n_words=1)
    [(_, records, n_rebuilt)] = frame_records(frame, "s")
    assert (records, n_rebuilt) == (frame["raw"].tolist(), 0)
