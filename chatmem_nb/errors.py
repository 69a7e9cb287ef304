"""Every error of this package; a leaf that imports nothing.

ChatMemError                    all of them
 ├── InvalidInputError          an argument is invalid; nothing was sent          (also a ValueError)
 │    └── RecordTooLargeError   a message is larger than the service accepts
 ├── RecordError                a stored record cannot be parsed as a message     (also a ValueError)
 │    └── RecordErrors          several of them, in `errors`
 └── StoreError                 the service, or the connection to it, failed
      ├── StoreAuthError        the token or API key was rejected, or lacks the permission
      ├── StoreNotFoundError    the cache or the database does not exist
      ├── StoreLimitError       a limit of the service or of the account is reached
      │    └── StoreThrottledError   requests are throttled; try again later
      ├── StoreUnavailableError the service could not be reached, or failed
      │    └── StoreTimeoutError     it did not respond in time                   (also a TimeoutError)
      ├── StoreResponseError    an invalid response: truncated, or an HTML page
      ├── StoreConflictError    the session was changed meanwhile; nothing was done
      ├── WrongTypeError        the key holds a value that is not a session
      └── StoreClosedError      the store is closed

What a store raises is also an instance of its SDK's own base error, and keeps the SDK's error as
`__cause__`, so that handlers written for the SDK go on working. No text here holds a secret.

In the examples, `server` is a LocalUpstash, `store` a store of it, and `momento` a LocalMomento.
"""

from __future__ import annotations

from typing import Any


class ChatMemError(Exception):
    """Base class of all errors of this package.

    >>> try:
    ...     store.read("")
    ... except ChatMemError as error:
    ...     print(error)
    session_id must be a non-empty string, got ''; pass the id of a session
    """


