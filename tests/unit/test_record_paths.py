"""The short ways of records are what the long ways are: `model_dump()`, the classes' constructors."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from langchain_core import messages as lc
from langchain_core.messages import BaseMessage
from pydantic import BaseModel

from chatmem_nb import records
from chatmem_nb.errors import InvalidInputError, RecordError
from tests import strategies
from tests.unit.test_records import BAD_RECORDS


class Colour(StrEnum):
    RED = "red"


class Model(BaseModel):
    number: int = 1


@dataclass
class Data:
    number: int = 1


@given(strategies.messages)
def test_a_record_holds_what_model_dump_says(message: BaseMessage) -> None:
    record = json.loads(records.encode(message))
    assert record["type"] == message.type
    assert record["data"] == json.loads(json.dumps(message.model_dump()))


@given(strategies.messages)
def test_a_message_is_built_as_its_class_builds_it(message: BaseMessage) -> None:
    raw = records.encode(message)
    value = json.loads(raw)
    [built] = records.messages_of([raw], "s")
    expected = records.MESSAGE_CLASSES[value["type"]](**value["data"])
    assert built == expected == records.parse(raw).message
    assert built.model_fields_set == expected.model_fields_set
    assert built.model_dump() == expected.model_dump()
    assert repr(built) == repr(expected)
    assert built.model_copy() == built


@pytest.mark.parametrize(
    "value",
    [
        Model(),
        Data(),
        Colour.RED,
        (1, (2,)),
        {1: "int", None: "none", False: "false"},
        float("nan"),
        [Model()],
    ],
    ids=str,
)
def test_values_that_only_model_dump_takes_apart_are_stored_as_it_says(value: Any) -> None:
    message = lc.AIMessage("hi", additional_kwargs={"value": value}, response_metadata={"value": value})
    record = json.loads(records.encode(message))
    assert json.dumps(record["data"]) == json.dumps(json.loads(json.dumps(message.model_dump())))


@pytest.mark.parametrize(
    "value", [datetime(2026, 1, 1), b"bytes", {1, 2}, object()], ids=lambda v: type(v).__name__
)
def test_values_that_json_has_no_form_for_are_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="JSON cannot"):
        records.encode(lc.HumanMessage("hi", additional_kwargs={"value": value}))


def test_fields_beyond_those_of_the_class_are_kept() -> None:
    message = lc.AIMessage("hi", example=True, note={"a": [1]})
    [built] = records.messages_of([records.encode(message)], "s")
    assert built == message
    assert built.note == {"a": [1]}


def test_a_class_of_ones_own_is_stored_by_its_own_rules() -> None:
    class Loud(lc.HumanMessage):
        def model_dump(self, **kwargs: Any) -> dict[str, Any]:
            return {**super().model_dump(**kwargs), "content": str(self.content).upper()}

    assert json.loads(records.encode(Loud("hi")))["data"]["content"] == "HI"


@pytest.mark.parametrize(("raw", "shape", "build"), BAD_RECORDS, ids=lambda v: str(v)[:50])
def test_a_bad_record_is_refused_alike_on_both_ways(raw: str, shape: str | None, build: str | None) -> None:
    def outcome(call: Any) -> object:
        try:
            return call()
        except RecordError as exc:
            return str(exc), exc.index, exc.session_id, exc.reason

    good = records.encode(lc.HumanMessage("hi"))
    long_way = outcome(lambda: records.build_messages(records.parse_all([good, raw], 5), "s"))
    assert outcome(lambda: records.messages_of([good, raw], "s", 5)) == long_way


def test_building_a_message_changes_no_record() -> None:
    call = {"name": "n", "args": {}, "id": "1", "extras": {"x": 1}}
    raw = json.dumps({"type": "ai", "data": {"content": "", "tool_calls": [call], "content_blocks": None}})
    record = records.parse(raw)
    before = json.dumps(record.data)
    assert record.message == record.message
    assert json.dumps(record.data) == before


@pytest.mark.parametrize("enabled", [True, False])
def test_reading_leaves_the_collector_as_it_was(enabled: bool) -> None:
    good = records.encode(lc.HumanMessage("hi"))
    try:
        (gc.enable if enabled else gc.disable)()
        records.messages_of([good], "s")
        with pytest.raises(RecordError):
            records.messages_of([good, "broken"], "s")
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_every_record_has_an_id_of_its_own() -> None:
    ids = {json.loads(text)["record_id"] for text in records.encode_all([lc.HumanMessage("hi")] * 1_000)}
    assert len(ids) == 1_000
    assert all(len(one) == 32 and int(one, 16) for one in ids)


@given(strategies.json_values)
def test_plain_values_are_stored_as_json_stores_them(value: Any) -> None:
    message = lc.AIMessage("hi", additional_kwargs={"value": value})
    stored = json.loads(records.encode(message))["data"]["additional_kwargs"]
    assert repr(stored) == repr(json.loads(json.dumps({"value": value})))


@pytest.mark.parametrize(
    "value",
    [2**63, -(2**63) - 1, 2**64, 10**400, 1e16, 5e-324, 1.7976931348623157e308, -0.0, float("inf"), "\u2028"],
    ids=repr,
)
def test_a_value_at_the_edge_comes_back(value: Any) -> None:
    message = lc.AIMessage("hi", additional_kwargs={"value": value})
    [read] = records.messages_of([records.encode(message)], "s")
    assert repr(read.additional_kwargs["value"]) == repr(value)
    assert type(read.additional_kwargs["value"]) is type(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    message = lc.HumanMessage("hi")
    message.additional_kwargs["value"] = endless
    with pytest.raises(InvalidInputError):
        records.encode(message)
