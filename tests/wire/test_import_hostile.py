"""Files made to do harm: an import raises what it documents, before anything is written, within bounds."""

from __future__ import annotations

import json
import os
import random
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import InvalidInputError, RecordError, export, import_file
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode, parse_all

DOCUMENTED = (InvalidInputError, RecordError, OSError)
CHAT = parse_all([encode(HumanMessage("hé")), encode(AIMessage("x" * 300)), "not json"])
SUFFIXES = ["jsonl", "csv", "parquet"]


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    with LocalUpstash() as server, server.store() as store:
        yield store


def take(path: Path, store: Any) -> None:
    """Import without writing: whatever is raised is documented."""
    with suppress(DOCUMENTED):
        import_file(path, store, session_id="s", dry_run=True)


HAND_MADE: dict[str, bytes] = {
    "deep.jsonl": b"[" * 200_000 + b"]" * 200_000,
    "deep object.jsonl": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep data.jsonl": b'{"type":"human","data":{"content":"","x":' + b"[" * 900 + b"]" * 900 + b"}}",
    "huge integer.jsonl": b'{"type":"human","data":{"content":"","x":' + b"9" * 100_000 + b"}}",
    "huge index.jsonl": b'{"session_id":"s","index":1e999,"type":"human","data":{"content":""}}',
    "id of a list.jsonl": b'{"session_id":[1],"messages":[{"role":"user","content":"x"}]}',
    "id of a number.jsonl": b'{"session_id":5,"messages":[{"role":"user","content":"x"}]}',
    "long id.jsonl": b'{"session_id":"' + b"s" * 100_000 + b'","type":"human","data":{"content":""}}',
    "messages of all kinds.jsonl": b'{"session_id":"s","messages":[1,null,[],{"role":{}},{"role":"user"}]}',
    "not UTF-8.jsonl": b'{"type":"human","data":{"content":"\xff\xfe"}}',
    "NUL.jsonl": b'{"type":"human","data":{"content":"\x00"}}\x00',
    "surrogates.jsonl": b'{"session_id":"\\ud800","type":"human","data":{"content":"\\udfff"}}',
    "one long line.jsonl": b"x" * 3_000_000,
    "UTF-16.csv": "session_id,raw\ns,x\n".encode("utf-16"),
    "NUL.csv": b"session_id,raw\ns,\x00\n",
    "more fields.csv": b"session_id,raw\ns,x,y,z,w\n",
    "fewer fields.csv": b"session_id,index,raw\ns\n",
    "no number.csv": b"session_id,index,raw\ns,abc,x\n",
    "huge number.csv": b"session_id,index,raw\ns," + b"9" * 5_000 + b",x\n",
    "open quote.csv": b'session_id,raw\ns,"' + b"x" * 2_000_000,
    "many columns.csv": b",".join(b"c%d" % n for n in range(50_000)) + b"\n" + b"," * 50_000,
    "the same column.csv": b"raw,raw,raw\nx,y,z\n",
    "empty.csv": b"",
    "empty.jsonl": b"",
    "empty.parquet": b"",
    "magic only.parquet": b"PAR1PAR1",
    "evil footer.parquet": b"PAR1" + b"\xff" * 64 + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
    "footer of noise.parquet": b"PAR1" + b"\x15\xff\xff\xff\x7f" * 20 + (100).to_bytes(4, "little") + b"PAR1",
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_a_hostile_file_raises_what_is_documented(tmp_path: Path, store: Any, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(HAND_MADE[name])
    take(path, store)


COLUMNS: dict[str, Any] = {
    "numbers": pa.array([1, 2]),
    "bytes": pa.array([b"\xff", b"x"]),
    "lists": pa.array([[1], None]),
    "objects": pa.array([{"a": 1}, None]),
    "nulls": pa.nulls(2),
    "not UTF-8": pa.StringArray.from_buffers(
        2, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")
    ),
    "NaN": pa.array([float("nan"), float("inf")]),
    "text": pa.array(["x", None]),
}


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("name", ["raw", "session_id", "index", "content", "stored_at", "tool_calls", "type"])
def test_a_column_of_another_type_raises_what_is_documented(
    tmp_path: Path, store: Any, name: str, kind: str
) -> None:
    whole = {"session_id": pa.array(["s", "s"]), "index": pa.array([0, 1]), "type": pa.array(["human"] * 2)}
    pq.write_table(
        pa.table({**whole, "raw": pa.array(["x", "y"]), name: COLUMNS[kind]}), tmp_path / "x.parquet"
    )
    take(tmp_path / "x.parquet", store)
    rebuilt = {**whole, "content": pa.array(["x", "y"]), name: COLUMNS[kind]}
    pq.write_table(pa.table(rebuilt), tmp_path / "y.parquet")
    take(tmp_path / "y.parquet", store)


@pytest.mark.slow
def test_a_file_that_unpacks_to_far_more_is_refused(tmp_path: Path, store: Any) -> None:
    path = tmp_path / "bomb.parquet"
    table = pa.table({"session_id": ["s"] * 40, "raw": ["x" * 10_000_000 + str(n) for n in range(40)]})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InvalidInputError, match=r"unpacks to 40\d,...,... bytes"):
        import_file(path, store)


def test_a_text_that_repeats_is_counted_each_time(tmp_path: Path, store: Any) -> None:
    """A dictionary holds it once, and so does the size that the file gives."""
    path = tmp_path / "bomb.parquet"
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"session_id": pa.array(["s"] * 20_000), "raw": repeated}), path)
    assert path.stat().st_size < 2_000_000
    tracemalloc.start()
    with pytest.raises(InvalidInputError, match="texts repeat"):
        import_file(path, store)
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    assert pa.total_allocated_bytes() < 100_000_000
    tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_at_once(tmp_path: Path, store: Any) -> None:
    os.mkfifo(tmp_path / "x.jsonl")
    with pytest.raises(InvalidInputError, match="neither a file nor a folder"):
        import_file(tmp_path / "x.jsonl", store)


def test_bytes_that_are_not_utf8_are_named_so(tmp_path: Path, store: Any) -> None:
    (tmp_path / "x.jsonl").write_bytes(HAND_MADE["not UTF-8.jsonl"])
    with pytest.raises(InvalidInputError, match="not UTF-8"):
        import_file(tmp_path / "x.jsonl", store)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_a_damaged_file_raises_what_is_documented(tmp_path: Path, store: Any, suffix: str, seed: int) -> None:
    whole, path = tmp_path / f"whole.{suffix}", tmp_path / f"damaged.{suffix}"
    if not whole.exists():
        export(CHAT, whole, progress=False)
    chance, data = random.Random(seed), bytearray(whole.read_bytes())
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(data))
        if chance.random() < 0.5:
            data[at] = chance.randrange(256)
        else:
            data[at : at + chance.randrange(20)] = chance.randbytes(chance.randrange(20))
    path.write_bytes(data)
    take(path, store)


@given(
    lines=st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["type", "data", "raw", "session_id", "index", "messages", "role", "content", "x"]
                    ),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=12,
        ),
        max_size=4,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_of_any_shape_raises_what_is_documented(tmp_path: Path, store: Any, lines: list[Any]) -> None:
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    take(tmp_path / "x.jsonl", store)
