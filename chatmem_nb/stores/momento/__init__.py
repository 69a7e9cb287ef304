"""Sessions in Momento.

store             the store: its constructor; the verbs are those of `facade`
plans             what each verb does, as requests
session_list      one session as a list, for `paging`
push, erasure     changes whose response may be lost; records in parts that fit a request
edits             changes in the middle of a session
session_index     the ids of the sessions
missing_cache     creates the cache
commands          requests: message, response and price
transport         attempts at requests, counted; interrupts, forks
channel           how requests are made with one client
grpc_channel      on the client's own gRPC channel
sdk_channel       by its public methods
fork_gate         holds a fork back while requests are under way
credentials       API keys
errors            the errors, and from what the SDK raises to one of them
"""

from __future__ import annotations

from .credentials import credential_provider as credential_provider
from .store import MomentoSessionStore as MomentoSessionStore

__all__ = ["MomentoSessionStore", "credential_provider"]
