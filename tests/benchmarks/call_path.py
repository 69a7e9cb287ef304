"""Which functions of this package one append and one read of a warm store go through, for each service.

    python -m tests.benchmarks.call_path [--list]

Functions are counted once, in all threads of the client; comprehensions, lambdas and generated methods are
not. The service runs in a process of its own. To compare versions, run it with each in PYTHONPATH, in turn.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from momento import CredentialProvider

import chatmem_nb
from chatmem_nb import MomentoSessionStore, UpstashSessionStore

PACKAGE = str(Path(chatmem_nb.__file__).parent)
_RECORDS = ['{"type": "human", "data": {"content": "Hello!"}}']

_SERVE = """
import sys
from chatmem_nb.local import LocalMomento, LocalUpstash
with LocalMomento() as momento, LocalUpstash() as upstash:
    print(momento.token, momento.port, upstash.url, upstash.token, flush=True)
    sys.stdin.read()
"""


class CallPath:
    """The functions of the package that were called while it records, in the order of their first call."""

    def __init__(self) -> None:
        self._recording = False
        self._called: dict[CodeType, None] = {}
        threading.setprofile(self._profile)  # for threads that a store starts
        sys.setprofile(self._profile)

    def of(self, work: Callable[[], object]) -> list[tuple[str, str]]:
        """Return the module and the name of each function that `work` calls."""
        self._called.clear()
        self._recording = True
        work()
        self._recording = False
        return [(_module(code), code.co_qualname) for code in self._called]

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if self._recording and event == "call" and _is_ours(code):
            self._called.setdefault(code)


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<")


def _module(code: CodeType) -> str:
    return Path(code.co_filename).relative_to(PACKAGE).with_suffix("").as_posix()


@contextmanager
def stores() -> Iterator[dict[str, Any]]:
    """A store of each service."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        key, port, url, token = process.stdout.readline().split()
        host = "127.0.0.1"
        provider = CredentialProvider(key, host, host, host, int(port))
        with (
            UpstashSessionStore(url, token) as upstash,
            MomentoSessionStore.from_credentials(provider, "c", timedelta(hours=1)) as momento,
        ):
            yield {"Upstash": upstash, "Momento": momento}
        process.terminate()


def paths() -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Yield (service, verb, functions) of one append of a new record and one read of the last 20."""
    recorder = CallPath()
    new: Any = getattr(chatmem_nb.stores.protocol, "NewRecords", list)  # as a history passes them
    with stores() as of_services:
        for service, store in of_services.items():
            works = {
                "append": lambda store=store: store.append("s", new(_RECORDS)),
                "read": lambda store=store: store.read("s", -20),
            }
            for work in works.values():
                work()  # opens the connection
            for verb, work in works.items():
                yield service, verb, recorder.of(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the functions")
    listed = parser.parse_args().list
    for service, verb, functions in paths():
        modules = {module for module, _ in functions}
        print(f"{service:8} {verb:7} {len(functions):3} functions in {len(modules):2} modules", flush=True)
        if listed:
            for module, name in functions:
                print(f"    {module:32} {name}")


if __name__ == "__main__":
    main()
