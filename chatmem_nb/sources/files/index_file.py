"""The index of a file of conversations, kept in a file of its own."""

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
    """A line of JSON that identifies the indexed file; then the ids, and the positions of their records.

    It is good for one state of that file. An index of another state, and one that is damaged, is not read,
    and the next one takes its place in one step. Nothing of it is shown but the ids: records are read from
    the file itself, wherever an index may point.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, state: dict[str, Any], end: int) -> SessionIndex | None:
        """Return the index of a file in this `state`, with positions below `end`, or None.

        Raises: InvalidInputError if `path` is something else, which saving would destroy; StoreError.
        """
        with self._failing("read"):
            return self._load(state, end)

    def _load(self, state: dict[str, Any], end: int) -> SessionIndex | None:
        if self.path.is_dir():
            raise self._no_index()
        if not self.path.exists() or self.path.stat().st_size == 0:
            return None
        with self.path.open("rb", buffering=2**20) as file:
            header = file.readline(_LONGEST_HEADER)
            if not header.startswith(_MAGIC):
                raise self._no_index()
            try:
                return _read(file, header, state, end)
            except (ValueError, RecursionError):
                return None

    def save(self, state: dict[str, Any], index: SessionIndex) -> None:
        """Write `index` in one step. Raises: StoreError."""
        names = json_text(list(index.places)).encode()
        n_records = sum(map(len, index.places.values()))
        sizes = (len(names), len(index.places), n_records, len(index.label_places))
        digest = blake2b()
        for part in _body(names, index):
            digest.update(part)
        described = {"chatmem_nb_index": 1, "of": state, "byteorder": sys.byteorder}
        header = described | dict(zip(_SIZES, sizes, strict=True)) | {"digest": digest.hexdigest()}
        with self._failing("write"):
            parts = chain([json_text(header).encode() + b"\n"], _body(names, index))
            write_parts(self.path, parts, is_private=False)

    @contextmanager
    def _failing(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise StoreError(
                f"cannot {verb} the index {self.path} ({exc.strerror or type(exc).__name__}); "
                "name another file, or leave `index` out"
            ) from exc

    def _no_index(self) -> InvalidInputError:
        return InvalidInputError(
            f"{self.path} is no index of a FileSource, and is not overwritten; name another file for it",
            field="index",
        )


def _body(names: bytes, index: SessionIndex) -> Iterator[bytes]:
    yield names
    yield array("q", map(len, index.places.values())).tobytes()
    for places in index.places.values():
        yield places.tobytes()
    yield index.label_places.tobytes()


def _read(file: BinaryIO, header: bytes, state: dict[str, Any], end: int) -> SessionIndex | None:
    """Return the index that `file` holds; None if it is of another state. Raises: ValueError if damaged."""
    said = parse_json(header.decode())
    if said.get("of") != state or said.get("byteorder") != sys.byteorder:
        return None
    sizes = [said.get(name) for name in _SIZES]
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("no sizes")
    n_names, n_sessions, n_records, n_labels = sizes
    whole = len(header) + n_names + _NUMBER * (n_sessions + n_records + n_labels)
    if file.seek(0, 2) != whole:  # before anything of these sizes is read
        raise ValueError("cut short")
    file.seek(len(header))
    digest = blake2b(text := file.read(n_names))
    names, counts = parse_json(text.decode()), _numbers(file, n_sessions, digest)
    if not _are_ids(names, n_sessions) or min(counts, default=1) < 1 or sum(counts) != n_records:
        raise ValueError("other numbers of records")
    found = {name: _numbers(file, count, digest) for name, count in zip(names, counts, strict=True)}
    labels = _numbers(file, n_labels, digest)
    if digest.hexdigest() != said.get("digest"):
        raise ValueError("damaged")
    if any(min(places) < 0 or max(places) >= end for places in (*found.values(), labels) if places):
        raise ValueError("places outside of the file")
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
