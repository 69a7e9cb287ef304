"""Every error of this package; a leaf that imports nothing.

ChatMemError                    all of them
 ├── InvalidInputError          an argument cannot be used; nothing was sent      (also a ValueError)
 │    └── RecordTooLargeError   a message is larger than the service takes
 ├── RecordError                a stored record cannot be read as a message       (also a ValueError)
 │    └── RecordErrors          several of them, in `errors`
 └── StoreError                 the service, or the way to it, failed
      ├── StoreAuthError        the token or key was refused, or may not do this
      ├── StoreNotFoundError    the cache or the database does not exist
      ├── StoreLimitError       a limit of the service or of the account is reached
      │    └── StoreThrottledError   too many requests at the moment; later it works
      ├── StoreUnavailableError the service could not be reached, or failed
      │    └── StoreTimeoutError     it did not answer in time                    (also a TimeoutError)
      ├── StoreResponseError    an answer came that is none: a cut body, an HTML page
      ├── WrongTypeError        the key holds something that is no session
      └── StoreClosedError      the store was closed before

What a store raises is also an instance of its SDK's own base error, and keeps the SDK's error as
`__cause__`, so that handlers written for the SDK go on working. No text here holds a secret.
"""

from __future__ import annotations


class ChatMemError(Exception):
    """Any error of this package."""


class InvalidInputError(ChatMemError, ValueError):
    """An argument cannot be used. Nothing was sent."""


class RecordTooLargeError(InvalidInputError):
    """A message is larger than the service takes. Nothing was sent."""


class RecordError(ChatMemError, ValueError):
    """A stored record cannot be read as a message; `session_id`, `index` and `reason` say which and why."""

    def __init__(self, reason: str, *, session_id: str | None = None, index: int | None = None) -> None:
        self.reason, self.session_id, self.index = reason, session_id, index
        where = "a record" if index is None else f"record {index}"
        if session_id is not None:
            where += f" of session {session_id!r}"
        super().__init__(f"{where} cannot be read: {reason}")


class RecordErrors(RecordError):
    """Stored records cannot be read as messages; `errors` lists each, and the text the first few."""

    def __init__(self, errors: list[RecordError]) -> None:
        self.errors = list(errors)
        first = self.errors[0]
        super().__init__(first.reason, session_id=first.session_id, index=first.index)
        shown = "".join(f"\n- {error}" for error in self.errors[:10])
        more = f"\n- and {len(self.errors) - 10} more" if len(self.errors) > 10 else ""
        self.args = (f"{len(self.errors)} records cannot be read:{shown}{more}",)


class StoreError(ChatMemError):
    """The service, or the way to it, failed."""


class StoreAuthError(StoreError):
    """The token or key was refused, or may not do this."""


class StoreNotFoundError(StoreError):
    """The cache or the database does not exist."""


class StoreLimitError(StoreError):
    """A limit of the service or of the account is reached."""


class StoreThrottledError(StoreLimitError):
    """Too many requests at the moment; later it works."""


class StoreUnavailableError(StoreError):
    """The service could not be reached, or failed."""


class StoreTimeoutError(StoreUnavailableError, TimeoutError):
    """The service did not answer in time."""


class StoreResponseError(StoreError):
    """An answer came that is none: a cut body, an HTML page."""


class WrongTypeError(StoreError):
    """The key holds something that is no session."""


class StoreClosedError(StoreError):
    """The store was closed before."""
