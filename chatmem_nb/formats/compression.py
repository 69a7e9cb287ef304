"""Text files compressed with gzip or Zstandard: written in one piece, and unpacked within bounds."""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias, cast

import pyarrow as pa

from ..errors import InvalidInputError
from .private_files import make_private_file

Compression: TypeAlias = Literal["gzip", "zstd"]

_SUFFIXES: Final[dict[str, Compression]] = {".gz": "gzip", ".zst": "zstd"}
_MAGIC: Final[dict[bytes, Compression]] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_CHUNK: Final = 1_000_000
MOST_GROWTH: Final = 100
"""How many times as large as it is a file may become by being unpacked; chats grow tenfold."""
SMALL: Final = 256_000_000
"""Bytes that any file may unpack to."""


def compression_of(path: Path) -> Compression | None:
    """Return what the suffix of `path` says that a file is compressed with."""
    return _SUFFIXES.get(path.suffix.lower())


def without_compression(path: Path) -> Path:
    """Return `path` without `.gz` or `.zst`."""
    return path.with_suffix("") if compression_of(path) else path


def found_compression(path: Path) -> Compression | None:
    """Return what the file `path` is compressed with, by its first bytes. Raises: OSError."""
    with path.open("rb") as file:
        begin = file.read(4)
    return next((kind for magic, kind in _MAGIC.items() if begin.startswith(magic)), None)


def compress(path: Path, packed: Path, compression: Compression) -> None:
    """Write the file `path` compressed to `packed`: one gzip member, or one frame of Zstandard.

    One, since readers are about that stop after the first. Zstandard is written without a checksum, gzip has
    one. Raises: OSError.
    """
    make_private_file(packed)
    with path.open("rb") as source, _packing(packed, compression) as target:
        shutil.copyfileobj(source, target, _CHUNK)


@contextmanager
def _packing(path: Path, compression: Compression) -> Iterator[Any]:
    if compression == "gzip":
        # Neither name nor time in the header: the same bytes for the same text.
        with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            yield packed
    else:
        with pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd") as packed:
            yield packed


def chunks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked if it is compressed.

    Raises: InvalidInputError for a file that is truncated or damaged, or unpacks to far more than it holds;
    OSError.
    """
    compression = found_compression(path)
    if compression is None:
        with path.open("rb") as file:
            yield from iter(lambda: file.read(_CHUNK), b"")
        return
    limit = MOST_GROWTH * path.stat().st_size + SMALL
    size = 0
    with _unpacking(path, compression) as unpacked:
        while chunk := _read(path, unpacked):
            size += len(chunk)
            if size > limit:
                raise InvalidInputError(
                    f"{path} unpacks to more than {limit:,} bytes; unpack it yourself if you trust it"
                )
            yield chunk


def _unpacking(path: Path, compression: Compression) -> BinaryIO:
    if compression == "gzip":
        return cast(BinaryIO, gzip.open(path, "rb"))
    # Arrow refuses frames that want more than 128 MB of memory.
    return cast(BinaryIO, pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd"))


def _read(path: Path, unpacked: BinaryIO) -> bytes:
    try:
        return unpacked.read(_CHUNK)
    except (EOFError, OSError, zlib.error, pa.ArrowException) as exc:
        # BadGzipFile and Arrow's errors are OSErrors as well; those of the system have a number.
        if isinstance(exc, OSError) and exc.errno is not None:
            raise
        raise InvalidInputError(
            f"{path} is truncated or damaged, and cannot be unpacked; was it copied or downloaded whole?"
        ) from exc
