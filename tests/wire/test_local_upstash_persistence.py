"""Keys that outlive the server, in a file."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.local import LocalUpstash
from chatmem_nb.stores.upstash.scripts import SCRIPTS
from tests.waiting import until

Ask = Callable[..., Any]


@contextmanager
def running(path: Path, **options: Any) -> Iterator[Ask]:
    with LocalUpstash(path=path, **options) as server, client(server.url, server.token) as ask:
        yield ask


@contextmanager
def client(url: str, token: str) -> Iterator[Ask]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as http:

        def ask(*command: Any) -> Any:
            answer = http.post("/", json=list(command)).json()
            return answer["result"] if "result" in answer else pytest.fail(answer["error"])

        yield ask


def saved(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    return {each["key"]: each["value"] for each in document["keys"]}


SETUP = {
    "a string": ["SET k v"],
    "a string that expires": ["SET k v EX 100"],
    "a list": ["RPUSH k a b é", "PEXPIRE k 100000"],
    "a long list": ["RPUSH k " + " ".join(map(str, range(2500)))],
    "a set": ["SADD k a b c"],
    "a sorted set": ["ZADD k 1.5 a -inf b 3 c"],
    "a hash": ["HSET k a 1 b 2", "HEXPIRE k 100 FIELDS 1 b"],
    "places": ["GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"],
    "a count of distinct things": ["PFADD k a b c"],
    "bits": ["SETBIT k 0 1", "SETBIT k 9 1"],
    "a stream": ["XADD k 1-1 f v", "XADD k 2-1 f w g x"],
    "a stream whose last entry is gone": ["XADD k 1-1 f v", "XADD k 2-1 f v", "XDEL k 2-1"],
    "a stream with readers": [
        "XADD k 1-1 f v",
        "XADD k 2-1 f w",
        "XGROUP CREATE k g 0",
        "XGROUP CREATE k empty $",
        "XREADGROUP GROUP g me COUNT 1 STREAMS k >",
        "XREADGROUP GROUP g me STREAMS k 0",
        "XGROUP CREATECONSUMER k g idle",
    ],
}

LOOKS = {
    "string": ["GET k", "BITCOUNT k"],
    "list": ["LRANGE k 0 -1"],
    "set": ["SSCAN k 0", "PFCOUNT k"],
    "zset": ["ZRANGE k 0 -1 WITHSCORES"],
    "hash": ["HGETALL k", "HEXPIRETIME k FIELDS 2 a b"],
    "stream": ["XRANGE k - +", "XINFO STREAM k", "XINFO GROUPS k"],
}

KEPT_FACTS = {"length", "last-generated-id", "name", "consumers", "pending", "last-delivered-id"}


def facts(info: list[Any]) -> Any:
    """Return what XINFO tells that is kept."""
    if info and isinstance(info[0], list):
        return [facts(each) for each in info]
    return {name: value for name, value in zip(info[::2], info[1::2], strict=True) if name in KEPT_FACTS}


@pytest.mark.parametrize("name", SETUP)
def test_every_kind_of_key_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    path = tmp_path / "kept.json"

    def look(ask: Ask) -> list[Any]:
        looks = [*LOOKS[ask("TYPE", "k")], "PEXPIRETIME k"]
        if name == "a stream with readers":
            looks += ["XPENDING k g", "XPENDING k empty"]
        answers = {command: ask(*command.split()) for command in looks}
        return [facts(answer) if "XINFO" in command else answer for command, answer in answers.items()]

    with running(path) as ask:
        for command in SETUP[name]:
            ask(*command.split())
        before = look(ask)
    with running(path) as ask:
        assert look(ask) == before


def test_bytes_that_are_no_text_come_back(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    for wanted in (b"", b"\xff\x00\xfe"):
        with LocalUpstash(path=path, token="") as server, httpx.Client(trust_env=False) as http:
            encoding = {"Upstash-Encoding": "base64"}
            answer = http.get(f"{server.url}/get/%ff", headers=encoding).json()["result"]
            assert answer == (None if not wanted else "/wD+")
            http.post(f"{server.url}/set/%ff", content=b"\xff\x00\xfe")


def test_sessions_come_back_through_the_store(tmp_path: Path) -> None:
    record = '{"type": "human", "data": {"content": "x"}}'
    for known in ([], ["s"]):
        with LocalUpstash(path=tmp_path / "kept.json") as server, server.store() as store:
            assert list(store.session_ids()) == known
            store.append("s", [record])
    with LocalUpstash(path=tmp_path / "kept.json") as server, server.store() as store:
        assert store.read("s") == [record] * 2


def test_a_key_that_expired_meanwhile_stays_away(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    with running(path) as ask:
        ask("SET", "short", "v", "PX", 300)
        expires = time.time() + 0.3
        ask("SET", "long", "v", "EX", 300)
    until(lambda: time.time() > expires)
    with running(path) as ask:
        assert ask("KEYS", "*") == ["long"]


def test_a_change_is_saved_while_the_server_runs(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    with running(path, save_every=timedelta(milliseconds=20)) as ask:
        ask("SET", "k", "v")
        until(lambda: saved(path) == {"k": "v"})
        ask("DEL", "k")
        until(lambda: saved(path) == {})


def test_reading_saves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    with running(path, save_every=timedelta(milliseconds=1)) as ask:
        ask("GET", "k")
        ask("LRANGE", "l", 0, -1)
        time.sleep(0.1)
        assert not path.exists()


def test_a_transaction_and_a_script_count_as_changes(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    with LocalUpstash(path=path, save_every=timedelta(milliseconds=20)) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
            http.post("/multi-exec", json=[["SET", "a", "1"]])
            until(lambda: saved(path) == {"a": "1"})
            http.post("/", json=["EVAL", SCRIPTS[0], 2, "b", "marker", 60_000, 0, "2"])
            until(lambda: saved(path) == {"a": "1", "b": ["2"], "marker": "1"})


def test_a_file_that_cannot_be_written_is_reported_and_retried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "kept.json"
    draft = tmp_path / ".kept.json.draft"
    draft.mkdir()
    with caplog.at_level(logging.WARNING), running(path, save_every=timedelta(milliseconds=20)) as ask:
        ask("SET", "k", "v")
        until(lambda: "cannot save" in caplog.text)
        assert ask("GET", "k") == "v"
        draft.rmdir()
        until(lambda: saved(path) == {"k": "v"})


@pytest.mark.parametrize("name", SETUP)
def test_a_key_that_expires_while_it_is_saved_is_left_out(name: str) -> None:
    """Whatever step it expires before; and a file is written all the same."""
    from chatmem_nb.local.upstash.embedded_engine import EmbeddedEngine
    from chatmem_nb.local.upstash.snapshot_entries import read_contents

    class Expiring(EmbeddedEngine):
        steps_left = -1

        def run(self, commands: Any) -> Any:
            if self.steps_left == 0:
                super().run([[b"PEXPIREAT", b"k", b"1"]])
            self.steps_left -= 1
            return super().run(commands)

    def read(steps: int) -> dict[bytes, Any]:
        engine = Expiring()
        for command in [*SETUP[name], "SET other v"]:
            engine.run([command.encode().split()])
        engine.steps_left = steps
        entries, failures = read_contents(engine)
        assert failures == []
        return {entry.key: entry.value for entry in entries}

    whole, steps = read(steps=1_000), 1
    while set(found := read(steps)) == {b"other"}:
        steps += 1
    assert steps > 3
    assert found[b"other"] == whole[b"other"]
    assert name in ("a hash", "a stream with readers") or found == whole  # those hold times of their own


def test_a_failed_save_is_reported_and_retried_when_closing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, draft = tmp_path / "kept.json", tmp_path / ".kept.json.draft"
    draft.mkdir()
    with running(path) as ask:
        ask("SET", "k", "v")

        def mend() -> None:
            until(lambda: "cannot save" in caplog.text)
            draft.rmdir()

        mending = threading.Thread(target=mend)
        mending.start()
    mending.join()
    assert saved(path) == {"k": "v"}
    assert {record.levelname for record in caplog.records} == {"ERROR"}


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGTERM elsewhere")
def test_sigterm_saves_everything_acknowledged_while_keys_expire(tmp_path: Path) -> None:
    """Idempotency keys that expire between two steps of a save must not keep the records out of the file."""
    path = tmp_path / "kept.json"
    command = [sys.executable, "-m", "chatmem_nb", "serve", "upstash", "--token", "", "--path", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip().partition("=")[2]
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
            for number in range(600):
                marker = ["SET", f"marker:{number}", "1", "PX", str(20 + number % 200)]
                http.post("/multi-exec", json=[["RPUSH", "l", str(number)], marker]).raise_for_status()
        process.send_signal(signal.SIGTERM)
        complaints = process.communicate(timeout=60)[1]
    assert (process.returncode, complaints) == (0, "")
    assert saved(path)["l"] == [str(number) for number in range(600)]


def test_expired_keys_that_nobody_asks_for_are_freed() -> None:
    from fakeredis._core import Item

    def held() -> int:
        gc.collect()
        return sum(isinstance(thing, Item) for thing in gc.get_objects())

    before = held()
    with LocalUpstash() as server, client(server.url, server.token) as ask:
        markers = [["SET", f"marker:{number}", "v", "PX", "1000"] for number in range(300)]
        headers = {"Authorization": f"Bearer {server.token}"}
        httpx.post(f"{server.url}/pipeline", json=markers, headers=headers, trust_env=False)
        assert held() >= before + 300

        def freed() -> bool:
            ask("SET", "other", "v")
            return held() <= before + 1

        until(freed)


def test_closing_says_when_the_keys_cannot_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    server = LocalUpstash(path=path)
    (tmp_path / ".kept.json.draft").mkdir()
    with pytest.raises(OSError, match="draft"):
        server.close()
    (tmp_path / ".kept.json.draft").rmdir()
    with LocalUpstash(path=path, port=server.port):
        pass  # port and file are free all the same


def test_two_servers_do_not_keep_one_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    with LocalUpstash(path=path):
        with pytest.raises(InvalidInputError, match="another LocalUpstash uses"):
            LocalUpstash(path=path)
        with pytest.raises(InvalidInputError, match="another LocalUpstash uses"):
            LocalUpstash(path=tmp_path / "." / "kept.json")
    with LocalUpstash(path=path):
        pass


def test_a_file_of_another_kind_is_rejected_and_left_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text('{"my": "notes"}', encoding="utf-8")
    for _ in range(2):
        with pytest.raises(InvalidInputError, match=r"notes\.json is not a snapshot"):
            LocalUpstash(path=path)
    assert path.read_text(encoding="utf-8") == '{"my": "notes"}'


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LocalUpstash(path=tmp_path / "none" / "kept.json")


def test_a_program_that_does_not_close_the_server_saves_too(tmp_path: Path) -> None:
    program = """
