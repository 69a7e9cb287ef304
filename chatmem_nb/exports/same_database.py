"""Checks, before anything is changed, whether two stores hold the same sessions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from ..errors import InvalidInputError
from ..stores.protocol import SessionReader, SessionStore, is_store

_PROBE_TTL = timedelta(minutes=1)
# Momento, and replicas of Upstash, may return an older state for a moment after a write.
_PAUSES_S = (0.0, 0.05, 0.2)


def check_distinct(
    source: SessionReader, target: SessionStore, session_ids: Sequence[str], *, dry_run: bool
) -> None:
    """Check that no key is both read from `source` and written to `target`.

    If keys are equal and the endpoints do not show whether the databases are, a probe record is written to
    `target` under a new session id, read through `source`, and deleted; it would expire after a minute. Not
    with `dry_run`.

    Raises: InvalidInputError before any session is changed; StoreError and its kinds.
    """
    if not is_store(source):
        return  # other sources have no keys in a database
    shared = _shared_ids(source, target, session_ids)
    if source is target or (shared and (_same_endpoint(source, target) or _probed(source, target, dry_run))):
        example = f", for example {shared[0]!r}" if shared else ""
        raise InvalidInputError(
            f"source and target hold the same sessions of the same database{example}; nothing was changed. "
            "Choose a target with another database, or another key_prefix"
        )


def _shared_ids(source: SessionStore, target: SessionStore, session_ids: Sequence[str]) -> list[str]:
    """Return the sessions of `source` that a copy would overwrite; [] for different services."""
    if source.service != target.service:
        return []
    written = {target.key_prefix + session_id for session_id in session_ids}
    return [session_id for session_id in session_ids if source.key_prefix + session_id in written]


def _same_endpoint(source: SessionStore, target: SessionStore) -> bool:
    """Whether the endpoints prove that it is one database; False does not prove that there are two."""
    hosts = [str(getattr(store, "host", "")).lower() for store in (source, target)]
    # Each Upstash database has a host of its own; behind other hosts, a proxy may serve several by token.
    if hosts[0] == hosts[1] and hosts[0].endswith(".upstash.io"):
        return True
    clients = [getattr(store, "cache_client", None) for store in (source, target)]
    caches = [getattr(store, "cache_name", None) for store in (source, target)]
    return clients[0] is not None and clients[0] is clients[1] and caches[0] == caches[1]


def _probed(source: SessionStore, target: SessionStore, dry_run: bool) -> bool:
    if dry_run:
        return False
    # If one prefix is the beginning of the other, a key with the longer one has both.
    key = max(source.key_prefix, target.key_prefix, key=len) + f"probe-{uuid4().hex}"
    written, read = (key[len(store.key_prefix) :] for store in (target, source))
    try:
        target.insert(written, 0, [key], ttl=_PROBE_TTL)
        return _finds(source, read, key)
    finally:
        target.delete(written)


def _finds(source: SessionStore, session_id: str, record: str) -> bool:
    for pause_s in _PAUSES_S:
        time.sleep(pause_s)
        if source.read(session_id) == [record]:
            return True
    return False
