"""JSONL compressed with gzip and Zstandard: the same records both ways, and nothing that a file can break."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from chatmem_nb import FileSource, InvalidInputError, StoreLimitError, export, to_dataframe
from chatmem_nb.formats.reading import FileReader
from chatmem_nb.local import LocalUpstash
from tests.odd_records import odd_records
from tests.plain_reader import PlainReader

SUFFIXES = [".gz", ".zst"]
RECORDS = odd_records()
SESSIONS = {"odd": RECORDS}


def unpacked(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    with pa.input_stream(str(path), compression="zstd") as file:
        return bytes(file.read())


def packed(path: Path, text: bytes) -> Path:
    """Write `text` compressed, as other programs do."""
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text))
    else:
        with pa.output_stream(str(path), compression="zstd") as file:
            file.write(text)
    return path


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of this test's own, in which nothing may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_conversations_make_the_same_file(tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        export(PlainReader(SESSIONS), tmp_path / f"{name}.jsonl{suffix}", progress=False)
    one, two = (tmp_path / f"{name}.jsonl{suffix}" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    if suffix == ".gz":
        assert one.read_bytes()[3] == 0, "a name in the header, as which others would unpack it"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_file_holds_the_same_bytes_as_one_that_is_not_compressed(tmp_path: Path, suffix: str) -> None:
    plain, path = tmp_path / "talks.jsonl", tmp_path / f"talks.jsonl{suffix}"
    export(PlainReader(SESSIONS), plain, progress=False)
    report = export(PlainReader(SESSIONS), path, progress=False)
    assert unpacked(path) == plain.read_bytes()
    assert (report.format, report.bytes) == ("jsonl", path.stat().st_size)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([plain.name, path.name, "temporary"])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_exported_is_read_byte_for_byte(tmp_path: Path, temporary: Path, suffix: str) -> None:
    path = tmp_path / f"talks.jsonl{suffix}"
    export(PlainReader(SESSIONS), path, progress=False)
    source = FileSource(path)
    assert {name: source.read(name) for name in source.session_ids()} == SESSIONS
    reader = FileReader(path)
    assert [record for piece in reader.pieces() for record in piece.records] == RECORDS
    assert to_dataframe(path)["raw"].tolist() == to_dataframe(PlainReader(SESSIONS))["raw"].tolist()
    assert (temporary.stat().st_mode & 0o777, len(list(temporary.iterdir()))) == (0o755, 2)
    assert {folder.stat().st_mode & 0o777 for folder in temporary.iterdir()} == {0o700}
    del source, reader
    assert list(temporary.iterdir()) == []


FORKED = """
import os, sys
from chatmem_nb import FileSource
source = FileSource(sys.argv[1])
before = source.read("odd")
if os.fork() == 0:
    sys.exit(0)
os.wait()
print(source.read("odd") == before)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_child_that_ends_leaves_the_copy(tmp_path: Path, temporary: Path) -> None:
    export(PlainReader(SESSIONS), tmp_path / "talks.jsonl.gz", progress=False)
    found = subprocess.run(
        [sys.executable, "-c", FORKED, str(tmp_path / "talks.jsonl.gz")],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        check=True,
    )
    assert found.stdout.strip() == "True"
    assert list(temporary.iterdir()) == []


