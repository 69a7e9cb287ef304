"""A limit on the billed commands of an export."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from ..errors import InvalidInputError, StoreLimitError
from ..sources import Session
from ..stores.protocol import SessionReader, commands_of


def checked_max_commands(max_commands: int | None, store: SessionReader | None) -> int | None:
    """Return `max_commands`. Raises: InvalidInputError if it is no limit, or if `store` bills nothing."""
    if max_commands is None:
        return None
    if store is None or not hasattr(store, "commands"):
        raise InvalidInputError(
            "max_commands is for stores; this source bills no commands", field="max_commands"
        )
    if not isinstance(max_commands, int) or isinstance(max_commands, bool) or max_commands < 1:
        raise InvalidInputError(
            f"max_commands must be an integer of 1 or more, got {max_commands!r}", field="max_commands"
        )
    return max_commands


class Budget:
    """Limits the sessions to read to what `max_commands` billed commands allow.

    A session counts as one command until it has been read; what Momento bills depends on the response.
    """

    def __init__(self, store: SessionReader, max_commands: int | None) -> None:
        self._commands, self._most = commands_of(store), max_commands
        self._start = self._commands.billed
        self._asked: deque[str] = deque()
        self._is_spent = False
        self._left_at_checkpoint: int | None = None
        self.has_stopped = False
        """Whether this budget stopped the export, and not a limit of the service."""
        self.is_clean_stop = False
        """Whether the stop came after the last record of a session."""

    @property
    def spent(self) -> int:
        """Billed commands since the start."""
        return self._commands.billed - self._start

    def wants_checkpoint(self) -> bool:
        """Whether a checkpoint is due between sessions: at first, then whenever what is left has halved.

        So a session that costs more than what is left does not lose those before it.
        """
        if self._most is None:
            return False
        left = self._most - self.spent
        if self._left_at_checkpoint is not None and left > self._left_at_checkpoint / 2:
            return False
        self._left_at_checkpoint = left
        return True

    def check_progress(self, stalled_at: int | None) -> None:
        """Raises: StoreLimitError if `stalled_at`, a budget that was too small, is at least this one."""
        if self._most is not None and stalled_at is not None and self._most <= stalled_at:
            raise StoreLimitError(
                f"max_commands={stalled_at} was not enough to complete another session, and nothing was "
                "spent now; raise max_commands to continue"
            )

    def limit(self, session_ids: Iterable[str], reserve: int = 0) -> Iterator[str]:
        """Yield `session_ids` until the next one might cost more than is left.

        `reserve` commands are kept for requests about all of them together.
        """
        for session_id in session_ids:
            if self._most is not None and self.spent + len(self._asked) + 1 + reserve > self._most:
                self._is_spent = True
                return
            self._asked.append(session_id)
            yield session_id

    def settle(self, session_id: str | None) -> None:
        """Note that the costs of this session, and of those requested before it, are among `spent`."""
        if session_id in self._asked:
            while self._asked.popleft() != session_id:
                pass

    def watch(self, found: Iterable[Session]) -> Iterator[Session]:
        """Yield the sessions `found`.

        Raises: StoreLimitError when the budget is spent.
        """
        for session_id, records in found:
            self.settle(session_id)
            yield session_id, records
            self._is_spent = self._is_spent or (self._most is not None and self.spent > self._most)
            if self._is_spent and not self._asked:
                break  # the session may have more pages
        else:
            self.is_clean_stop = self._is_spent
        if self._is_spent:
            self.has_stopped = True
            raise StoreLimitError(
                f"stopped at max_commands={self._most} ({self.spent} spent); call again to continue"
            )
