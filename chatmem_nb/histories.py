"""The two chat message histories: thin, over a store. The one place that touches LangChain's base class."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

# Deprecated since langchain-core 1.6.4, and gone in 2.0; RunnableWithMessageHistory asks for it until then.
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage

from .errors import InvalidInputError, StoreError
from .records import StoredMessage, build_messages, encode_all, parse_all
from .stores.base import SessionStore, checked_session_id

if TYPE_CHECKING:
    from momento import CacheClient
    from momento.config import Configuration
    from momento.requests import CollectionTtl
    from upstash_redis import Redis

    from .stores.momento import MomentoSessionStore
    from .stores.upstash import UpstashSessionStore

_SHOWN_IN_A_NOTEBOOK = 10


class StoreHistory(BaseChatMessageHistory):
    """One session of a store, as LangChain's chat message history.

    Reading is strict: a record that cannot be read raises RecordError, which names the session, the index
    and the reason. `.records()` and `to_dataframe` are tolerant. Errors of the service are StoreError.
    """

    store: SessionStore
    session_id: str

    def __init__(self, store: SessionStore, session_id: str) -> None:
        super().__init__()
        self.session_id = checked_session_id(session_id)
        self.store = store

    @classmethod
    def from_store(cls, store: SessionStore, session_id: str) -> Self:
        """Return the history of `session_id` in `store`; many histories then share one client. No request.

        Raises: InvalidInputError.
        """
        history = cls.__new__(cls)
        StoreHistory.__init__(history, store, session_id)
        return history

    @property
    def key_prefix(self) -> str:
        """What stands before the session id in the key."""
        return self.store.key_prefix

    @property
    def key(self) -> str:
        """The key that holds the session in the service."""
        return self.store.key_prefix + self.session_id

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # a property over the base's annotation
        """All messages, oldest first; [] where there is none. Raises: RecordError, StoreError."""
        return self.page(0, None)

    async def aget_messages(self) -> list[BaseMessage]:
        """Return all messages, oldest first; [] where there is none. Raises: RecordError, StoreError."""
        return await self.apage(0, None)

    def page(self, start: int, stop: int | None) -> list[BaseMessage]:
        """Return messages `start` to `stop`, as a slice of `messages`, at the cost of those alone.

        Raises: RecordError, StoreError.
        """
        return build_messages(self.records(start, stop), self.session_id)

    async def apage(self, start: int, stop: int | None) -> list[BaseMessage]:
        """Return messages `start` to `stop`, as a slice of `messages`, at the cost of those alone.

        Raises: RecordError, StoreError.
        """
        return build_messages(await self.arecords(start, stop), self.session_id)

    def last(self, n: int) -> list[BaseMessage]:
        """Return the newest `n` messages, oldest first, at the cost of those alone.

        Raises: InvalidInputError, RecordError, StoreError.
        """
        return self.page(-n, None) if _checked_count(n) else []

    async def alast(self, n: int) -> list[BaseMessage]:
        """Return the newest `n` messages, oldest first, at the cost of those alone.

        Raises: InvalidInputError, RecordError, StoreError.
        """
        return await self.apage(-n, None) if _checked_count(n) else []

    def records(self, start: int = 0, stop: int | None = None) -> list[StoredMessage]:
        """Return what is stored from `start` to `stop`, readable or not, oldest first.

        Where `start` counts from the newest, so does each record's `index`: -1 is the newest.

        Raises: StoreError.
        """
        if start < 0 and stop is not None and stop >= 0:
            start = max(0, len(self) + start)
        raws = self.store.read(self.session_id, start, stop)
        return parse_all(raws, _first_index(start, stop, len(raws)))

    async def arecords(self, start: int = 0, stop: int | None = None) -> list[StoredMessage]:
        """Return what is stored from `start` to `stop`, readable or not, oldest first.

        Where `start` counts from the newest, so does each record's `index`: -1 is the newest.

        Raises: StoreError.
        """
        if start < 0 and stop is not None and stop >= 0:
            start = max(0, await self.alen() + start)
        raws = await self.store.aread(self.session_id, start, stop)
        return parse_all(raws, _first_index(start, stop, len(raws)))

    def __len__(self) -> int:
        """Return how many messages are stored. One request. Raises: StoreError."""
        return self.store.length(self.session_id)

    async def alen(self) -> int:
        """Return how many messages are stored. One request. Raises: StoreError."""
        return await self.store.alength(self.session_id)

    def __bool__(self) -> bool:
        """True, without asking anybody: an empty history is a history."""
        return True

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Store `messages` after the newest, in one round trip.

        Raises: InvalidInputError, before anything is sent, where one of them cannot be stored; StoreError.
        """
        if records := encode_all(messages):
            self.store.append(self.session_id, records)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Store `messages` after the newest, in one round trip.

        Raises: InvalidInputError, before anything is sent, where one of them cannot be stored; StoreError.
        """
        if records := encode_all(messages):
            await self.store.aappend(self.session_id, records)

    def clear(self) -> None:
        """Delete the session; nothing happens where there is none. Raises: StoreError."""
        self.store.delete(self.session_id)

    async def aclear(self) -> None:
        """Delete the session; nothing happens where there is none. Raises: StoreError."""
        await self.store.adelete(self.session_id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(session_id={self.session_id!r}, store={self.store!r})"

    def _repr_html_(self) -> str:
        """The last messages, as an escaped table for a notebook."""
        try:
            total = len(self)
            shown = self.records(max(0, total - _SHOWN_IN_A_NOTEBOOK), total)
        except StoreError as exc:
            return f"<p>{html.escape(repr(self))}</p><p>{html.escape(str(exc))}</p>"
        rows = "".join(_html_row(record) for record in shown)
        caption = f"{self.store.service} · {self.session_id} · {len(shown)} of {total} messages"
        return (
            f"<table><caption>{html.escape(caption)}</caption>"
            "<thead><tr><th>#</th><th>type</th><th>content</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )


class UpstashRedisChatMessageHistory(StoreHistory):
    """A chat message history in Upstash Redis, as `langchain_community`'s class of this name and more.

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
        """Open `session_id`; no request is made.

        Without url and token, both are taken from UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN,
        as a pair or not at all. `ttl`: seconds that the session lives after each append.

        Raises: InvalidInputError.
        """
        from .stores.upstash import UpstashSessionStore

        checked_session_id(session_id)
        life = _seconds(ttl)
        if url == "" and token == "":
            store = UpstashSessionStore.from_env(key_prefix=key_prefix, ttl=life)
        else:
            store = UpstashSessionStore(url, token, key_prefix=key_prefix, ttl=life)
        super().__init__(store, session_id)

    @property
    def ttl(self) -> int | None:
        """Seconds that the session lives after each append; None: for ever."""
        return None if self.store.ttl is None else int(self.store.ttl.total_seconds())

    @property
    def redis_client(self) -> Redis:
        """The synchronous client of `upstash_redis` that the store uses."""
        return self.store.redis_client


