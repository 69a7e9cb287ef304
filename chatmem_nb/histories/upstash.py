"""The history in Upstash Redis."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import InvalidInputError
from ..stores.arguments import checked_session_id
from ..stores.upstash import UpstashSessionStore
from .base import StoreHistory

if TYPE_CHECKING:
    from upstash_redis import Redis


class UpstashRedisChatMessageHistory(StoreHistory):
    """A chat message history in Upstash Redis, compatible with `langchain_community`'s class of this name.

    >>> history = UpstashRedisChatMessageHistory("talk", server.url, server.token, ttl=3600)
    >>> history.add_user_message("Hello!")
    >>> history.add_ai_message("Hello.")
    >>> [message.content for message in history.messages]
    ['Hello!', 'Hello.']
    """

    store: UpstashSessionStore

    def __init__(
        self,
        session_id: str,
        url: str = "",
        token: str = "",
        key_prefix: str = "message_store:",
        ttl: int | None = None,
    ) -> None:
        """Open the history of a session. No request is made.

        If neither url nor token is given, both are read from UPSTASH_REDIS_REST_URL and
        UPSTASH_REDIS_REST_TOKEN. The session expires `ttl` seconds after the last append.

        Raises: InvalidInputError.
        """
        checked_session_id(session_id)
        expires_after = _seconds(ttl)
        if url == "" and token == "":
            store = UpstashSessionStore.from_env(key_prefix=key_prefix, ttl=expires_after)
        else:
            store = UpstashSessionStore(url, token, key_prefix=key_prefix, ttl=expires_after)
        super().__init__(store, session_id)

    @property
    def ttl(self) -> int | None:
        """Seconds after the last append until the session expires; None: never."""
        return None if self.store.ttl is None else int(self.store.ttl.total_seconds())

    @property
    def redis_client(self) -> Redis:
        """The synchronous client of `upstash_redis` that the store uses."""
        return self.store.redis_client


def _seconds(ttl: int | None) -> timedelta | None:
    # langchain_community takes 0 for "no ttl".
    if ttl is None or ttl == 0:
        return None
    if not isinstance(ttl, int) or ttl < 0:
        raise InvalidInputError(
            f"ttl must be an integer of seconds above 0, or None, got {ttl!r:.40}", field="ttl"
        )
    return timedelta(seconds=ttl)
