"""Files of conversations that are damaged, empty or of other columns."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import (
    FileSource,
    InvalidInputError,
    to_dataframe,
)
from chatmem_nb.records import encode_all, parse_all
from tests.colours import ColouredSource
from tests.exported_talks import FORMATS, RECORDS, exported

# Bad input


def test_other_columns_are_named_with_what_is_missing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"speaker": ["a"], "text": ["hi"]})
    frame.to_parquet(tmp_path / "chat.parquet")
    frame.to_csv(tmp_path / "chat.csv", index=False)
    for name in ("chat.parquet", "chat.csv"):
        with pytest.raises(
            InvalidInputError, match=r"its columns are 'speaker', 'text'; missing is `raw`, or"
        ):
            to_dataframe(tmp_path / name)
    (tmp_path / "chat.jsonl").write_text('{"speaker": "a"}\n')
    with pytest.raises(InvalidInputError, match="first line has the keys 'speaker'"):
        to_dataframe(tmp_path / "chat.jsonl")


def test_a_column_of_another_type_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"raw": [{"a": 1}]}), tmp_path / "chat.parquet")
    with pytest.raises(InvalidInputError, match="column `raw` is struct") as failed:
        to_dataframe(tmp_path / "chat.parquet")
    assert failed.value.field == "raw"


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_file_is_an_error_that_says_so(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"empty.{format}"
    path.touch()
    with pytest.raises(InvalidInputError, match="is empty"):
        to_dataframe(path)


@pytest.mark.parametrize("kept", [4, 100, -1, -9])
def test_a_truncated_footer_is_an_error_that_says_so(tmp_path: Path, kept: int) -> None:
    path = exported(tmp_path / "talks.parquet")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        InvalidInputError, match=r"cannot be read as Parquet.*was it copied or downloaded whole"
    ):
        to_dataframe(path)


def test_a_damaged_file_of_a_folder_hides_no_other(tmp_path: Path) -> None:
    path = exported(tmp_path / "talks.parquet", partition_by=["session_id"])
    damaged = next((path / "session_id=alice").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:50])
    source = FileSource(path)
    assert source.read("bøb/2") == RECORDS["bøb/2"]
    [record] = parse_all(source.read("talks"))
    assert "cannot be read as Parquet" in str(record.error)


def test_a_damaged_row_group_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "talks.parquet"
    names = [f"s{number}" for number in range(30)]
    raws = encode_all([HumanMessage(f"{number} {os.urandom(200).hex()}") for number in range(30)])
    pq.write_table(
        pa.table({"session_id": names, "index": [0] * 30, "raw": raws}),
        path,
        row_group_size=10,
        compression="zstd",
    )
    column = pq.read_metadata(path).row_group(1).column(2)
    data = bytearray(path.read_bytes())
    begin = column.dictionary_page_offset or column.data_page_offset
    data[begin : begin + column.total_compressed_size] = b"\0" * column.total_compressed_size
    path.write_bytes(data)
    source = FileSource(path)
    assert source.read("s3") + source.read("s25") == [raws[3], raws[25]]
    [record] = parse_all(source.read("s15"))
    assert "row group 1 cannot be read" in str(record.error)
    assert to_dataframe(path)["error"].notna().sum() == 10


def test_a_damaged_line_keeps_its_place_and_hides_no_other(tmp_path: Path, colour: str) -> None:
    path = exported(tmp_path / "talks.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1][:60] + b"\n"
    lines[2] = b"{broken\xff\n"
    path.write_bytes(b"".join(lines)[:-20])
    with ColouredSource(FileSource(path), colour) as source:
        assert list(source.session_ids()) == list(RECORDS)
        alice = source.read("alice")
        assert [alice[0], alice[3]] == [RECORDS["alice"][0], RECORDS["alice"][3]]
        errors = [record.error for record in parse_all(alice + source.read("bøb/2"))]
        assert [error is None for error in errors] == [True, False, False, True, False]
        assert "not UTF-8" in str(errors[2])


def test_a_damaged_row_of_csv_hides_no_other(tmp_path: Path, colour: str) -> None:
    names = [f"s{number}" for number in range(6)]
    sessions = {name: encode_all([HumanMessage(f"{name}\nhas lines, and\r\ncommas")]) for name in names}
    path = exported(tmp_path / "talks.csv", sessions, columns=["session_id", "index", "content", "raw"])
    with path.open(newline="", encoding="utf-8-sig") as file:
        text = file.read()
    text = text.replace('s1,0,"', 's1,0,"x" "', 1).replace("s3,0,", "s3,0,0,", 1)
    path.write_bytes(text.encode() + b's6,0,"never ends\ns7,\xff,,\n')
    with ColouredSource(FileSource(path), colour) as source:
        good = {name: source.read(name)[:1] for name in ("s0", "s2", "s4", "s5")}
        assert good == {name: sessions[name] for name in good}
        errors = [record.error for name in source.session_ids() for record in parse_all(source.read(name))]
        assert sum(error is None for error in errors) == 4
        assert any("UTF-8" in str(error) for error in errors)
        assert any("cells, and the header 4" in str(error) for error in errors)


def test_utf_16_is_told(tmp_path: Path) -> None:
    path = tmp_path / "talks.jsonl"
    path.write_text(exported(tmp_path / "a.jsonl").read_text(encoding="utf-8"), encoding="utf-16")
    with pytest.raises(InvalidInputError, match="UTF-16; convert"):
        to_dataframe(path)
