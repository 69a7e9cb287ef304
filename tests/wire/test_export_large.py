"""One message of fifty megabytes goes the whole way, and does not stop the others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import export, from_dataframe, import_file, to_dataframe
from chatmem_nb.formats.reading import FileReader
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all, parse_all

pytestmark = pytest.mark.slow

TEXT = "=é<b>\n" * 8_400_000


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl", "x.csv"])
def test_fifty_megabytes_in_one_message(tmp_path: Path, name: str) -> None:
    raws = encode_all([HumanMessage("before"), HumanMessage(TEXT), AIMessage("after")])
    assert len(TEXT.encode()) > 50_000_000
    path = tmp_path / name
    export(parse_all(raws), path, progress=False)
    pieces = FileReader(path, session_id="a").pieces()
    assert [record for piece in pieces for record in piece.records] == raws
    if name == "x.parquet":
        frame = pd.read_parquet(path, columns=["content"])
        assert frame.content.tolist() == ["before", TEXT, "after"]


def test_what_a_service_does_not_take_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    large = to_dataframe([HumanMessage("before"), HumanMessage(TEXT)]).assign(session_id="large")
    both = pd.concat([large, to_dataframe([AIMessage("fine")]).assign(session_id="small")])
    both.to_parquet(path)
    with LocalUpstash() as server, server.store() as store:
        for report in (import_file(path, store), from_dataframe(both, store, on_conflict="skip")):
            problems = report.set_index("session_id").problem
            assert "record 1" in problems["large"]
            assert problems["small"] == ""
        assert list(store.session_ids()) == ["small"]


def test_fifty_megabytes_can_be_read_by_people(tmp_path: Path) -> None:
    for name in ("x.md", "x.html"):
        report = export([HumanMessage(TEXT), AIMessage("after")], tmp_path / name, progress=False)
        assert report.bytes > 50_000_000
