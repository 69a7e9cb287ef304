"""Sessions in Upstash Redis.

store            the store: its constructor; the verbs are those of `facade`
plans            what each verb does, as requests
session_list     one session as a list, for `paging`
read_cost        what goes in one request of a bulk read
scripts          the Lua scripts
commands         requests, changes in batches that fit one, and what responses must be
transport        attempts at requests, counted
clients          url and token checked; the SDK's clients, by process and event loop
http_limits      one HTTP request and response, limited in time and bytes
network          blocking connections, limited in time
async_network    asyncio connections, and looking up names
sockets          the open sockets of a client
errors           the errors
error_mapping    from what the SDK or the network raises to one of them
service_errors   from what Upstash and Redis say
"""

from __future__ import annotations

from .store import UpstashSessionStore as UpstashSessionStore

__all__ = ["UpstashSessionStore"]
