"""Single requests to Momento, as the store makes them."""

from __future__ import annotations

from typing import Any

from chatmem_nb.stores.deadline import Deadline
from chatmem_nb.stores.momento import MomentoSessionStore
from chatmem_nb.stores.momento.commands import Command
from chatmem_nb.stores.runner import Attempt


def ask(store: MomentoSessionStore, *commands: Command) -> Any:
    """Make one request after another, and return the last response, or the error in its place."""
    outcomes = [store._transport.send(Attempt([command], Deadline(10.0), 10.0))[0] for command in commands]
    return outcomes[-1]
