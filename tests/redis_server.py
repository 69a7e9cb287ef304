"""A real redis-server for the time of a test module."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from .requirements import missing


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run redis-server, and yield its URL. If it is not installed, skip the test, or fail it in CI."""
    program = redis_program()
    path = folder / "redis.sock"
    arguments = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    with subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL) as process:
        try:
            wait_for_socket(path, process)
            yield f"unix://{path}"
        finally:
            process.terminate()


def redis_program() -> str:
    """Return the path of redis-server. If it is not installed, skip the test, or fail it in CI."""
    program = shutil.which("redis-server")
    if program is None:
        missing("redis-server: apt-get install redis-server")
    return program


def as_user(url: str, *rules: str) -> str:
    """Return the URL for a user of this server with all permissions except those that `rules` revoke."""
    with redis.Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", "user", "reset", "on", ">word", "~*", "&*", "+@all", *rules)
    return url.replace("unix://", "unix://user:word@")


def wait_for_socket(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Return when redis-server answers at `path`. Raises: RuntimeError."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("redis-server did not start")
