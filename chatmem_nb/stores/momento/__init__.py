"""Sessions in Momento.

store             the store: its constructor; the verbs are those of `facade`
plans             a plan for each verb
appends           appends to one session, or to several at the same time
edits             changes in the middle of a session
push, erasure     a push or an erasure whose response may be lost
session_list      one session as a list, for `paging`; its summary
session_index     the ids of the sessions
missing_cache     creates the cache
commands          requests for caches, lists and keys: message, response and price
index_commands    requests for the session index
transport         attempts at requests, counted; interrupts, forks
channel           how requests are made with one client
grpc_channel      on the client's own gRPC channel
sdk_channel       by the client's public methods
fork_gate         holds a fork back while requests are under way
credentials       API keys
errors            the errors, and how the SDK's map to them
"""

from __future__ import annotations

from .credentials import credential_provider as credential_provider
from .store import MomentoSessionStore as MomentoSessionStore

__all__ = ["MomentoSessionStore", "credential_provider"]
