"""A limit on what an export may spend."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from ..errors import InvalidInputError, StoreLimitError
from ..stores.base import SessionStore


class Budget:
    """Hands out session ids as long as reading them keeps within `max_commands` billed commands."""

    def __init__(self, store: SessionStore, max_commands: int | None) -> None:
        if max_commands is not None and max_commands < 1:
            raise InvalidInputError("max_commands must be 1 or more")
        self._store, self._most = store, max_commands
        self._start = store.commands.billed
        # Ids that were handed out and have not come back with records: each is a command at least.
        self._asked: deque[str] = deque()

    @property
    def spent(self) -> int:
        """Billed commands since the start."""
        return self._store.commands.billed - self._start

    def limit(self, session_ids: Iterable[str]) -> Iterator[str]:
        """Yield `session_ids`.

        Raises: StoreLimitError, when the next might cost more than is left.
        """
        for session_id in session_ids:
            self.check(len(self._asked) + 1)
            self._asked.append(session_id)
            yield session_id

    def arrived(self, session_id: str | None) -> None:
        """A piece of this session has come, so those that were asked for before it have, too."""
        if session_id in self._asked:
            while self._asked.popleft() != session_id:
                pass
        self.check(0)

    def check(self, more: int) -> None:
        """Raises: StoreLimitError, where `more` commands are not left."""
        if self._most is not None and self.spent + more > self._most:
            raise StoreLimitError(
                f"stopped before max_commands={self._most} were exceeded ({self.spent} are spent); "
                "a larger max_commands goes on"
            )
