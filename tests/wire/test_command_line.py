"""`python -m chatmem_nb`: each command as a user starts and ends it."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatmem_nb import MomentoSessionStore, UpstashSessionStore

LINE_TIMEOUT_S = 90
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("UPSTASH_", "MOMENTO_"))
    }


@contextmanager
def running(*arguments: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "chatmem_nb", *arguments]
    # Unbuffered: a line that waits in a buffer of ours is none that `select` can see.
    process = subprocess.Popen(
        command, bufsize=0, cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], LINE_TIMEOUT_S)
    assert ready, "no line came"
    text = process.stdout.readline()
    assert text, process.stderr.read() if process.stderr else ""
    return text.decode()


def exported(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"export (\w+)=(\S+)\n", text)
    assert match, text
    return match[1], match[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_upstash_prints_what_opens_it_and_ends_cleanly(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kept.json"
    for expected in ([], ["kept"]):
        with running("serve", "upstash", "--path", str(file)) as process:
            for name, value in (exported(line(process)), exported(line(process))):
                monkeypatch.setenv(name, value)
            with UpstashSessionStore.from_env() as store:
                assert list(store.session_ids()) == expected
                store.append("kept", ['{"type": "human", "data": {"content": "x"}}'])
            process.send_signal(number)
            assert process.wait(20) == 0


def test_serve_momento_prints_what_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with running("serve", "momento") as process:
        for name, value in (exported(line(process)), exported(line(process))):
            monkeypatch.setenv(name, value)
        with MomentoSessionStore.from_env("c") as store:
            store.append("s", ['{"type": "human", "data": {"content": "x"}}'])
            assert list(store.session_ids()) == ["s"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.slow
def test_demo_opens_jupyterlab_over_both_services(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    good = {"session_id": "mine", "messages": [{"role": "user", "content": "hello"}]}
    data.write_text(json.dumps(good) + "\n{broken\n", encoding="utf-8")
    with running("demo", "--no-browser", "--data", str(data), cwd=tmp_path) as process:
        match = re.fullmatch(
            r"Ready: (http://127\.0\.0\.1:\d+)/lab/tree/quickstart\.ipynb\?token=(\S+) .*\n", line(process)
        )
        assert match
        url = f"{match[1]}/api/contents/quickstart.ipynb?content=0&token={match[2]}"
        with OPENER.open(url, timeout=20) as answer:
            assert json.load(answer)["name"] == "quickstart.ipynb"
        process.send_signal(signal.SIGTERM)
        complaints = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 0
    assert "line 2: not JSON" in complaints
    assert "line 1" not in complaints


BROWSER = """
import json, os, stat, sys, urllib.parse, urllib.request
path = urllib.request.url2pathname(urllib.parse.urlsplit(sys.argv[-1]).path)
mode = stat.S_IMODE(os.stat(path).st_mode)
seen = {"argv": sys.argv, "path": path, "mode": mode, "page": open(path).read()}
with open(sys.argv[1] + ".new", "w") as file:
    json.dump(seen, file)
os.replace(sys.argv[1] + ".new", sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_keeps_its_token_out_of_command_lines(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser gets a page of mode 0600 that redirects, and that is gone afterwards."""
    script, log = tmp_path / "browser.py", tmp_path / "seen.json"
    script.write_text(BROWSER, encoding="utf-8")
    monkeypatch.setenv("BROWSER", f"{sys.executable} {script} {log} %s")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with running("demo", cwd=tmp_path) as process:
        match = re.fullmatch(r"Ready: (\S+\?token=(\S+)) .*\n", line(process))
        assert match
        deadline = time.monotonic() + 20
        while not log.exists():
            assert time.monotonic() < deadline, "no browser was started"
            time.sleep(0.02)
        commands = [
            b" ".join(Path("/proc", pid, "cmdline").read_bytes().split(b"\0")).decode(errors="replace")
            for pid in (str(process.pid), *children(process.pid))
        ]
        seen = json.loads(log.read_text())
        assert match[2] not in " ".join([*commands, *seen["argv"]])
        assert seen["mode"] == 0o600
        assert f'content="0; url={match[1]}"' in seen["page"]
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert not Path(seen["path"]).exists()


def children(pid: int) -> list[str]:
    """Return the ids of the processes that `pid` has started, where the system tells."""
    path = Path("/proc", str(pid), "task", str(pid), "children")
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize("service", ["upstash", "momento"])
def test_an_exposed_service_needs_a_token(service: str) -> None:
    with running("serve", service, "--host", "0.0.0.0", "--expose", "--token", "") as process:
        complaints = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert "a token is required" in complaints
    assert "Traceback" not in complaints


@pytest.mark.parametrize("command", [("demo", "--no-browser"), ("serve", "upstash"), ("serve", "momento")])
def test_a_taken_port_is_named(command: tuple[str, ...]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with running(*command, "--port", port) as process:
            complaints = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert complaints.startswith("chatmem_nb: ")
    assert "Traceback" not in complaints
    assert port in complaints or "in use" in complaints


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    with running("demo", "--no-browser", "--data", str(tmp_path / "none.jsonl")) as process:
        complaints = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert "none.jsonl" in complaints
    assert "Traceback" not in complaints
