"""Lines of a file as bytes, of any length."""

from __future__ import annotations

from typing import BinaryIO, Final

LONGEST: Final = 128_000_000
"""Bytes of a line that are kept in memory."""
_BOM: Final = b"\xef\xbb\xbf"


def first_offset(file: BinaryIO) -> int:
    """Return where the text of `file` begins, behind a byte order mark, and go there."""
    offset = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
    file.seek(offset)
    return offset


def read_line(file: BinaryIO) -> tuple[bytes, int]:
    """Return the next line, cut after LONGEST bytes, and its whole length."""
    line = file.readline(LONGEST)
    length = len(line)
    if length < LONGEST or line.endswith(b"\n"):
        return line, length
    while more := file.readline(1_000_000):
        length += len(more)
        if more.endswith(b"\n"):
            break
    return line, length


def undecodable(offset: int, exc: UnicodeDecodeError) -> str:
    """Return what to say of a line at `offset` that is not UTF-8."""
    return f"its line is not UTF-8 (byte {offset + exc.start:,} of the file); convert the file"
