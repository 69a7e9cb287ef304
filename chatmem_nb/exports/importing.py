"""Exported files on their way back into a store."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from ..errors import ChatMemError, InvalidInputError
from ..frames.back import frame_of_texts, frame_records
from ..frames.schema import COLUMNS
from ..frames.storing import Conflict, Storing
from ..records import encode_all, from_openai
from ..stores.protocol import SessionStore
from . import jsonl
from .csv import unguarded
from .formats import checked_format
from .whole_sessions import Piece, joined_pieces

if TYPE_CHECKING:
    import pandas as pd

Pieces: TypeAlias = Iterator[Piece]
Reader: TypeAlias = Callable[[Path, str | None], Pieces]
_ROWS = 5_000
_MOST_GROWTH = 100
"""How many times as large as it is a Parquet file may become by being unpacked; chats grow tenfold."""
_SMALL = 256_000_000


def import_file(
    path: str | Path,
    store: SessionStore,
    *,
    format: str | None = None,
    session_id: str | None = None,
    on_conflict: Conflict = "error",
    dry_run: bool = False,
) -> pd.DataFrame:
    """Store the conversations of a Parquet, JSONL, OpenAI or CSV file; return what was done, a row a session.

    What was exported and not edited returns byte for byte; edited columns are rebuilt, as `from_dataframe`
    does. The file is read twice, a piece at a time: once to check that all of it can be stored and which
    sessions are there already, and once to store it. A session is written once it was read whole, by one
    call: an interruption leaves it as it was or as it is to be. `on_conflict`, `dry_run` and `session_id`
    (for messages that have none) are those of `from_dataframe`. `format` is told by the suffix; JSONL is
    told from OpenAI's form by its lines.

    Raises: OSError; InvalidInputError and RecordError, naming the line or the record, before anything is
    written; StoreError and its kinds: call again with "merge" for the rest.

    >>> _ = export((store, ["trip-planner"]), "trip.jsonl", progress=False)
    >>> import_file("trip.jsonl", momento.store())["n_messages"].tolist()
    [10]
    """
    source = Path(path)
    if not source.exists():
        raise FileNotFoundError(f"there is no file {source}")
    if not source.is_file() and not source.is_dir():
        raise InvalidInputError(f"{source} is neither a file nor a folder; save what it yields to a file")
    read = _with_documented_errors(reader(source, checked_format(source, format)))
    storing = Storing(store, on_conflict, dry_run)
    counts = Counter(name for name, _, _ in read(source, session_id))
    storing.check(list(counts))
    for name, records, n_rebuilt in joined_pieces(source, read(source, session_id), counts):
        storing.add(name, records, n_rebuilt=n_rebuilt)
    return storing.report()


# What the readers of JSON, CSV and Parquet raise for a file that is damaged, or made to harm.
_DAMAGED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, csv.Error)


def _with_documented_errors(read: Reader) -> Reader:
    def pieces(path: Path, session_id: str | None) -> Pieces:
        try:
            yield from read(path, session_id)
        except ChatMemError:
            raise
        except UnicodeDecodeError as exc:
            raise InvalidInputError(f"{path} is not UTF-8; convert it, or export it again") from exc
        except (*_DAMAGED, pa.ArrowException) as exc:
            kind = type(exc).__name__
            raise InvalidInputError(f"{path} is damaged, or not of its format ({kind})") from exc

    return pieces


def reader(path: Path, format: str) -> Reader:
    """Return what yields (session id, records, how many were rebuilt) of a file of this format."""
    if format in ("jsonl", "openai"):
        return _jsonl
    if format == "parquet":
        return _parquet
    if format == "csv":
        return _csv
    raise InvalidInputError(f"{format} is for people to read, and does not come back; use Parquet or JSONL")


def _jsonl(path: Path, session_id: str | None) -> Pieces:
    current: str | None = None
    records: list[str] = []
    for name, raws in _lines(path, session_id):
        if name != current or len(records) >= _ROWS:
            if current is not None and records:
                yield current, records, 0
            current, records = name, []
        records += raws
    if current is not None and records:
        yield current, records, 0


def _lines(path: Path, session_id: str | None) -> Iterator[tuple[str, list[str]]]:
    # Only line feeds end a line of JSON: other line separators may stand inside of its texts.
    with path.open(encoding="utf-8", newline="\n") as file:
        for number, text in enumerate(file, 1):
            text = text.rstrip("\r\n")
            if text.strip():
                for name, raws in _line_records(text, number):
                    name = session_id if name is None else name
                    if not name:
                        raise InvalidInputError(f"line {number} has no session_id; give one")
                    if not isinstance(name, str):
                        raise InvalidInputError(f"line {number} has a session_id that is not a string")
                    yield name, raws


def _line_records(text: str, number: int) -> Iterator[tuple[str | None, list[str]]]:
    if '"messages"' in text[:500]:
        value = jsonl.value_of(text, number)
        if isinstance(value.get("messages"), list):
            try:
                yield value.get("session_id"), encode_all(from_openai(value["messages"]))
            except InvalidInputError as exc:
                raise InvalidInputError(f"line {number}: {exc}") from None
            return
    name, raw = jsonl.record_of(text, number)
    yield name, [raw]


def _parquet(path: Path, session_id: str | None) -> Pieces:
    try:
        # As text: Hive's folders would otherwise make numbers of ids like "007".
        keys = pa.schema([(name, pa.string()) for name in _keys(path)])
        data = ds.dataset(path, format="parquet", partitioning=ds.HivePartitioning(keys))
        _check_sizes(data.files)
        names = [name for name in data.schema.names if name in COLUMNS]
        if "raw" in names:  # other keys say nothing that the records do not
            names = [name for name in names if name == "session_id" or name not in keys.names]
        if _is_in_order(_places(data, names)):
            for batch in data.to_batches(batch_size=_ROWS, columns=names):
                yield from frame_records(batch.to_pandas(), session_id)
        else:  # parted by something else than sessions, or sorted by hand: it takes the whole to put it right
            yield from frame_records(data.to_table(columns=names).to_pandas(), session_id)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as exc:
        raise InvalidInputError(f"{path} cannot be read as Parquet: {exc}") from exc


def _check_sizes(files: Iterable[str]) -> None:
    """Raises: InvalidInputError, for a file that says it is many times as large as it is."""
    for file in files:
        metadata = pq.read_metadata(file)
        size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        if size > _MOST_GROWTH * Path(file).stat().st_size + _SMALL:
            raise InvalidInputError(f"{file} unpacks to {size:,} bytes; write it again without compression")


def _places(data: Any, names: list[str]) -> Iterator[tuple[Any, Any]]:
    """The session and the index of each row."""
    if "index" in names:
        kept = [name for name in ("session_id", "index") if name in names]
        for batch in data.to_batches(columns=kept):
            rows = batch.to_pydict()
            yield from zip(rows.get("session_id", [None] * len(batch)), rows["index"], strict=True)


def _is_in_order(places: Iterable[tuple[Any, Any]]) -> bool:
    """Whether the messages of each session come by their index."""
    last: dict[Any, Any] = {}
    for name, index in places:
        if index is not None:
            if index < last.get(name, index):
                return False
            last[name] = index
    return True


def _keys(path: Path) -> list[str]:
    """The columns that the folders below `path` are parted by."""
    file = next(path.rglob("*.parquet"), None) if path.is_dir() else None
    folders = file.relative_to(path).parts[:-1] if file else ()
    return [name for name in (folder.partition("=")[0] for folder in folders) if name in COLUMNS]


def _csv(path: Path, session_id: str | None) -> Pieces:
    # For the whole process; its default refuses a message of more than 128 kB.
    csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))
    with path.open(encoding="utf-8-sig", newline="") as file:
        places = (
            (row.get("session_id"), int(row["index"])) for row in csv.DictReader(file) if row.get("index")
        )
        most = _ROWS if _is_in_order(places) else None
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        while page := list(islice(rows, most)):
            cells = [{name: unguarded(text or "") for name, text in row.items()} for row in page]
            yield from frame_records(frame_of_texts(cells), session_id)
