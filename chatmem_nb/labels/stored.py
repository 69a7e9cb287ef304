"""Labels that are stored in a file of conversations, read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from .labels import Labels
from .log import Log


class StoredLabels(Labels):
    """The labels in the file `path`, which `read` returns as lines of a log; called once, on first use."""

    def __init__(self, path: Path, read: Callable[[], Iterable[dict[str, Any]]]) -> None:
        super().__init__(path, author="")
        self._log = _StoredLog(path, read)


class _StoredLog(Log):
    def __init__(self, path: Path, read: Callable[[], Iterable[dict[str, Any]]]) -> None:
        super().__init__(path)
        self._read = read
        self._is_read = False

    def restarted(self) -> bool:
        return False

    def read_new(self) -> Iterator[dict[str, Any]]:
        if not self._is_read:
            yield from self._read()
            self._is_read = True

    def append(self, values: list[dict[str, Any]]) -> None:
        raise InvalidInputError(
            f"the labels in {self.path} are read-only; keep your own in another file: Labels('labels.jsonl')"
        )