class MomentoChatMessageHistory(StoreHistory):
    """A chat message history in Momento, as `langchain_community`'s class of this name and more.

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
        """Open `session_id`; no request is made before the first use.

        `ttl`: the life of the session after each append; None: the default of the client. The cache is
        made at the first use where it does not exist, unless `ensure_cache_exists` is False.

        Raises: InvalidInputError; TypeError, where `cache_client` is no momento.CacheClient.
        """
        from .stores.momento import MomentoSessionStore

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
        """Return the history of `session_id`, with a client of its own, which `.store.close()` closes.

        The key: `auth_token` or `api_key` where given, else from the environment (MOMENTO_AUTH_TOKEN, then
        MOMENTO_API_KEY). A v2 key needs MOMENTO_ENDPOINT, or `endpoint=` here. `kwargs`: the constructor's.

        Raises: InvalidInputError.
        """
        from .stores.momento import MomentoSessionStore, credential_provider

        checked_session_id(session_id)
        provider = credential_provider(auth_token or api_key, endpoint=kwargs.pop("endpoint", None))
        store = MomentoSessionStore.from_credentials(
            provider, cache_name, ttl, configuration=configuration, ttl=ttl, **kwargs
        )
        return cls.from_store(store, session_id)

    @property
    def ttl(self) -> CollectionTtl:
        """The life of the session after each append, as Momento's SDK takes it."""
        from .stores.momento.sdk import collection_ttl

        return collection_ttl(self.store.ttl)

    @property
    def cache_client(self) -> CacheClient:
        """The client of `momento` that the store uses."""
        return self.store.cache_client

    @property
    def cache_name(self) -> str:
        """The cache that holds the session."""
        return self.store.cache_name


def _first_index(start: int, stop: int | None, count: int) -> int:
    """The index of the first of `count` records of the slice `start:stop`, without asking for the length."""
    return start if start >= 0 else (stop or 0) - count


def _checked_count(n: int) -> int:
    if not isinstance(n, int) or n < 0:
        raise InvalidInputError(f"n must be a whole number of messages, 0 or more, got {n!r:.40}")
    return n


def _seconds(ttl: int | None) -> timedelta | None:
    """The original took 0 for "no ttl", and so does this."""
    if ttl is None or ttl == 0:
        return None
    if not isinstance(ttl, int) or ttl < 0:
        raise InvalidInputError(f"ttl must be a whole number of seconds above 0, or None, got {ttl!r:.40}")
    return timedelta(seconds=ttl)


def _html_row(record: StoredMessage) -> str:
    data = record.data or {}
    content = data.get("content", "") if record.error is None else f"cannot be read: {record.error}"
    text = content if isinstance(content, str) else str(content)
    clipped = text if len(text) <= 300 else text[:300] + "…"
    cells = (str(record.index), record.type or "?", clipped)
    return (
        "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
    )
