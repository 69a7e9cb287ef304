"""A browser at work on a session to which others append: remove, clear, undo."""

from __future__ import annotations

import random
from contextlib import suppress

from chatmem_nb import HistoryBrowser
from chatmem_nb.errors import StoreError
from tests.consistency.addresses import Address
from tests.consistency.history import History, Operation, Outcome


def browse(history: History, address: Address, session_id: str, seed: int, count: int) -> None:
    """Remove and clear, and take most of it back."""
    chance = random.Random(f"{seed} {session_id}")
    with address.store() as store:
        browser = HistoryBrowser(store)
        _open(browser, session_id)
        for _ in range(max(3, count)):
            if chance.random() < 0.5:
                done = _removed(history, browser, session_id, chance)
            else:
                done = _cleared(history, browser, session_id)
            if done is not None and done.outcome is Outcome.OK and done.result and chance.random() < 0.85:
                undo = history.invoke(session_id, "undo", client="browser", undoes=done.number)
                history.call(undo, browser.undo)
        browser.close()


def _open(browser: HistoryBrowser, session_id: str) -> None:
    while browser.session_id != session_id:
        with suppress(StoreError):
            browser.select(session_id, create=True)


def _removed(
    history: History, browser: HistoryBrowser, session_id: str, chance: random.Random
) -> Operation | None:
    """Remove a message that was read a moment ago; others only append, so that its index stays."""
    try:
        records = [record.raw for record in browser.records]
    except StoreError:
        return None
    if not records:
        return None
    index = chance.randrange(len(records))
    operation = history.invoke(session_id, "remove", client="browser", index=index, record=records[index])

    def remove() -> bool:
        browser.remove(index)
        return True

    return history.call(operation, remove)


def _cleared(history: History, browser: HistoryBrowser, session_id: str) -> Operation:
    operation = history.invoke(session_id, "clear", client="browser")
    return history.call(operation, lambda: bool(browser.clear()))
