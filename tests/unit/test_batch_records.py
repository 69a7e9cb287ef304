"""Batches of a Parquet file give the records that their rows give one by one, whatever was edited."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import to_dataframe
from chatmem_nb.columns import batch_records as module
from chatmem_nb.columns.batch_records import batch_records
from chatmem_nb.columns.row_records import frame_records
from chatmem_nb.errors import RecordError
from chatmem_nb.records import encode, encode_all, parse_all
from tests.strategies import json_values, messages

EDITS: dict[str, list[Any]] = {
    "content": ["other", None, ""],
    "role": ["user", "human", "assistant"],
    "name": ["Ann", None],
    "tool_calls": ["[]", None, '[{"name": "f", "args": {}, "id": "1"}]'],
    "input_tokens": [5, None],
    "checksum": [1, None],
    "raw": [None, "", encode(HumanMessage("new"))],
    "session_id": ["other"],
    "index": [0, 7],
    "response_metadata": ['{ "a": 1 }', None],
    "stored_at": [pd.Timestamp("2026-01-01", tz="UTC"), pd.NaT],
}
edits = st.lists(
    st.sampled_from([(name, value) for name, values in EDITS.items() for value in values]).flatmap(
        lambda edit: st.tuples(st.integers(0, 5), st.just(edit))
    ),
    max_size=3,
)
rows = st.lists(st.one_of(messages.map(encode), json_values.map(json.dumps)), min_size=1, max_size=6)


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER", 2)


def outcome(read: Any) -> object:
    try:
        return [(name, list(records), rebuilt) for name, records, rebuilt in read()]
    except (RecordError, ValueError) as error:
        return str(error)


def without_new_ids(found: object) -> object:
    """A record that is built anew gets a new `record_id`."""
    if not isinstance(found, list):
        return found
    return [
        (
            name,
            [(one.raw if one.record_id is None else (one.type, one.data)) for one in parse_all(records)],
            n,
        )
        for name, records, n in found
    ]


@given(rows, edits, st.booleans())
@example(raws=["null"], changes=[(0, ("role", "human"))], encoded=False)
def test_a_batch_gives_what_its_rows_give(
    raws: list[str], changes: list[tuple[int, tuple[str, Any]]], encoded: bool
) -> None:
    frame = to_dataframe(parse_all(raws))
    frame["session_id"] = "s"
    for row, (name, value) in changes:
        kept = frame[name]
        if isinstance(kept.dtype, pd.CategoricalDtype) and value not in (None, *kept.cat.categories):
            frame[name] = kept.cat.add_categories([value])
        frame.loc[row % len(frame), name] = value
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if encoded:  # as files are read
        for place, name in enumerate(table.column_names):
            if pa.types.is_large_string(table.schema.field(name).type):
                table = table.set_column(place, name, table[name].dictionary_encode())
    (batch,) = table.combine_chunks().to_batches()
    expected = outcome(lambda: frame_records(batch.to_pandas(), "s"))
    found = outcome(lambda: batch_records(batch, "s"))
    assert without_new_ids(found) == without_new_ids(expected)


def test_rows_that_nobody_edited_are_not_rebuilt() -> None:
    raws = encode_all([HumanMessage("é"), AIMessage("hi", response_metadata={"model_name": "m"})] * 5)
    frame = to_dataframe(parse_all(raws))
    frame.loc[3, "content"] = "edited"
    (batch,) = pa.Table.from_pandas(frame.assign(session_id="s"), preserve_index=False).to_batches()
    ((name, records, rebuilt),) = batch_records(batch, None)
    assert (name, rebuilt, len(records)) == ("s", 1, 10)
    assert [one for place, one in enumerate(records) if place != 3] == [*raws[:3], *raws[4:]]


@pytest.mark.parametrize("times", ["ns", "text", "naive"])
def test_times_of_another_type_are_read_row_by_row(times: str) -> None:
    raws = encode_all([HumanMessage("a"), HumanMessage("b")])
    frame = to_dataframe(parse_all(raws)).assign(session_id="s")
    stamp = frame.stored_at
    frame["stored_at"] = {
        "ns": stamp.astype("datetime64[ns, UTC]"),
        "text": stamp.map(lambda time: time.isoformat()),
        "naive": stamp.dt.tz_localize(None),
    }[times]
    (batch,) = pa.Table.from_pandas(frame, preserve_index=False).to_batches()
    assert outcome(lambda: batch_records(batch, None)) == outcome(
        lambda: frame_records(batch.to_pandas(), None)
    )
