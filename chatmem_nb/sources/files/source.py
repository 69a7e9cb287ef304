"""A file of conversations as sessions."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any, Final

from tqdm.auto import tqdm

from ...errors import ChatMemError, InvalidInputError, StoreConflictError, StoreError
from ...formats.access import RowFile, opened
from ...formats.compression import without_compression
from ...formats.reading import checked_file
from ...formats.registry import is_known
from ...stores.arguments import checked_index, checked_session_id, checked_session_ids
from ...stores.protocol import SessionSummary
from ...stores.redis_glob import compile_glob
from .index_file import IndexFile
from .session_index import SessionIndex

_PIECE: Final = 2_000
"""Maximum number of records in a part of `read_many`."""

_Stamp = list[tuple[int, int, int]]


class FileSource:
    """Read-only access to the conversations in a file: browse, analyse, export and copy them.

    Reads what `export` wrote (Parquet, a folder of Parquet, JSONL, CSV), and conversations in the formats of
    OpenAI or ShareGPT: JSONL, plain JSON, or Parquet with a column `messages`. `format` None: by the suffix.
    The file is read in place, except that compressed JSONL (`.jsonl.gz`, `.jsonl.zst`), plain JSON and
    Parquet of conversations are first unpacked to the temporary folder. The first call reads the file once
    and keeps the position of each record, 8 bytes each, with a progress bar if `progress` is True; later
    calls read only what they return. Edited rows are rebuilt, as by `import_file`.

    Records without a session id form one session with the name of the file, and each conversation one of its
    own: `chat-1`, `chat-2`, numbered by line. A damaged line or row is an unreadable record with the reason;
    if its session is unknown, it belongs to that of the line before.

    Labels in a file (Parquet or JSONL, by `export(..., labels=...)`) are shown by the browser, read-only,
    unless others are passed.

    `index` is the path of a file that caches the positions: if it exists and matches the current size and
    modification time of the file, the first call reads only the index. If not, or if it is damaged, it is
    written again. It contains session ids and positions, no messages.

    Raises: FileNotFoundError; InvalidInputError if the format is unknown. The file is opened at the first
    call, which raises InvalidInputError if it contains no messages, StoreConflictError if it changed since it
    was indexed, and StoreError if it cannot be read.

    >>> report = export(store, "talks.jsonl", progress=False)
    >>> talks = FileSource("talks.jsonl")
    >>> talks.length("trip-planner")
    10
    """

    service = "File"

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        format: str | None = None,
        progress: bool = False,
        index: str | PathLike[str] | None = None,
    ) -> None:
        if not isinstance(path, (str, PathLike)) or not str(path):
            raise InvalidInputError(f"path must name a file, as in 'chats.jsonl'; got {path!r:.40}")
        self._path, self._format = checked_file(Path(path), format)
        self._progress = bool(progress)
        self._index_file = None if index is None else IndexFile(_index_path(index))
        self._lock = Lock()
        self._opened: tuple[RowFile, SessionIndex, _Stamp] | None = None

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self._path

    @property
    def target(self) -> str:
        """The location that is shown to the user."""
        return self._path.name

    def label_events(self) -> list[dict[str, Any]]:
        """Return the labels that are stored in the file, as lines of the log of Labels."""
        rows, index, stamp = self._file()
        found: list[dict[str, Any]] = self._reading(lambda: list(rows.labels(index.label_places)))
        self._check_unchanged(rows, stamp)
        return found

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        """Yield the session ids in the order of the file, or those that match the glob `match`."""
        pattern = None if match is None else compile_glob(match)
        for name in self._index().places:
            if pattern is None or pattern.fullmatch(name):
                yield name

    async def asession_ids(self, match: str | None = None) -> AsyncIterator[str]:
        """Yield the session ids in the order of the file, or those that match the glob `match`."""
        for name in await asyncio.to_thread(lambda: list(self.session_ids(match))):
            yield name

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order. Reads the first and last record of each session."""
        names = list(checked_session_ids(session_ids))
        index = self._index()
        ends = [places[end] for name in names if (places := index.places.get(name)) for end in (0, -1)]
        records = iter(self._records(ends))
        found = []
        for name in names:
            length = len(index.places.get(name, ()))
            first, last = (next(records), next(records)) if length else (None, None)
            found.append(SessionSummary(name, length, first=first, last=last))
        return found

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order. Reads the first and last record of each session."""
        return await asyncio.to_thread(self.summaries, list(checked_session_ids(session_ids)))

    def length(self, session_id: str) -> int:
        """Return the number of records in the session; 0 if it does not exist. Reads none."""
        return len(self._places(session_id))

    async def alength(self, session_id: str) -> int:
        """Return the number of records in the session; 0 if it does not exist. Reads none."""
        return await asyncio.to_thread(self.length, session_id)

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first. Reads only those."""
        selected = slice(checked_index(start, "start"), stop if stop is None else checked_index(stop, "stop"))
        return self._records(self._places(session_id)[selected])

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first. Reads only those."""
        return await asyncio.to_thread(self.read, session_id, start, stop)

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole sessions, in order; long ones in several parts."""
        return self._read_many(checked_session_ids(session_ids))

    def _read_many(self, session_ids: Iterator[str]) -> Iterator[tuple[str, int, list[str]]]:
        for name in session_ids:
            places = self._places(name)
            for start in range(0, len(places), _PIECE):
                yield name, start, self._records(places[start : start + _PIECE])

    def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole sessions, in order; long ones in several parts."""
        return self._aread_many(checked_session_ids(session_ids))

    async def _aread_many(self, session_ids: Iterator[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        for name in session_ids:
            places = await asyncio.to_thread(self._places, name)
            for start in range(0, len(places), _PIECE):
                yield name, start, await asyncio.to_thread(self._records, places[start : start + _PIECE])

    def _places(self, session_id: str) -> array[int]:
        return self._index().places.get(checked_session_id(session_id), array("q"))

    def _index(self) -> SessionIndex:
        return self._file()[1]

    def _records(self, places: Sequence[int]) -> list[str]:
        rows, _, stamp = self._file()
        records: list[str] = self._reading(lambda: rows.records(places))
        self._check_unchanged(rows, stamp)
        return records

    def _file(self) -> tuple[RowFile, SessionIndex, _Stamp]:
        """Return the file and its index, which is built at the first call."""
        with self._lock:
            if self._opened is None:
                self._opened = self._reading(self._open)
        rows, _, stamp = self._opened
        self._check_unchanged(rows, stamp)
        return self._opened

    def _open(self) -> tuple[RowFile, SessionIndex, _Stamp]:
        rows = opened(self._path, self._format)
        stamp = _stamp(rows.files)
        if self._index_file is None:
            return rows, self._build_index(rows), stamp
        state = self._state(rows, stamp)
        index = self._index_file.load(state, rows.end)
        if index is None:
            index = self._build_index(rows)
            # Negative places refer to damaged rows, which are only known to this process.
            if all(min(places) >= 0 for places in index.places.values()) and _stamp(rows.files) == stamp:
                self._index_file.save(state, index)
        return rows, index, stamp

    def _build_index(self, rows: RowFile) -> SessionIndex:
        bar = tqdm(total=rows.size, desc="index", unit=rows.unit, unit_scale=True, disable=not self._progress)
        with bar:
            index = SessionIndex(rows.rows(bar.update), without_compression(self._path).stem)
        index.label_places = rows.label_places
        if len(rows.unnamed) == 1:
            index.rename(rows.unnamed[0], without_compression(self._path).stem)
        return index

    def _state(self, rows: RowFile, stamp: _Stamp) -> dict[str, Any]:
        """Return what identifies the indexed state; not the inode, which differs in a copy of the file."""
        files = [[file.name, size, time] for file, (_, size, time) in zip(rows.files, stamp, strict=True)]
        return {"format": self._format, "name": self._path.name, "files": files}

    def _reading(self, read: Callable[[], Any]) -> Any:
        """Call `read`. Raises: ChatMemError as it is; StoreError for OSError."""
        try:
            return read()
        except ChatMemError:
            raise
        except OSError as exc:
            raise StoreError(f"cannot read {self._path} ({exc.strerror or type(exc).__name__})") from exc

    def _check_unchanged(self, rows: RowFile, stamp: _Stamp) -> None:
        if self._reading(lambda: _stamp(rows.files)) != stamp:
            raise StoreConflictError(
                f"{self._path} has changed since it was indexed; open it again: FileSource(path)"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # Absolute paths: another process may run in another folder.
        index = None if self._index_file is None else self._index_file.path.absolute()
        return partial(FileSource, self._path.absolute(), format=self._format, index=index), ()

    def __repr__(self) -> str:
        return f"FileSource({str(self._path)!r})"


def as_file(path: str | PathLike[str]) -> FileSource | None:
    """Return a source for a path; None for a string that neither names a file nor has a known suffix."""
    place = Path(path).expanduser()
    if isinstance(path, str) and not is_known(place) and not place.exists():
        return None
    return FileSource(path)


def _index_path(path: object) -> Path:
    if not isinstance(path, (str, PathLike)) or not str(path):
        raise InvalidInputError(
            f"index must name a file, as in 'chats.index'; got {path!r:.40}", field="index"
        )
    return Path(path).expanduser().absolute()


def _stamp(files: Sequence[Path]) -> _Stamp:
    found = [file.stat() for file in files]
    return [(status.st_ino, status.st_size, status.st_mtime_ns) for status in found]
