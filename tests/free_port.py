"""A port for a server that another program starts."""

from __future__ import annotations

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """A port that stays free until a server has started: below those that a system gives out by itself.

    Raises: RuntimeError if twenty ports in turn are taken.
    """
    for port in random.sample(range(20_000, 30_000), 20):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")
