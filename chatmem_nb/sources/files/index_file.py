"""The index of a file of conversations, saved to a file of its own."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

from ...errors import InvalidInputError, StoreError
from ...formats.private_files import write_parts
from ...json_text import json_text, parse_json
from .session_index import SessionIndex

_MAGIC: Final = b'{"chatmem_nb_index":1,'
_LONGEST_HEADER: Final = 16_000_000
_NUMBER: Final = 8
_SIZES: Final = ("names", "sessions", "records", "labels")


class IndexFile:
    """A line of JSON that identifies the indexed file, then the session ids and the positions of records.

    It is valid for one state of that file. An index of another state, or a damaged one, is ignored, and
    atomically replaced by the next one. Only session ids are taken from it: records are read from the file
    itself, wherever an index may point.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, state: dict[str, Any], end: int) -> SessionIndex | None:
        """Return the index of a file in this `state`, with positions below `end`, or None.

        Raises: InvalidInputError if `path` is not an index, which saving would overwrite; StoreError.
        """
        with self._os_errors("read"):
            return self._load(state, end)

    def _load(self, state: dict[str, Any], end: int) -> SessionIndex | None:
        if self.path.is_dir():
            raise self._not_an_index()
        if not self.path.exists() or self.path.stat().st_size == 0:
            return None
        with self.path.open("rb", buffering=2**20) as file:
            header = file.readline(_LONGEST_HEADER)
            if not header.startswith(_MAGIC):
                raise self._not_an_index()
            try:
                return _read(file, header, state, end)
            except (ValueError, RecursionError):
                return None

    def save(self, state: dict[str, Any], index: SessionIndex) -> None:
        """Write `index` atomically. Raises: StoreError."""
        names = json_text(list(index.places)).encode()
        n_records = sum(map(len, index.places.values()))
        sizes = (len(names), len(index.places), n_records, len(index.label_places))
        digest = blake2b()
        for part in _body(names, index):
            digest.update(part)
        described = {"chatmem_nb_index": 1, "of": state, "byteorder": sys.byteorder}
        header = described | dict(zip(_SIZES, sizes, strict=True)) | {"digest": digest.hexdigest()}
        with self._os_errors("write"):
            parts = chain([json_text(header).encode() + b"\n"], _body(names, index))
            write_parts(self.path, parts, is_private=False)

    @contextmanager
    def _os_errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise StoreError(
                f"cannot {verb} the index {self.path} ({exc.strerror or type(exc).__name__}); "
                "choose another file, or omit `index`"
            ) from exc

    def _not_an_index(self) -> InvalidInputError:
        return InvalidInputError(
            f"{self.path} is not an index of a FileSource, and is not overwritten; choose another file",
            field="index",
        )


def _body(names: bytes, index: SessionIndex) -> Iterator[bytes]:
    yield names
    yield array("q", map(len, index.places.values())).tobytes()
    for places in index.places.values():
        yield places.tobytes()
    yield index.label_places.tobytes()


def _read(file: BinaryIO, header: bytes, state: dict[str, Any], end: int) -> SessionIndex | None:
    """Return the index in `file`; None if it is of another state. Raises: ValueError if it is damaged."""
    described = parse_json(header.decode())
    if described.get("of") != state or described.get("byteorder") != sys.byteorder:
        return None
    sizes = [described.get(name) for name in _SIZES]
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("sizes are missing")
    n_names, n_sessions, n_records, n_labels = sizes
    expected_size = len(header) + n_names + _NUMBER * (n_sessions + n_records + n_labels)
    if file.seek(0, 2) != expected_size:  # checked before so much is read
        raise ValueError("truncated")
    file.seek(len(header))
    digest = blake2b(text := file.read(n_names))
    names, counts = parse_json(text.decode()), _numbers(file, n_sessions, digest)
    if not _are_ids(names, n_sessions) or min(counts, default=1) < 1 or sum(counts) != n_records:
        raise ValueError("the counts of records are wrong")
    found = {name: _numbers(file, count, digest) for name, count in zip(names, counts, strict=True)}
    labels = _numbers(file, n_labels, digest)
    if digest.hexdigest() != described.get("digest"):
        raise ValueError("damaged")
    if any(min(places) < 0 or max(places) >= end for places in (*found.values(), labels) if places):
        raise ValueError("positions beyond the end of the file")
    return SessionIndex.of(found, labels)


def _numbers(file: BinaryIO, count: int, digest: Any) -> array[int]:
    numbers = array("q")
    numbers.frombytes(part := file.read(_NUMBER * count))
    digest.update(part)
    return numbers


def _are_ids(names: object, count: int) -> bool:
    return (
        isinstance(names, list)
        and len(names) == count == len(set(map(str, names)))
        and all(type(name) is str and name for name in names)
    )
