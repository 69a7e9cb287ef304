"""Sessions as a Dask DataFrame, for what is larger than one machine."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..columns.schema import unknown_categories
from ..errors import InvalidInputError
from ..frames.messages import to_dataframe
from ..plain_text import utf8_size
from ..redaction import Redactor, redaction_of
from ..sources import Source, scope_ids, store_scope
from ..sources.files import FileSource
from ..stores.protocol import SessionReader, SessionStore, SessionSummary

if TYPE_CHECKING:
    import pandas as pd

PARTITION_BYTES = 16_000_000
"""Of stored text in a partition, about; its frame and what it is made of take three to five times as much."""
_MOST_SESSIONS = 5_000
"""Of a partition, so that short ones are read by several workers too."""


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """Opens a store like the one that it was made of, with url and keys of the environment it runs in."""

    store_class: Any
    settings: tuple[tuple[str, Any], ...]
    """What a worker is told: nothing secret is among it."""

    @classmethod
    def like(cls, store: SessionReader) -> FromEnvironment:
        names = ("cache_name", "key_prefix", "timeout_s")
        settings = tuple((name, getattr(store, name)) for name in names if hasattr(store, name))
        if not callable(getattr(type(store), "from_env", None)):
            raise InvalidInputError("this store cannot be opened from the environment; give open_store")
        return cls(type(store), settings)

    def __call__(self) -> SessionStore:
        store: SessionStore = self.store_class.from_env(**dict(self.settings))
        return store


@dataclass(frozen=True, slots=True)
class OpenFile:
    """Reads the file of a FileSource, with one of its own each time."""

    source: FileSource

    def __call__(self) -> AbstractContextManager[SessionReader]:
        return nullcontext(copy(self.source))


def _opener(store: SessionReader) -> Callable[[], AbstractContextManager[SessionReader]]:
    return OpenFile(store) if isinstance(store, FileSource) else FromEnvironment.like(store)


def to_dask(
    source: Source,
    npartitions: int | None = None,
    *,
    columns: Iterable[str] | None = None,
    open_store: Callable[[], AbstractContextManager[SessionReader]] | None = None,
    redact: Redactor | Callable[[], Redactor] | None = None,
) -> Any:
    """Return the messages of a store or a file (or of `(store, session_ids)`) as a lazy Dask DataFrame.

    Sessions are listed immediately, with a summary of each, and read when the frame is computed. A partition
    holds whole sessions and has the schema of `to_dataframe`; all are about as large, by the lengths of the
    sessions and the sizes of their first and last records: 16 MB of text unless `npartitions` is given. A
    worker needs five times that, besides 250 MB for Python and this package. A session is never split: one
    that is larger than a partition makes one by itself, of up to 100 MB on Upstash and 5 MB on Momento. Only
    the columns that a computation needs are built.

    Workers open the store themselves: by `open_store`, a function that pickle can send, or by the store
    class's `from_env` with the variables that they have. So the task graph contains neither URLs nor keys.
    The path of a file must mean the same file to each worker; give `FileSource(path, index=...)`, or each
    partition indexes the whole file first.

    `redact` replaces personal data and credentials on the worker, as `to_dataframe` does. A key is not sent
    to workers: for pseudonyms give a function that makes the redactor there, as for `open_store`.

    Raises: ImportError without Dask (`pip install chatmem_nb[dask]`); InvalidInputError; StoreError.

    >>> import os
    >>> os.environ |= {"UPSTASH_REDIS_REST_URL": server.url, "UPSTASH_REDIS_REST_TOKEN": server.token}
    >>> frame = to_dask((store, ["trip-planner", "short-hello"]), columns=["role"])
    >>> frame["role"].value_counts().compute().to_dict()["assistant"]
    5
    """
    try:
        import dask
        import dask.dataframe as dd
    except ImportError as exc:
        raise ImportError("to_dask needs Dask: pip install 'chatmem_nb[dask]'") from exc
    scope = store_scope(source)
    if scope is None:
        raise InvalidInputError("to_dask reads a store or a file; messages in memory need none of it")
    if npartitions is not None and npartitions < 1:
        raise InvalidInputError("npartitions must be 1 or more")
    _check_redact(redact)
    store, ids = scope
    parts = _parts(store.summaries(scope_ids(store, ids)), npartitions)
    meta = unknown_categories(to_dataframe([], columns=columns))
    opener = open_store or _opener(store)
    read = ReadPartition(opener, tuple(meta.columns), uuid.uuid4().hex, redact)
    from_map: Any = dd.from_map  # untyped
    with dask.config.set({"dataframe.convert-string": False}):  # into a `string` that is not pandas' own
        return from_map(read, parts, meta=meta, enforce_metadata=False, label="chatmem-read")


@dataclass(frozen=True, slots=True)
class ReadPartition:
    """Reads the messages of some sessions, with a store of this worker's own."""

    open_store: Callable[[], AbstractContextManager[SessionReader]]
    every_column: tuple[str, ...]
    token: str
    """Another for each call of `to_dask`: the same sessions may hold more by then."""
    redact: Redactor | Callable[[], Redactor] | None = None

    def __call__(self, session_ids: list[str], columns: list[str] | None = None) -> pd.DataFrame:
        """Return their frame; `columns`: those that Dask found to be needed, None: all of them."""
        with self.open_store() as store:
            redact = self.redact() if callable(self.redact) else self.redact
            names = columns or self.every_column
            frame = to_dataframe((store, session_ids), columns=names, redact=redact)
        frame.attrs.clear()  # counts of one partition would pass for those of all
        return frame

    def __dask_tokenize__(self) -> str:
        return self.token


def _check_redact(redact: Redactor | Callable[[], Redactor] | None) -> None:
    if redact is None or callable(redact):
        return
    redaction_of(redact)
    if redact.has_key:
        raise InvalidInputError(
            "a Redactor with a key cannot be sent to workers; give a function that makes it there",
            field="redact",
        )


def _parts(summaries: Sequence[SessionSummary], npartitions: int | None) -> list[list[str]]:
    """The ids, in order, in parts that are about as large; one empty part if there are no ids."""
    sizes = [_text_bytes(summary) for summary in summaries]
    total = sum(sizes)
    number = npartitions or max(-(-total // PARTITION_BYTES), -(-len(sizes) // _MOST_SESSIONS))
    number = max(1, min(number, len(sizes)))
    parts: list[list[str]] = [[] for _ in range(number)]
    before = 0
    for summary, size in zip(summaries, sizes, strict=True):  # each goes where its middle falls
        parts[min(number - 1, (2 * before + size) * number // (2 * total))].append(summary.session_id)
        before += size
    return [part for part in parts if part] or [[]]


def _text_bytes(summary: SessionSummary) -> int:
    """Return about how much text a session holds, by its length and the ends of it."""
    ends = [utf8_size(record) for record in (summary.first, summary.last) if record is not None]
    return 1 + summary.length * sum(ends) // max(1, len(ends))
