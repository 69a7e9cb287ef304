"""The history in Momento."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from ..stores.arguments import checked_session_id
from ..stores.momento import MomentoSessionStore, credential_provider
from ..stores.momento.sdk_channel import collection_ttl
from .base import StoreHistory

if TYPE_CHECKING:
    from momento import CacheClient
    from momento.config import Configuration
    from momento.requests import CollectionTtl


class MomentoChatMessageHistory(StoreHistory):
    """A chat message history in Momento, compatible with `langchain_community`'s class of this name.

    >>> history = MomentoChatMessageHistory.from_store(momento.store("langchain"), "talk")
    >>> history.add_user_message("Hello!")
    >>> [message.content for message in history.messages]
    ['Hello!']
    """

    store: MomentoSessionStore

    def __init__(
        self,
        session_id: str,
        cache_client: CacheClient,
        cache_name: str,
        *,
        key_prefix: str = "message_store:",
        ttl: timedelta | None = None,
        ensure_cache_exists: bool = True,
    ) -> None:
        """Open the history of a session. No request is made before the first use.

        `ttl` is the TTL of the session after each append; None: the client's default. If the cache does not
        exist, it is created when it is first needed, unless `ensure_cache_exists` is False.

        Raises: InvalidInputError; TypeError if `cache_client` is not a momento.CacheClient.
        """
        checked_session_id(session_id)
        store = MomentoSessionStore(
            cache_client, cache_name, key_prefix=key_prefix, ttl=ttl, ensure_cache_exists=ensure_cache_exists
        )
        super().__init__(store, session_id)

    @classmethod
    def from_client_params(
        cls,
        session_id: str,
        cache_name: str,
        ttl: timedelta,
        *,
        configuration: Configuration | None = None,
        api_key: str | None = None,
        auth_token: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Return the history of `session_id` with its own client, which `.store.close()` closes.

        The key is `auth_token` or `api_key`, else that of the environment (MOMENTO_AUTH_TOKEN, then
        MOMENTO_API_KEY). A v2 key needs MOMENTO_ENDPOINT, or `endpoint=`. `kwargs` are the constructor's.

        Raises: InvalidInputError.
        """
        checked_session_id(session_id)
        provider = credential_provider(auth_token or api_key, endpoint=kwargs.pop("endpoint", None))
        store = MomentoSessionStore.from_credentials(
            provider, cache_name, ttl, configuration=configuration, ttl=ttl, **kwargs
        )
        return cls.from_store(store, session_id)

    @property
    def ttl(self) -> CollectionTtl:
        """The TTL of the session after each append, as Momento's SDK takes it."""
        return collection_ttl(self.store.ttl)

    @property
    def cache_client(self) -> CacheClient:
        """The client of `momento` that the store uses."""
        return self.store.cache_client

    @property
    def cache_name(self) -> str:
        """The cache that holds the session."""
        return self.store.cache_name