def test_the_command_line_tools_read_what_is_written(tmp_path: Path) -> None:
    for suffix, tool in ((".gz", "gzip"), (".zst", "zstd")):
        path = tmp_path / f"talks.jsonl{suffix}"
        export(PlainReader(SESSIONS), path, progress=False)
        if shutil.which(tool):
            found = subprocess.run([tool, "-dc", str(path)], capture_output=True, check=True)
            assert found.stdout == unpacked(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_interrupted_export_goes_on_and_is_compressed_once(tmp_path: Path, suffix: str) -> None:
    path, whole = tmp_path / f"talks.jsonl{suffix}", tmp_path / "whole.jsonl"
    with LocalUpstash() as server, server.store() as store:
        for number in range(6):
            store.append(f"talk-{number}", RECORDS[:3])
        with pytest.raises(StoreLimitError):
            export(store, path, max_commands=4, progress=False)
        assert not path.exists()
        assert export(store, path, progress=False).resumed > 0
        export(store, whole, progress=False)
    assert unpacked(path) == whole.read_bytes()


def test_gzip_of_the_same_text_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        export(PlainReader(SESSIONS), tmp_path / f"{name}.jsonl.gz", progress=False)
        os.utime(tmp_path / f"{name}.jsonl.gz", (0, 0))
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_several_members_is_read_whole(tmp_path: Path, suffix: str) -> None:
    parts = [
        b'{"session_id": "s", "type": "human", "data": {"content": "%d"}}\n' % number for number in (1, 2)
    ]
    path = tmp_path / f"talks.jsonl{suffix}"
    path.write_bytes(b"".join(packed(tmp_path / f"part{suffix}", part).read_bytes() for part in parts))
    assert to_dataframe(path)["content"].tolist() == ["1", "2"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_compressed_file_is_told_by_its_first_bytes(tmp_path: Path, suffix: str) -> None:
    line = b'{"session_id": "s", "type": "human", "data": {"content": "hi"}}\n'
    path = packed(tmp_path / f"talks.jsonl{suffix}", line).rename(tmp_path / "talks.jsonl")
    assert to_dataframe(path)["content"].tolist() == ["hi"]
    plain = tmp_path / f"plain.jsonl{suffix}"
    plain.write_bytes(line)  # downloaded by what unpacks it on the way
    assert to_dataframe(plain)["content"].tolist() == ["hi"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("read", [FileReader, lambda path: FileSource(path).length("s")])
def test_a_truncated_file_is_refused(tmp_path: Path, temporary: Path, suffix: str, read: Any) -> None:
    lines = "".join(
        f'{{"session_id": "s", "type": "human", "data": {{"content": "{random.Random(n).random()}"}}}}\n'
        for n in range(20_000)
    )
    path = packed(tmp_path / f"talks.jsonl{suffix}", lines.encode())
    whole = path.read_bytes()
    for size in (len(whole) // 2, len(whole) - 1, 12):
        path.write_bytes(whole[:size])
        with pytest.raises(InvalidInputError, match="truncated or damaged"):
            read(path)
    assert list(temporary.iterdir()) == []


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "talks.jsonl.gz", b'{"session_id": "s", "raw": "hi"}\n' * 1_000)
    damaged = bytearray(path.read_bytes())
    damaged[-6] ^= 1  # of its checksum
    path.write_bytes(damaged)
    with pytest.raises(InvalidInputError, match="truncated or damaged"):
        FileReader(path)


REFUSE = """
import sys
from pathlib import Path
from chatmem_nb import InvalidInputError
from chatmem_nb.formats import compression
from chatmem_nb.formats.reading import FileReader
from tests.peak_memory import peak_mb
compression.SMALL = 20_000_000
for path in sys.argv[1:]:
    before = peak_mb()
    try:
        FileReader(Path(path))
    except InvalidInputError as error:
        print("unpacks to more than" in str(error), peak_mb() - before < 15)
"""


def test_a_file_that_unpacks_to_far_more_is_refused_in_bounded_memory(
    tmp_path: Path, temporary: Path
) -> None:
    paths = [tmp_path / f"bomb.jsonl{suffix}" for suffix in SUFFIXES]
    with gzip.open(paths[0], "wb", 1) as first, pa.output_stream(str(paths[1]), compression="zstd") as second:
        for _ in range(60):
            first.write(b"0" * 1_000_000)  # one line, that does not end
            second.write(b"0" * 1_000_000)
    found = subprocess.run(
        [sys.executable, "-c", REFUSE, *map(str, paths)],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        check=True,
    )
    assert found.stdout.split() == ["True"] * 4
    assert list(temporary.iterdir()) == []


def test_other_formats_are_not_written_compressed(tmp_path: Path) -> None:
    for name in ("talks.parquet.gz", "talks.csv.zst", "talks.html.gz"):
        with pytest.raises(InvalidInputError, match="not written compressed"):
            export(PlainReader(SESSIONS), tmp_path / name, progress=False)
    with pytest.raises(InvalidInputError, match=r"suffix '\.txt' names no format"):
        export(PlainReader(SESSIONS), tmp_path / "talks.txt.gz", progress=False)
