"""Sessions in Momento.

store                         the verbs, sync and async
sessions, edits, index        plans: what to send, and what after each answer
lists, seen                   one list, in pages and parts; a push whose answer was lost
connection, exchange          the client and its cache; plans to requests, with retries
wire, sdk                     one request, on the client's channel or by its methods
operations, errors, glob      requests as data; failures; matching of names
credentials                   API keys
"""

from __future__ import annotations

from .credentials import credential_provider as credential_provider
from .store import MomentoSessionStore as MomentoSessionStore

__all__ = ["MomentoSessionStore", "credential_provider"]
