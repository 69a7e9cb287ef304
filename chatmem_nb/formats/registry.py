"""The formats, and which one a path means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from ..errors import InvalidInputError
from .compression import compression_of, without_compression
from .csv_file import CsvWriter
from .finetuning import FineTuningWriter
from .html_page import HtmlWriter
from .huggingface_writer import HuggingFaceWriter
from .jsonl_file import JsonlWriter
from .markdown_file import MarkdownWriter
from .openai_jsonl import OpenAIWriter
from .opentelemetry import OpenTelemetryWriter
from .parquet_file import ParquetWriter
from .writer import JSONObject, Writer

Format: TypeAlias = Literal[
    "parquet", "jsonl", "openai", "finetuning", "huggingface", "opentelemetry", "csv", "markdown", "html"
]
"""Those that are written."""
ReadFormat: TypeAlias = Literal["parquet", "jsonl", "openai", "csv", "huggingface", "json", "sharegpt"]
"""Those that are read; the last two only."""

_BY_SUFFIX: dict[str, str] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
}
_MAKERS: dict[str, Callable[[Path, JSONObject], Writer]] = {
    "jsonl": JsonlWriter,
    "openai": OpenAIWriter,
    "finetuning": FineTuningWriter,
    "huggingface": HuggingFaceWriter,
    "opentelemetry": OpenTelemetryWriter,
    "markdown": MarkdownWriter,
    "html": HtmlWriter,
}
TABLES = ("parquet", "csv")
LINES = ("jsonl", "openai", "finetuning", "opentelemetry")
"""Formats of JSON Lines, which may be compressed."""
CONVERSATIONS = ("openai", "finetuning", "huggingface", "opentelemetry")
"""Formats of a line or a row a session, which is written whole or not at all."""


def is_known(path: Path) -> bool:
    """Whether the suffix of `path` names a format."""
    return without_compression(path).suffix.lower() in _BY_SUFFIX


def checked_format(path: Path, format: str | None) -> Format:
    """Return the format to write `path` in: `format`, or the one that its suffix means.

    Raises: InvalidInputError, where it is not known, or is not to be compressed as the suffix says.
    """
    found = _named(path, format)
    for known in get_args(Format):
        if found == known:
            if compression_of(path) and found not in LINES:
                raise InvalidInputError(
                    f"{found} is not written compressed; leave out {path.suffix!r}, or export JSONL",
                    field="format",
                )
            return known  # type: ignore[no-any-return]  # get_args says Any
    if found in get_args(ReadFormat):
        raise InvalidInputError(
            f"{found} is read, and not written; choose from {', '.join(get_args(Format))}", field="format"
        )
    raise _unknown(path, format, get_args(Format))


def checked_read_format(path: Path, format: str | None) -> ReadFormat:
    """Return the format to read `path` in: `format`, or the one that its suffix means.

    Raises: InvalidInputError, where it is not known or not read.
    """
    found = _named(path, format)
    for known in get_args(ReadFormat):
        if found == known:
            return known  # type: ignore[no-any-return]  # get_args says Any
    if found in get_args(Format):
        reader = "people" if found in ("markdown", "html") else "other programs"
        raise InvalidInputError(
            f"{found} is for {reader} to read, and cannot be imported; use Parquet or JSONL", field="format"
        )
    raise _unknown(path, format, get_args(ReadFormat))


def _named(path: Path, format: str | None) -> str | None:
    if format is not None:
        return format
    found = _BY_SUFFIX.get(without_compression(path).suffix.lower())
    return "parquet" if found is None and path.is_dir() else found


def _unknown(path: Path, format: str | None, known: Sequence[str]) -> InvalidInputError:
    choices = ", ".join(known)
    if format is None:
        suffix = without_compression(path).suffix
        return InvalidInputError(f"the suffix {suffix!r} names no format; choose one: {choices}")
    near = get_close_matches(str(format).lower(), known, 1)
    hint = f"did you mean {near[0]!r}? Choose" if near else "choose"
    return InvalidInputError(f"unknown format {format!r}; {hint} from {choices}", field="format")


def writer(
    format: Format,
    path: Path,
    state: JSONObject,
    columns: Sequence[str],
    partition_by: Sequence[str],
    *,
    with_labels: bool = False,
) -> Writer:
    """Return a writer of `format` to `path`; `state` is of the last checkpoint, empty at the start.

    `with_labels` gives Parquet a column for them.
    """
    if format == "parquet":
        return ParquetWriter(path, state, columns, partition_by, with_labels=with_labels)
    if format == "csv":
        return CsvWriter(path, state, columns)
    return _MAKERS[format](path, state)
