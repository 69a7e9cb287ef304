"""The file in which LocalUpstash saves its data: JSON, one element per line, for readable diffs.

    {"format": "LocalUpstash", "version": 1, "saved_at": "2026-01-31T12:00:00.000+00:00", "keys": [
    {"key": "message_store:a", "type": "list", "expires_at": null, "value": [
    "the newest element",
    {"base64": "/w=="}
    ]}
    ]}

Text that is not UTF-8 is base64. Times are UTC. `snapshot_entries.py` describes "value".
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from chatmem_nb.errors import InvalidInputError

_FORMAT, _VERSION = "LocalUpstash", 1
_EPOCH = datetime.fromtimestamp(0, UTC)

Content = bytes | int | None | list["Content"]
"""The value of a key: text, numbers, and lists of them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key, its value and its expiry."""

    key: bytes
    type: str
    expires_at_ms: int | None
    """Unix time; None for a key without expiry."""
    value: Content


def write_snapshot(path: Path, entries: Iterable[Entry]) -> None:
    """Replace the file at `path` atomically. Raises: OSError."""
    draft = path.with_name(f".{path.name}.draft")
    # Readable by this user only: these are conversations.
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        _write(file, entries)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    _sync_folder(path.parent)


def read_snapshot(path: Path) -> list[Entry]:
    """Read the file at `path`; [] if it does not exist. Raises: InvalidInputError, OSError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{path} is not a snapshot of LocalUpstash (not UTF-8); choose another path"
        ) from error
    try:
        document = json.loads(text)
        if (document["format"], document["version"]) != (_FORMAT, _VERSION):
            raise ValueError("another format or version")
        return [_entry(each) for each in document["keys"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{path} is not a snapshot of LocalUpstash ({error}); choose another path"
        ) from error


def _write(file: TextIO, entries: Iterable[Entry]) -> None:
    saved_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    file.write(f'{{"format": "{_FORMAT}", "version": {_VERSION}, "saved_at": "{saved_at}", "keys": [')
    for number, entry in enumerate(entries):
        file.write(",\n" if number else "\n")
        file.writelines(_lines(entry))
    file.write("\n]}\n")


def _lines(entry: Entry) -> Iterator[str]:
    head = {"key": _to_json(entry.key), "type": entry.type, "expires_at": _time(entry.expires_at_ms)}
    yield _json(head)[:-1] + ', "value": '
    if isinstance(entry.value, list):
        yield "["
        for number, element in enumerate(entry.value):
            yield (",\n" if number else "\n") + _json(_to_json(element))
        yield "\n]}"
    else:
        yield _json(_to_json(entry.value)) + "}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _entry(saved: dict[str, Any]) -> Entry:
    key, expires_at = _from_json(saved["key"]), saved["expires_at"]
    if not isinstance(key, bytes):
        raise ValueError("a key is not text")
    moment = None if expires_at is None else datetime.fromisoformat(expires_at) - _EPOCH
    expires_at_ms = None if moment is None else moment // timedelta(milliseconds=1)
    return Entry(key, saved["type"], expires_at_ms, _from_json(saved["value"]))


def _time(ms: int | None) -> str | None:
    if ms is None:
        return None
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def _to_json(value: Content) -> Any:
    if isinstance(value, list):
        return [_to_json(element) for element in value]
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _from_json(saved: Any) -> Content:
    match saved:
        case str():
            return saved.encode()
        case {"base64": str(text)}:
            return base64.b64decode(text, validate=True)
        case list():
            return [_from_json(element) for element in saved]
        case None | int():
            return saved
    raise ValueError(f"a value cannot be a {type(saved).__name__}")


def _sync_folder(folder: Path) -> None:
    """Make the rename survive a power failure, where the system can sync a folder."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