class InvalidInputError(ChatMemError, ValueError):
    """An argument is invalid. Nothing was sent.

    `field` names the parameter, column or key that is invalid, `position` is the index of the message, record
    or row that was passed, and `line` the line of a file, from 1; each is None if it does not apply. `reason`
    is the text without the location.

    >>> try:
    ...     UpstashRedisChatMessageHistory.from_store(store, "talk").add_messages([HumanMessage("hi"), 5])
    ... except InvalidInputError as error:
    ...     print(error.position)
    1
    """

    def __init__(
        self,
        text: str = "",
        *,
        reason: str | None = None,
        field: str | None = None,
        position: int | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(text)
        self.reason = text if reason is None else reason
        self.field, self.position, self.line = field, position, line


class RecordTooLargeError(InvalidInputError):
    """A message is larger than the service accepts; `position` is its index. Nothing was sent.

    >>> try:
    ...     momento.store().append("talk", ["short", "x" * 200_000])
    ... except RecordTooLargeError as error:
    ...     print(error.position)
    1
    """


class RecordError(ChatMemError, ValueError):
    """A stored record cannot be read as a message; see `session_id`, `index` and `reason`.

    `field` names the invalid part of the record, if it is known.

    >>> history = UpstashRedisChatMessageHistory.from_store(store, "one-broken-record")
    >>> try:
    ...     history.messages
    ... except RecordError as error:
    ...     print(error.session_id, error.index)
    one-broken-record 1
    """

    def __init__(
        self,
        reason: str,
        *,
        session_id: str | None = None,
        index: int | None = None,
        field: str | None = None,
    ) -> None:
        self.reason, self.session_id, self.index, self.field = reason, session_id, index, field
        where = "a record" if index is None else f"record {index}"
        if session_id is not None:
            where += f" of session {session_id!r}"
        super().__init__(f"{where} cannot be read: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled as its class and its text, which these constructors do not take.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[RecordError], args: tuple[Any, ...], attributes: dict[str, Any]) -> RecordError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class RecordErrors(RecordError):
    """Stored records cannot be read as messages; `errors` lists all of them, and the text the first few.

    >>> try:
    ...     to_dataframe(store, strict=True)
    ... except RecordErrors as found:
    ...     print([(error.session_id, error.index) for error in found.errors])
    [('one-broken-record', 1)]
    """

    def __init__(self, errors: list[RecordError]) -> None:
        self.errors = list(errors)
        first = self.errors[0]
        super().__init__(first.reason, session_id=first.session_id, index=first.index)
        shown = "".join(f"\n- {error}" for error in self.errors[:10])
        more = f"\n- and {len(self.errors) - 10} more" if len(self.errors) > 10 else ""
        self.args = (f"{len(self.errors)} records cannot be read:{shown}{more}",)


class StoreError(ChatMemError):
    """A request to the service failed.

    `maybe_applied` is True if a change may have been applied, at least in part: read the session before you
    retry it.

    >>> try:
    ...     UpstashSessionStore(server.url, "wrong").length("talk")
    ... except StoreError as error:
    ...     print(isinstance(error, StoreAuthError), error.maybe_applied)
    True False
    """

    maybe_applied: bool = False
    retryable: bool = False
    """Whether the same request may succeed a moment later."""
    max_attempts: int | None = None
    """How often to try at most where a lasting mistake looks like a passing failure; None: no limit."""
    retry_after_s: float = 0.0
    """How long the service asks to wait."""
    own_text: str = ""
    """The text without what the server said; empty if it is not known to be free of it."""


class StoreAuthError(StoreError):
    """The token or API key was rejected, or lacks a permission.

    >>> try:
    ...     UpstashSessionStore(server.url, "wrong").length("talk")
    ... except StoreAuthError:
    ...     print("copy the token again")
    copy the token again
    """


class StoreNotFoundError(StoreError):
    """The cache or the database does not exist.

    >>> try:
    ...     momento.store("no-such-cache", ensure_cache_exists=False).length("talk")
    ... except StoreNotFoundError:
    ...     print("there is no such cache")
    there is no such cache
    """


class StoreLimitError(StoreError):
    """A limit of the service or the account was reached.

    >>> try:
    ...     export(store, "all.jsonl", max_commands=3)
    ... except StoreLimitError:
    ...     print("it would have cost more")
    it would have cost more
    """

    response_too_large: bool = False
    """Whether a smaller response would have been sent."""


class StoreThrottledError(StoreLimitError):
    """Requests are throttled; try again later.

    >>> server.faults.add("refuse", times=1000)
    >>> try:
    ...     server.store(timeout_s=1.0).length("talk")
    ... except StoreThrottledError:
    ...     print("retried until the timeout")
    retried until the timeout
    """

    retryable = True


class StoreUnavailableError(StoreError):
    """The service could not be reached, or failed.

    >>> server.close()
    >>> try:
    ...     server.store(timeout_s=0.2).length("talk")
    ... except StoreUnavailableError:
    ...     print("connection refused")
    connection refused
    """

    maybe_applied = True
    retryable = True


class StoreTimeoutError(StoreUnavailableError, TimeoutError):
    """The service did not respond in time.

    >>> server.faults.add("hang", times=1000)
    >>> try:
    ...     server.store(timeout_s=0.2).length("talk")
    ... except StoreTimeoutError:
    ...     print("no response within 0.2 s")
    no response within 0.2 s
    """


class StoreResponseError(StoreError):
    """The response is invalid: truncated, or an HTML page of a proxy.

    >>> server.faults.add("html", times=1000)
    >>> try:
    ...     server.store(timeout_s=1.0).length("talk")
    ... except StoreResponseError:
    ...     print("a proxy responded")
    a proxy responded
    """

    maybe_applied = True
    retryable = True


class StoreConflictError(StoreError):
    """Another client changed the session meanwhile, so the request no longer applies.

    Nothing was changed, unless `maybe_applied` is True.

    >>> store.append("talk", ["first", "second"])
    2
    >>> try:
    ...     store.delete("talk", count=1, last="another")
    ... except StoreConflictError:
    ...     print("read the session again")
    read the session again
    """


class WrongTypeError(StoreError):
    """The key holds a value that is not a session.

    >>> _ = store.redis_client.set("message_store:counter", 1)
    >>> try:
    ...     store.read("counter")
    ... except WrongTypeError:
    ...     print("not a list")
    not a list
    """


class StoreClosedError(StoreError):
    """The store is closed.

    >>> store.close()
    >>> try:
    ...     store.read("talk")
    ... except StoreClosedError:
    ...     print("open another one")
    open another one
    """
