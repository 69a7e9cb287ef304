"""The plain copy of a compressed file is removed, even if the process that made it was killed."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import FileSource, export
from chatmem_nb.records import encode_all, parse_all

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no lock on a folder")

READ_AND_WAIT = """
import sys
from chatmem_nb import FileSource
source = FileSource(sys.argv[1])
print(source.length("chats"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = tmp_path / "chats.jsonl.gz"
    export(parse_all(encode_all([HumanMessage("hi")])), path, progress=False)
    return path


def copies(path: Path) -> list[str]:
    return os.listdir(path.parent / "temporary")


def test_the_copy_of_a_process_stays_until_it_is_killed(path: Path) -> None:
    command = [sys.executable, "-c", READ_AND_WAIT, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "1\n"
        [used] = copies(path)
        assert FileSource(path).length("chats") == 1
        assert copies(path) == [used]
        reader.kill()
    assert copies(path) == [used]
    assert FileSource(path).length("chats") == 1
    gc.collect()
    assert copies(path) == []


def test_a_file_is_read_where_nothing_can_be_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")  # as on some network file systems

    monkeypatch.setattr(fcntl, "flock", no_locks)
    talks = FileSource(path)
    assert talks.length("chats") == 1
    assert len(copies(path)) == 1
    assert FileSource(path).length("chats") == 1, "whose clean-up leaves the first copy alone"
    assert talks.length("chats") == 1
