"""A local server in a process of its own, so that its CPU time is not that of the benchmark."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any


@contextmanager
def server_process(serve: Callable[..., None], *args: object) -> Iterator[tuple[Any, BaseProcess]]:
    """Run `serve(pipe, *args)`; yield what it sends first, and its process. It ends when the pipe says so.

    Raises: EOFError, if it ends before.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *args))
    process.start()
    theirs.close()  # or the end of the process would not end the wait for it
    try:
        yield ours.recv(), process
    finally:
        ours.close()
        process.join(30)


def until_told(pipe: Connection) -> None:
    """Return when the benchmark is done with the server."""
    with suppress(EOFError):
        pipe.recv()
