"""Sessions in Upstash Redis.

store                         the verbs, sync and async
plans                         arguments checked; by one script, or without where scripts are refused
reading, writing, listing     plans: what to send, and what after each answer
plain                         the same as `writing`, without scripts
connection, deadline          attempts at a request, until it succeeds or the time is over
requests, http, network       one request by the SDK, one attempt, one socket
clients                       url and token checked; the SDK's clients
errors, failures, glob        failures, and the seam where they become ours; matching of names
"""

from __future__ import annotations

from .store import UpstashSessionStore as UpstashSessionStore

__all__ = ["UpstashSessionStore"]
