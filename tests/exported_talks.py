"""Files of conversations that tests read: short talks, and odd records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from chatmem_nb import (
    FileSource,
    export,
)
from chatmem_nb.records import encode_all
from tests.plain_reader import PlainReader

CALL = {"name": "search", "args": {"q": "ferry"}, "id": "c1"}


TALKS = {
    "alice": [
        HumanMessage("When does the ferry, the first,\nleave?"),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage("at nine", tool_call_id="c1", name="search"),
        AIMessage("=At nine ⛴"),
    ],
    "bøb/2": [HumanMessage("hello")],
}


RECORDS = {name: encode_all(messages) for name, messages in TALKS.items()}


ODD = {**RECORDS, "odd": ["not JSON", '{"type": "human"}', '{"a":\n1}', "[]"]}


FORMATS = ["parquet", "jsonl", "csv", "jsonl.gz"]


def exported(path: Path, sessions: dict[str, list[str]] = RECORDS, **options: Any) -> Path:
    export(PlainReader(sessions), path, progress=False, **options)
    return path


def read(path: Path) -> dict[str, list[str]]:
    source = FileSource(path)
    return {name: source.read(name) for name in source.session_ids()}
