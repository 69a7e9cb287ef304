"""The formats, and which one a path means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from ..errors import InvalidInputError
from .csv_file import CsvWriter
from .html_page import HtmlWriter
from .jsonl_file import JsonlWriter
from .markdown_file import MarkdownWriter
from .openai_jsonl import OpenAIWriter
from .parquet_file import ParquetWriter
from .writer import JSONObject, Writer

Format: TypeAlias = Literal["parquet", "jsonl", "openai", "csv", "markdown", "html"]

_BY_SUFFIX: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
}
TABLES = ("parquet", "csv")


def is_known(path: Path) -> bool:
    """Whether the suffix of `path` names a format."""
    return path.suffix.lower() in _BY_SUFFIX


def checked_format(path: Path, format: str | None) -> Format:
    """Return `format`, or the one that the path's suffix means.

    Raises: InvalidInputError, where it is not known.
    """
    found = format if format is not None else _BY_SUFFIX.get(path.suffix.lower())
    for known in get_args(Format):
        if found == known:
            return known  # type: ignore[no-any-return]  # get_args says Any
    choices = ", ".join(get_args(Format))
    if format is None:
        raise InvalidInputError(f"the suffix {path.suffix!r} names no format; choose one: {choices}")
    raise InvalidInputError(f"unknown format {format!r}; choose from {choices}")


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
    makers = {"jsonl": JsonlWriter, "openai": OpenAIWriter, "markdown": MarkdownWriter, "html": HtmlWriter}
    return makers[format](path, state)
