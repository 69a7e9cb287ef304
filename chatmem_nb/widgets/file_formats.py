"""The files that the page offers for download: the one list of them, for the page and for the kernel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format as the page names it, and as `export` takes it."""

    name: str
    label: str
    about: str
    suffix: str
    mime: str
    argument: str | None = None
    """The `format` of `export`; None where the suffix says it."""

    def filename(self, session_ids: Sequence[str]) -> str:
        """Return a name for a file of these sessions that every system takes."""
        if len(session_ids) != 1:
            return f"conversations{self.suffix}"
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", session_ids[0])[:60].strip("-.") or "conversation"
        return f"{stem}{self.suffix}"


_LINES: Final = "application/x-ndjson"
_PARQUET: Final = "application/vnd.apache.parquet"
_LOSSLESS: Final = "All of every message."
_LOSSLESS_LINES: Final = f"{_LOSSLESS} A line per message."

FILE_FORMATS: Final = {
    form.name: form
    for form in (
        FileFormat("parquet", "Parquet", f"{_LOSSLESS} For pandas, Polars and DuckDB.", ".parquet", _PARQUET),
        FileFormat("jsonl", "JSONL", _LOSSLESS_LINES, ".jsonl", _LINES),
        FileFormat("jsonl.gz", "JSONL, gzip", _LOSSLESS_LINES, ".jsonl.gz", "application/gzip"),
        FileFormat("jsonl.zst", "JSONL, Zstandard", _LOSSLESS_LINES, ".jsonl.zst", "application/zstd"),
        FileFormat("csv", "CSV", "A row per message, for spreadsheets.", ".csv", "text/csv"),
        FileFormat("markdown", "Markdown", "For people to read.", ".md", "text/markdown"),
        FileFormat("html", "HTML", "One page for people to read.", ".html", "text/html"),
        FileFormat(
            "openai",
            "OpenAI messages",
            "A line per session, as OpenAI's chat API takes it.",
            ".openai.jsonl",
            _LINES,
            "openai",
        ),
        FileFormat(
            "finetuning",
            "OpenAI fine-tuning",
            "A line per session, up to the last message of the assistant.",
            ".finetuning.jsonl",
            _LINES,
            "finetuning",
        ),
        FileFormat(
            "huggingface",
            "Hugging Face",
            "A Parquet row per session, with messages and tools, as TRL takes it.",
            ".huggingface.parquet",
            _PARQUET,
            "huggingface",
        ),
        FileFormat(
            "opentelemetry",
            "OpenTelemetry",
            "A line per session: the attributes of its last model call.",
            ".opentelemetry.jsonl",
            _LINES,
            "opentelemetry",
        ),
    )
}


def shown_formats() -> list[dict[str, str]]:
    """Return the formats as the page shows them."""
    return [{"name": form.name, "label": form.label, "about": form.about} for form in FILE_FORMATS.values()]


def _checked(name: str) -> str:
    if name not in FILE_FORMATS:
        raise ValueError(f"it must be one of {', '.join(FILE_FORMATS)}")
    return name


FormatName: TypeAlias = Annotated[str, AfterValidator(_checked)]
