"""Sessions from one service to another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from ..errors import InvalidInputError
from ..frames.storing import Conflict, Storing
from ..sources import scope_ids
from ..stores.protocol import SessionStore

if TYPE_CHECKING:
    import pandas as pd


def copy_sessions(
    from_store: SessionStore,
    to_store: SessionStore,
    ids: Iterable[str] | None = None,
    *,
    on_conflict: Conflict = "error",
    dry_run: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Copy sessions (`ids`; None: all), byte for byte, and return one row a session that says what was done.

    What has gone into `to_store` lives as long as that store's `ttl` says. A session that it does not take
    (a record over its limit) has `failed`, with the problem, and the others go on; of one that was new,
    nothing stays behind. `on_conflict` is for sessions that are there already: "error" stops before
    anything is written, which takes a list of all ids first. With `dry_run`, nothing is written.

    Raises: InvalidInputError; StoreError and its kinds: call again with "skip" for the rest.

    >>> copy_sessions(store, momento.store(), ["trip-planner"])["n_messages"].tolist()
    [10]
    """
    if from_store is to_store:
        raise InvalidInputError("both stores are the same one")
    if isinstance(ids, str):
        raise InvalidInputError('ids must be a list of session ids, as in ["alice"]')
    names = list(dict.fromkeys(scope_ids(from_store, ids)))
    storing = Storing(to_store, on_conflict, dry_run)
    storing.check(names)
    wanted = [name for name in names if storing.outcomes[name].action != "skip"]
    with tqdm(
        total=len(names),
        initial=len(names) - len(wanted),
        desc="copy",
        unit=" sessions",
        disable=not progress,
    ) as bar:
        for session_id, start, records in from_store.read_many(wanted):
            storing.add(session_id, records)
            if start == 0:
                bar.update()
    return storing.report()