import sys
from chatmem_nb.local import LocalUpstash
server = LocalUpstash(path=sys.argv[1])
store = server.store()
store.append("s", ["record"])
"""
    path = tmp_path / "kept.json"
    arguments = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert saved(path)["message_store:s"] == ["record"]


SERVE = """
import sys, time
from datetime import timedelta
from chatmem_nb.local import LocalUpstash
server = LocalUpstash(token="", path=sys.argv[1], save_every=timedelta(milliseconds=50))
print(server.url, flush=True)
time.sleep(30)
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL elsewhere")
@pytest.mark.parametrize("more", [0, 7, 30])
def test_a_kill_loses_the_last_moment_and_never_the_file(tmp_path: Path, more: int) -> None:
    path = tmp_path / "kept.json"
    arguments = [sys.executable, "-c", SERVE, str(path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with client(process.stdout.readline().strip(), "") as ask:
            while (kept := len(saved(path).get("l", []))) < 300:
                ask("RPUSH", "l", *(["x" * 1000] * 50))
            for _ in range(more):  # while it writes its file
                ask("RPUSH", "l", *(["x" * 1000] * 50))
        process.send_signal(signal.SIGKILL)
    found = len(saved(path)["l"])
    assert found >= kept
    assert found % 50 == 0
    with running(path) as ask:
        assert ask("LLEN", "l") == found
