"""Sessions in Momento.

store                        the class; its verbs are those of `stores.facade`
plans                        what each verb does
reading, push, erasure       one list: in pages, and changes whose response may be lost
edits, limits                changes in the middle of a session; sizes, and batches in parts
session_index, glob, recent_names  the ids of the sessions; those that a client has seen lately
missing_cache                creates the cache
commands, rpcs               requests as data, and on the wire
transport, channel           one client in use: waits with limits, interrupts, forks
grpc_channel, sdk_channel    requests on the client's channel, or by its public methods
errors, credentials          the SDK's errors as ours; API keys
"""

from __future__ import annotations

from .credentials import credential_provider as credential_provider
from .store import MomentoSessionStore as MomentoSessionStore

__all__ = ["MomentoSessionStore", "credential_provider"]
