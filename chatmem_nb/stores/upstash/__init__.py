"""Sessions in Upstash Redis.

store            the store: its constructor; the verbs are those of `facade`
plans            a plan for each verb
changes          changes of sessions, each made exactly once by a script
script_runner    running scripts, with or without Upstash's flags
scripts          the Lua scripts
session_list     one session as a list, for `paging`; its summary
read_cost        how much to request at once in a bulk read
commands         requests, batches of records, checks of responses
transport        attempts at requests, counted
clients          the SDK's clients, by process and event loop; checks of url and token
http_limits      one HTTP request and response, limited in time and bytes
network          blocking connections, limited in time
async_network    asyncio connections, and looking up names
sockets          the open sockets of a client
errors           the errors
error_mapping    what the SDK or the network raises, as one of these errors
service_errors   the error messages of Upstash and Redis, as one of these errors
"""

from __future__ import annotations

from .store import UpstashSessionStore as UpstashSessionStore

__all__ = ["UpstashSessionStore"]
