"""An export that is stopped leaves no broken file, and the next one goes on where it stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import StoreLimitError, StoreUnavailableError, estimate, export, import_file, to_dataframe
from chatmem_nb.exports import export_run
from chatmem_nb.formats.html_pages import split_pages
from chatmem_nb.formats.parquet_file import ParquetWriter
from chatmem_nb.formats.reading import FileReader
from chatmem_nb.formats.writer import TextWriter
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.records import encode_all
from tests.parquet import assert_holds

SESSIONS = 100
FORMATS = ["x.parquet", "x.jsonl", "x.csv", "x.md", "x.html"]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalUpstash]:
    with LocalUpstash() as server:
        with server.store() as store:
            for number in range(SESSIONS):
                answer = AIMessage("yes", response_metadata={"model": "m"})
                store.append(f"s{number:03}", encode_all([HumanMessage(f"é {number}"), answer]))
        yield server


@pytest.fixture
def store(server: LocalUpstash) -> Iterator[Any]:
    server.faults.clear()
    with server.store() as store:
        yield store


@pytest.fixture(autouse=True)
def checkpoints_come_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_run, "CHECKPOINT_S", 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_stopped_export_goes_on(store: Any, tmp_path: Path, name: str) -> None:
    whole = export(store, tmp_path / f"whole-{name}", progress=False)
    path = tmp_path / name
    path.write_text("what was here before")
    with pytest.raises(StoreLimitError, match="max_commands=60") as stopped:
        export(store, path, max_commands=60, progress=False)
    assert "repeat the export with the same arguments to resume" in stopped.value.__notes__[0]
    assert path.read_text() == "what was here before"
    report = export(store, path, progress=False)
    assert report.resumed > 50
    assert report.resumed + report.sessions == SESSIONS
    assert report.commands < whole.commands - 50
    if name == "x.parquet":
        assert_holds(path, to_dataframe(store))
    else:
        assert path.read_bytes() == (tmp_path / f"whole-{name}").read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {name, f"whole-{name}"}


def test_a_lost_service_is_a_stop_like_any_other(server: LocalUpstash, store: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    found = iter(store.session_ids())
    some = [next(found) for _ in range(60)]

    def ids() -> Iterator[str]:
        yield from some[:50]
        server.faults.add("drop_before", times=1_000)
        yield from some[50:]

    with pytest.raises(StoreUnavailableError):
        for _, _, _ in store.read_many(ids()):
            pass
    server.faults.add("drop_before", times=1_000, command="LRANGE")
    with pytest.raises(StoreUnavailableError):
        export(store, path, progress=False)
    assert list(tmp_path.iterdir()) == []
    server.faults.clear()
    assert export(store, path, progress=False).sessions == SESSIONS


def test_another_export_does_not_go_on_with_it(store: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for again in ({"columns": ["content"]}, {"where": {"role": "user"}}, {"resume": False}):
        with pytest.raises(StoreLimitError):
            export(store, path, max_commands=60, progress=False)
        assert export(store, path, progress=False, **again).resumed == 0
    with pytest.raises(StoreLimitError):
        export((store, ["s001", "s002", "s003"]), path, max_commands=1, progress=False)
    assert export((store, ["s001"]), path, progress=False).resumed == 0


def test_what_was_cut_in_the_middle_is_taken_off(store: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with pytest.raises(StoreLimitError):
        export(store, path, max_commands=60, progress=False)
    partial = tmp_path / ".x.jsonl.partial"
    with (partial / "output").open("a") as file:
        file.write('{"session_id": "half a li')
    with (partial / "journal.jsonl").open("a") as file:
        file.write('{"sessions": ["half a')
    export(store, path, progress=False)
    assert [json.loads(line)["session_id"] for line in path.read_text().splitlines()].count("s000") == 2
    assert len(path.read_text().splitlines()) == 2 * SESSIONS


@pytest.mark.skipif(os.name != "posix", reason="Windows has no umask")
@pytest.mark.parametrize("format", ["parquet", "huggingface", "jsonl"])
def test_an_export_goes_on_where_groups_share_their_files(store: Any, tmp_path: Path, format: Any) -> None:
    umask = os.umask(0o002)
    try:
        with pytest.raises(StoreLimitError):
            export(store, tmp_path / "x", format, max_commands=60, progress=False)
        assert export(store, tmp_path / "x", format, progress=False).resumed > 50
    finally:
        os.umask(umask)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("stopped", ["before", "at", "after"])
@pytest.mark.parametrize("name", ["x.parquet", "parted", "x.jsonl", "x.jsonl.gz", "x.html"])
def test_an_export_that_was_stopped_at_its_end_is_whole_the_next_time(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, stopped: str
) -> None:
    path, replace, rmtree = tmp_path / name, os.replace, shutil.rmtree
    options: Any = {"format": "parquet", "partition_by": "role"} if name == "parted" else {}
    monkeypatch.setattr(split_pages, "__kwdefaults__", {"limit": 3_000})

    def stop_at_replace(source: Path, target: Path) -> None:
        if target != path or stopped != "before":
            replace(source, target)
        if target == path and stopped != "after":
            raise KeyboardInterrupt

    def stop_at_rmtree(folder: Path, **options: Any) -> None:
        if folder.suffix == ".partial":
            raise KeyboardInterrupt
        rmtree(folder, **options)

    names = [f"s{number:03}" for number in range(5)]
    with monkeypatch.context() as interrupted:
        interrupted.setattr(os, "replace", stop_at_replace)
        interrupted.setattr(shutil, "rmtree", stop_at_rmtree)
        with pytest.raises(KeyboardInterrupt):
            export((store, names), path, progress=False, **options)
    report = export((store, names), path, progress=False, **options)
    assert report.resumed + report.sessions == 5
    assert stopped == "at" or report.resumed == (5 if stopped == "before" else 0)
    if name == "x.html":
        pages = [page.read_text() for page in path.parent.glob(f"{name}.pages-*/*")]
        assert sorted(re.findall(r"é \d+", "".join(pages))) == [f"é {number}" for number in range(5)]
    else:
        records = [raw for piece in FileReader(path, options.get("format")).pieces() for raw in piece.records]
        assert sorted(records) == sorted(raw for session_id in names for raw in store.read(session_id))
    assert not (tmp_path / f".{name}.partial").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl"])
def test_the_interrupt_button_leaves_no_broken_file(server: LocalUpstash, tmp_path: Path, name: str) -> None:
    code = f"""
        import sys
        from chatmem_nb import UpstashSessionStore, export
        from chatmem_nb.exports import export_run
        export_run.CHECKPOINT_S = 0.0
        with UpstashSessionStore({server.url!r}, sys.stdin.readline().strip()) as store:
            print("ready", flush=True)
            try:
                export(store, {str(tmp_path / name)!r}, progress=False)
            except KeyboardInterrupt:
                print("stopped", flush=True)
    """
    server.latency = timedelta(milliseconds=150)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin
        assert process.stdout
        process.stdin.write(server.token + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        journal = tmp_path / f".{name}.partial" / "journal.jsonl"
        while not journal.exists() or len(journal.read_bytes().splitlines()) < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        assert (output, errors) == ("stopped\n", "")
    finally:
        process.kill()
        process.communicate()
        server.latency = timedelta(0)
    assert not (tmp_path / name).exists()
    with server.store() as store:
        assert export(store, tmp_path / name, progress=False).resumed > 0
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_full_disk_is_said_and_what_was_there_stays(tmp_path: Path) -> None:
    # A limit on the size of files is as near to a full disk as a test may go.
    code = f"""
        import random, resource
        from langchain_core.messages import HumanMessage
        from chatmem_nb import export
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        texts = [random.randbytes(99).hex() for _ in range(3_000)]
        for name in {FORMATS!r}:
            try:
                export(list(map(HumanMessage, texts)), {str(tmp_path)!r} + "/" + name, progress=False)
            except OSError as error:
                print(name, error.strerror)
    """
    for name in FORMATS:
        (tmp_path / name).write_text("before")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, timeout=120
    )
    said = done.stdout.splitlines()
    assert [line.split()[0] for line in said] == FORMATS
    assert {(tmp_path / name).read_text() for name in FORMATS} == {"before"}
    assert sorted(os.listdir(tmp_path)) == sorted(FORMATS)


def test_an_estimate_says_what_an_export_will_take(store: Any, tmp_path: Path) -> None:
    planned = estimate(store)
    assert (planned.sessions, planned.messages) == (SESSIONS, 2 * SESSIONS)
    report = export(store, tmp_path / "x.jsonl", progress=False)
    assert planned.commands == report.commands
    assert planned.usd == pytest.approx(report.commands * 0.20 / 100_000)
    assert planned.minutes is None
    assert planned.spent < 20
    raw = sum(
        len(record.encode()) for _, _, records in store.read_many(store.session_ids()) for record in records
    )
    assert planned.bytes == pytest.approx(raw, rel=0.05)
    assert "100 sessions" in str(planned)
    assert export(store, tmp_path / "y.jsonl", dry_run=True).commands == planned.commands
    assert not (tmp_path / "y.jsonl").exists()


def test_an_estimate_for_momento_says_minutes() -> None:
    with LocalMomento() as server, server.store() as store:
        for number in range(300):
            store.append(f"s{number}", encode_all([HumanMessage("x")] * 10))
        planned = estimate(store)
        assert (planned.sessions, planned.messages, planned.usd) == (300, 3_000, None)
        assert planned.minutes == pytest.approx(planned.commands / 6_000)
        before = store.commands.billed
        to_dataframe(store)
        assert planned.commands == pytest.approx(store.commands.billed - before, rel=0.1)
        assert "minutes" in str(planned)
    assert str(estimate([HumanMessage("x")])).startswith("1 session, about 1 message and")


def test_max_commands_is_kept(store: Any, tmp_path: Path) -> None:
    for most in (1, 30, 70):
        before = store.commands.billed
        with pytest.raises(StoreLimitError, match="max_commands"):
            export(store, tmp_path / "x.jsonl", max_commands=most, resume=False, progress=False)
        assert store.commands.billed - before <= most


def test_a_session_of_many_pieces_is_one_session(server: LocalUpstash, tmp_path: Path) -> None:
    with server.store(key_prefix="long:") as store, server.store(key_prefix="back:") as back:
        raws = encode_all([HumanMessage(f"{number} " + "x" * 300) for number in range(3_000)])
        store.append("long", raws)
        store.append("after", raws[:2])
        for name in ("x.parquet", "x.jsonl", "x.html"):
            report = export(store, tmp_path / name, progress=False)
            assert (report.sessions, report.messages) == (2, 3_002)
        assert (tmp_path / "x.html").read_text().count("<details class=session") == 2
        for name in ("x.parquet", "x.jsonl"):
            import_file(tmp_path / name, back, on_conflict="replace")
            assert back.read("long") == raws


def test_writers_agree_on_what_they_can() -> None:
    for member in ("add", "end_session", "wants_checkpoint", "checkpoint", "finish", "close"):
        assert callable(getattr(ParquetWriter, member))
        assert callable(getattr(TextWriter, member))


@pytest.mark.parametrize("format", ["openai", "finetuning", "huggingface", "opentelemetry"])
def test_formats_of_conversations_go_on_and_remember_what_they_left_out(tmp_path: Path, format: Any) -> None:
    talk = encode_all([HumanMessage("hi"), AIMessage("yes")])
    unanswered = encode_all([HumanMessage("hi"), AIMessage("yes"), HumanMessage("and?")])
    sessions = {
        f"s{number}": [talk, [*talk, "not JSON"], talk, unanswered][number % 4] for number in range(16)
    }
    with LocalUpstash() as server, server.store() as store:
        for name, records in sessions.items():
            store.append(name, records)
        ids = list(sessions)
        whole = export((store, ids), tmp_path / "whole", format, progress=False)
        with pytest.raises(StoreLimitError):
            export((store, ids), tmp_path / "part", format, max_commands=9, progress=False)
        rest = export((store, ids), tmp_path / "part", format, progress=False)
    assert rest.resumed > 3
    assert (rest.resumed + rest.sessions, whole.sessions) == (12, 12)
    assert rest.left_out.equals(whole.left_out)
    assert len(whole.left_out) == (8 if format == "finetuning" else 4)
    if format == "huggingface":
        assert pq.read_table(tmp_path / "part").equals(pq.read_table(tmp_path / "whole"))
    else:
        assert (tmp_path / "part").read_bytes() == (tmp_path / "whole").read_bytes()
