"""The index of a file of conversations: of one state of it, saved, damaged and hostile."""

from __future__ import annotations

import json
import os
import pickle
from array import array
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from chatmem_nb import (
    FileSource,
    InvalidInputError,
    StoreConflictError,
    StoreError,
)
from chatmem_nb.records import parse_all
from tests.colours import ColouredSource
from tests.exported_talks import FORMATS, ODD, RECORDS, exported, read


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "chats.index"


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_was_changed_is_not_read_by_an_old_index(
    tmp_path: Path, colour: str, format: str
) -> None:
    path = exported(tmp_path / f"talks.{format}")
    with ColouredSource(FileSource(path), colour) as source:
        assert source.length("alice") == 4
        exported(path, {"bøb/2": RECORDS["bøb/2"]})
        for verb, argument in [("read", "alice"), ("length", "alice"), ("summaries", ["alice"])]:
            with pytest.raises(StoreConflictError, match=r"changed since it was indexed; open it again"):
                getattr(source, verb)(argument)
        path.unlink()
        with pytest.raises(StoreError, match="cannot read"):
            source.read("alice")
    exported(path)
    assert read(path) == RECORDS


@pytest.mark.parametrize("format", FORMATS)
def test_an_index_that_was_kept_is_read_instead_of_the_file(
    tmp_path: Path, kept: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exported(tmp_path / f"chats.{format}", ODD)
    first = FileSource(path, index=kept, progress=True)
    found = {name: first.read(name) for name in first.session_ids()}
    assert "index" in capsys.readouterr().err
    kept_bytes, written = kept.read_bytes(), kept.stat().st_mtime_ns
    again = pickle.loads(pickle.dumps(FileSource(path, index=kept, progress=True)))
    again._progress = True
    assert {name: again.read(name) for name in again.session_ids()} == found
    assert list(found) == list(ODD)
    assert capsys.readouterr().err == ""
    assert (kept.read_bytes(), kept.stat().st_mtime_ns) == (kept_bytes, written)
    assert b"ferry" not in kept_bytes


def test_the_index_of_another_state_is_made_anew(tmp_path: Path, kept: Path) -> None:
    path = exported(tmp_path / "chats.jsonl")
    assert FileSource(path, index=kept).length("alice") == 4
    before = kept.read_bytes()
    with path.open("a") as file:
        file.write(path.read_text().splitlines()[0] + "\n")
    assert FileSource(path, index=kept).length("alice") == 5
    assert kept.read_bytes() != before
    os.utime(path, ns=(1, 1))
    FileSource(path, index=kept).length("alice")
    assert b"1]]" in kept.read_bytes()
    other = exported(tmp_path / "other.jsonl", {"zoe": RECORDS["alice"]})
    assert list(FileSource(other, index=kept).session_ids()) == ["zoe"]


def test_a_damaged_or_hostile_index_is_made_anew(tmp_path: Path, kept: Path) -> None:
    path = exported(tmp_path / "chats.jsonl")
    FileSource(path, index=kept).length("alice")
    good = kept.read_bytes()
    header, body = good.split(b"\n", 1)
    said = json.loads(header)

    def written(body: bytes = body, **changes: Any) -> bytes:
        digest = blake2b(body).hexdigest()
        text = json.dumps({**said, "digest": digest, **changes}, separators=(",", ":"))
        return text.encode() + b"\n" + body

    names = body[: said["names"]]
    counts, places = body[len(names) :][:16], body[len(names) + 16 :]
    assert written() == good
    for hostile in [
        good[:-1],
        good + b"\0",
        good[:60],
        header[:40] + b"\xff",
        header,
        good.replace(places, places[::-1]),
        written(sessions=2**60, names=2**60, records=2**60),
        written(sessions=-1),
        written(records=True),
        written(byteorder="middle"),
        written(b"[" * len(names) + counts + places),
        written(names.replace(b"alice", b"al\0ce").replace(b"b", b"\xff") + counts + places),
        written(names + array("q", [0, 5]).tobytes() + places),
        written(names + array("q", [2**62, 2**62]).tobytes() + places),
        written(names + counts + array("q", [-1] * 5).tobytes()),
        written(names + counts + array("q", [2**62] * 5).tobytes()),
        b"",
    ]:
        kept.write_bytes(hostile)
        source = FileSource(path, index=kept)
        assert {name: source.read(name) for name in source.session_ids()} == RECORDS
        assert kept.read_bytes() == good


def test_places_that_someone_made_up_read_nothing_but_the_file(tmp_path: Path, kept: Path) -> None:
    path = exported(tmp_path / "chats.jsonl")
    FileSource(path, index=kept).length("alice")
    header, body = kept.read_bytes().split(b"\n", 1)
    said = json.loads(header)
    body = body[:-8] + array("q", [(5 << 20) + 7]).tobytes()
    kept.write_bytes(
        json.dumps({**said, "digest": blake2b(body).hexdigest()}, separators=(",", ":")).encode()
        + b"\n"
        + body
    )
    [raw] = FileSource(path, index=kept).read("bøb/2")
    assert parse_all([raw])[0].error is not None


def test_nothing_but_an_index_is_overwritten(tmp_path: Path) -> None:
    path = exported(tmp_path / "chats.jsonl")
    precious = tmp_path / "precious.txt"
    precious.write_text("not ours")
    for taken in (precious, path, tmp_path):
        with pytest.raises(InvalidInputError, match="not an index of a FileSource") as caught:
            FileSource(path, index=taken).length("alice")
        assert caught.value.field == "index"
    assert precious.read_text() == "not ours"
    with pytest.raises(StoreError, match="cannot write the index"):
        FileSource(path, index=tmp_path / "no folder" / "x.index").length("alice")
    with pytest.raises(InvalidInputError, match="index must name a file"):
        FileSource(path, index=3)


def test_a_damaged_parquet_file_keeps_no_index(tmp_path: Path, kept: Path) -> None:
    folder = exported(tmp_path / "chats.parquet", partition_by=["session_id"])
    whole = FileSource(folder, index=kept)
    assert whole.length("alice") == 4
    kept.unlink()
    damaged = sorted(folder.rglob("*.parquet"))[-1]
    damaged.write_bytes(b"PAR1")
    source = FileSource(folder, index=kept)
    assert sum(source.length(name) for name in source.session_ids()) > 0
    assert not kept.exists()
