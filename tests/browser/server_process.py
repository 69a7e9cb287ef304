"""A server program in a process group of its own: start it, wait until it responds, kill the group."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.waiting import until


def start_server(
    command: Sequence[str], url: str, *, log: Path, cwd: Path, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start `command`, and return its process once `url` responds. What it prints goes to `log`.

    Raises: RuntimeError with the end of `log` if it ends or does not respond within 90 s.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=cwd, env=env, start_new_session=True)
    try:
        until(lambda: _responds(url) or process.poll() is not None, 90.0)
        if process.poll() is None:
            return process
        reason = f"ended with {process.returncode}"
    except AssertionError:
        reason = "did not respond"
    except BaseException:  # an interrupt too: the server ends with its test
        kill_server(process)
        raise
    kill_server(process)
    raise RuntimeError(f"{' '.join(command[:4])} {reason}:\n{log.read_text()[-3000:]}")


def kill_server(process: subprocess.Popen[bytes]) -> None:
    """Kill `process` and what it started, such as kernels."""
    # The group is this server's own: start_new_session made it.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _responds(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True
