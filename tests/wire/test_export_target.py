"""What an export may write to: regular files that no other export writes to; links stay links."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import InvalidInputError, export
from chatmem_nb.records import encode, parse_all

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes and locks of POSIX")
CHAT = [HumanMessage("hi")]

HOLDER = """
    import sys
    from langchain_core.messages import HumanMessage
    from chatmem_nb import export

    def messages():
        yield HumanMessage("from the other process")
        print("started", flush=True)
        sys.stdin.readline()

    export(messages(), sys.argv[1], progress=False)
    print("done", flush=True)
"""


class Unread:
    """A source that fails the test when it is read."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("the source was read")


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of an export to x.jsonl."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path / "x.jsonl")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_export_to_a_path_is_refused(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    (tmp_path / "link.jsonl").symlink_to("x.jsonl")
    for name in ("x.jsonl", "link.jsonl"):
        with pytest.raises(InvalidInputError, match=f"process {holder.pid} ") as refused:
            export(Unread(), tmp_path / name, progress=False)
        assert "x.jsonl" in str(refused.value)
    export(CHAT, tmp_path / "y.jsonl", progress=False)
    output, _ = holder.communicate("\n", timeout=60)
    assert output == "done\n"
    assert "from the other process" in (tmp_path / "x.jsonl").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"x.jsonl", "link.jsonl", "y.jsonl"}


def test_a_killed_export_holds_no_lock(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait(timeout=60)
    export(CHAT, tmp_path / "x.jsonl", progress=False)
    assert "hi" in (tmp_path / "x.jsonl").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]


def test_a_failed_export_holds_no_lock(tmp_path: Path) -> None:
    def broken() -> Iterator[Any]:
        yield CHAT[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(broken(), tmp_path / "x.jsonl", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_exports_of_two_threads_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    barrier = threading.Barrier(4)
    refused: list[InvalidInputError] = []

    def run(number: int) -> None:
        barrier.wait()
        for _ in range(20):
            try:
                export([HumanMessage(f"{number}")] * 50, path, progress=False)
            except InvalidInputError as exc:
                refused.append(exc)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"process {os.getpid()} " in str(exc) for exc in refused)
    lines = path.read_text().splitlines()
    assert len(lines) == 50
    assert len({line.split('"content":')[1][:6] for line in lines}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["x.jsonl"]


@pytest.mark.parametrize(
    "kind", ["directory", "full directory", "fifo", "socket", "device", "link to a fifo"]
)
def test_what_is_no_regular_file_is_refused_unread(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.jsonl"
    listening = socket.socket(socket.AF_UNIX)
    if "directory" in kind:
        path.mkdir()
        if kind == "full directory":
            (path / "kept.txt").write_text("kept")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        before = Path.cwd()
        os.chdir(tmp_path)  # the path of a socket has 107 characters at most
        listening.bind("x.jsonl")
        os.chdir(before)
    elif kind == "device":
        path = Path("/dev/null")
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    mode = path.stat().st_mode
    with pytest.raises(InvalidInputError, match="not a regular file"):
        export(Unread(), path, "jsonl", progress=False)
    assert path.stat().st_mode == mode
    assert kind != "full directory" or (path / "kept.txt").read_text() == "kept"
    assert not list(tmp_path.glob(".*"))
    listening.close()


def test_a_partitioned_export_replaces_nothing_but_its_like(tmp_path: Path) -> None:
    chat = parse_all([encode(message) for message in CHAT])
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("kept")
    for name, problem in {"file": "is a file", "folder": "thesis.txt"}.items():
        with pytest.raises(InvalidInputError, match=problem):
            export(Unread(), tmp_path / name, "parquet", partition_by="role", progress=False)
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "thesis.txt").read_text() == "kept"
    for _ in range(2):
        export(chat, tmp_path / "parts", "parquet", partition_by="role", progress=False)
    assert len(pd.read_parquet(tmp_path / "parts")) == 1


def test_a_link_stays_one_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "real.jsonl"
    for number, before in enumerate(["before", None]):
        if before is None:
            target.unlink()  # a link to nothing
        else:
            target.write_text(before)
            (tmp_path / "x.jsonl").symlink_to(Path("elsewhere") / "real.jsonl")
        report = export([HumanMessage(str(number))], tmp_path / "x.jsonl", progress=False)
        assert report.path == tmp_path / "x.jsonl"
        assert (tmp_path / "x.jsonl").is_symlink()
        assert not target.is_symlink()
        assert report.bytes == target.stat().st_size > 50
        assert [path.name for path in target.parent.iterdir()] == ["real.jsonl"]
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    with pytest.raises(InvalidInputError, match="loop"):
        export(Unread(), tmp_path / "loop.jsonl", progress=False)


def test_a_planted_lock_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / ".x.jsonl.lock").symlink_to(victim)
    export(CHAT, tmp_path / "x.jsonl", progress=False)
    os.mkfifo(tmp_path / ".x.jsonl.lock")
    export(CHAT, tmp_path / "x.jsonl", progress=False)
    assert victim.read_text() == "kept"
    assert {path.name for path in tmp_path.iterdir()} == {"victim", "x.jsonl"}


def test_a_misspelt_session_does_not_replace_an_export(store: Any, tmp_path: Path) -> None:
    store.append("alice", [encode(HumanMessage("hi"))])
    path = tmp_path / "x.jsonl"
    export((store, ["alice"]), path, progress=False)
    before = path.read_bytes()
    with pytest.raises(
        InvalidInputError, match=r"no messages of these sessions: 'alcie'; list\(store.session_ids"
    ):
        export((store, ["alcie"]), path, progress=False)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x.jsonl"]
    assert export((store, ["alice", "alcie"]), path, progress=False).sessions == 1
