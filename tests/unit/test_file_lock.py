"""A file is locked by one process at a time; where nothing can be locked, each caller does what is safe."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import Labels, export
from chatmem_nb.file_lock import LockingUnavailableError, lock, try_lock, unlock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="flock of POSIX")


@pytest.fixture
def opened_twice(tmp_path: Path) -> Iterator[tuple[int, int]]:
    path = tmp_path / "x.lock"
    descriptors = [os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2)]
    yield descriptors[0], descriptors[1]
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")  # as on some network file systems

    monkeypatch.setattr(fcntl, "flock", flock)


def test_a_locked_file_cannot_be_locked_again(opened_twice: tuple[int, int]) -> None:
    one, other = opened_twice
    assert try_lock(one)
    assert not try_lock(other)
    unlock(one)
    assert try_lock(other)


def test_lock_waits_until_the_file_is_unlocked(opened_twice: tuple[int, int]) -> None:
    one, other = opened_twice
    assert try_lock(one)
    waiting = threading.Thread(target=lock, args=(other,))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    unlock(one)
    waiting.join(10)
    assert not waiting.is_alive()


@pytest.mark.usefixtures("no_locks")
def test_labels_are_stored_where_nothing_can_be_locked(tmp_path: Path) -> None:
    Labels(tmp_path / "labels.jsonl").set("talk", star=True)
    assert Labels(tmp_path / "labels.jsonl").sessions() == ["talk"]


@pytest.mark.usefixtures("no_locks")
def test_an_export_is_refused_where_nothing_can_be_locked(tmp_path: Path) -> None:
    with pytest.raises(LockingUnavailableError, match="local disk"):
        export([HumanMessage("hi")], tmp_path / "x.jsonl", progress=False)
