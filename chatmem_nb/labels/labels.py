"""Stars, tags and notes on messages and sessions, in a file beside the notebook and never in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from ..errors import InvalidInputError
from ..records import StoredMessage
from .arguments import changes, checked_tags, login, message_field, palette_of, read_palette
from .label import NAME_LIMIT, Label, MessageKey, key_in_event
from .log import Log
from .matching import SessionLabels, match_labels

if TYPE_CHECKING:
    import pandas as pd

MAX_LABELS: Final = 1_000_000
"""Maximum in one file. More were not set by people, and would only fill the memory."""


class Labels:
    """Labels of messages and sessions, in the file `path`, which the first label creates.

    `tags` is the palette of tags that may be set: names, or a mapping of names to colours (None: any tag). It
    is stored in the file, for others who open it. `author` (default: the user's login) and the time are
    stored with each label.

    A message is identified by its `record_id`, or by a digest of its record and its position among equal
    ones, so it keeps its labels when other messages are removed. Labels of a removed message are kept too.

    The file is an append-only log of JSON lines: several notebooks may write to it concurrently, and see each
    other's labels after `refresh`. A line that was truncated by a crash is skipped. The file is created with
    mode 0600; change the mode to share it.

    Raises: InvalidInputError for invalid tags. Methods raise it if the path is not a regular file.

    >>> labels = Labels("labels.jsonl", tags=["wrong", "rude"], author="ann")
    >>> records = UpstashRedisChatMessageHistory.from_store(store, "trip-planner").records()
    >>> labels.set("trip-planner", records[2], star=True, add=["wrong"], note="That train does not exist.")
    >>> sorted(labels.of_session("trip-planner", records).messages)
    [2]
    """

    def __init__(
        self, path: str | Path, *, tags: Iterable[str] | Mapping[str, str] = (), author: str | None = None
    ) -> None:
        self.path = Path(path).expanduser()
        self.author = login() if author is None else author
        self._log = Log(self.path)
        self._lock = RLock()
        self._own_palette = palette_of(tags)
        self._reset()
        self._version = 0

    def _reset(self) -> None:
        self._stored_palette: dict[str, str] = {}
        self._sessions: dict[str, Label] = {}
        self._messages: dict[str, dict[MessageKey, Label]] = {}
        self._changed_at: dict[str, int] = {}
        self._n_labels = 0

    @property
    def palette(self) -> dict[str, str]:
        """The tags that may be set and their colours: those passed here, else those stored in the file."""
        self.refresh()
        return dict(self._own_palette or self._stored_palette)

    @property
    def skipped_lines(self) -> int:
        """How many lines of the file are not labels: truncated by a crash, or written by something else."""
        return self._log.skipped_lines

    @property
    def version(self) -> int:
        """A number that increases with each change that is read; see `changed_since`."""
        return self._version

    def refresh(self) -> bool:
        """Read what others have written meanwhile; return whether there was anything new."""
        with self._lock:
            before = self._version
            if self._log.restarted():
                self._version += 1
                changed_at = dict.fromkeys(self._changed_at, self._version)
                self._reset()
                self._changed_at = changed_at
            for event in self._log.read_new():
                self._apply(event)
            return self._version != before

    def changed_since(self, version: int) -> set[str]:
        """Return the sessions whose labels changed after `version`, in this notebook or in another."""
        self.refresh()
        with self._lock:
            return {session_id for session_id, at in self._changed_at.items() if at > version}

    def set(
        self,
        session_id: str,
        message: StoredMessage | None = None,
        *,
        star: bool | None = None,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        note: str | None = None,
        records: Sequence[StoredMessage] = (),
    ) -> None:
        """Label `message` of a session, or the session itself (None). Omitted arguments change nothing.

        `add` and `remove` are tags; an empty `note` removes it. `records` are those of the whole
        session, needed to distinguish equal messages without a `record_id`.

        Raises: InvalidInputError, also for a tag that is not in the palette; OSError if the file cannot be
        written.
        """
        event = {
            **self._event(session_id, None if message is None else message_field(message, records)),
            **changes(star, checked_tags(add, self.palette), checked_tags(remove, {}), note),
        }
        self.add_events([event])

    def add_events(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Append lines to the log: changes made together, or labels from another file."""
        written = [dict(event) for event in events]
        with self._lock:
            self.refresh()
            if self._own_palette and self._own_palette != self._stored_palette:
                written.insert(0, {"v": 1, "palette": self._own_palette})
            if written:
                self._log.append(written)
                self.refresh()

    def _event(self, session_id: str, message: dict[str, Any] | None) -> dict[str, Any]:
        if not isinstance(session_id, str) or not 0 < len(session_id) <= NAME_LIMIT:
            raise InvalidInputError("session_id must be a non-empty string; pass the id of the session")
        if not isinstance(self.author, str) or len(self.author) > NAME_LIMIT:
            raise InvalidInputError("labels.author must be a string; set a name, as in labels.author = 'ann'")
        stamp = datetime.now(UTC).isoformat(timespec="microseconds")
        event = {"v": 1, "at": stamp, "author": self.author, "session_id": session_id}
        return event if message is None else {**event, "message": message}

    def of_session(
        self, session_id: str, records: Sequence[StoredMessage] = (), *, is_whole: bool = True
    ) -> SessionLabels:
        """Return the labels of a session and of its messages.

        `records` are those of the whole session, oldest first, or with `is_whole=False` some of them: then no
        message counts as removed. Takes time in proportion to `records`, not to labels of other sessions.
        """
        with self._lock:
            session = self._sessions.get(session_id)
            labels = list(self._messages.get(session_id, {}).values())
        return match_labels(session, labels, records, is_whole=is_whole)

    def labels_of(self, session_id: str) -> dict[MessageKey | None, Label]:
        """Return the labels of a session by message key; None is the key of the session itself."""
        self.refresh()
        with self._lock:
            found: dict[MessageKey | None, Label] = dict(self._messages.get(session_id, {}).items())
            if session := self._sessions.get(session_id):
                found[None] = session
        return found

    def sessions(self) -> list[str]:
        """Return the ids of sessions that have a label, or a labelled message."""
        return list(dict.fromkeys(label.session_id for label in self))

    def __iter__(self) -> Iterator[Label]:
        """Yield all labels that are not empty: of each session, then of its messages."""
        self.refresh()
        with self._lock:
            names = list(dict.fromkeys([*self._sessions, *self._messages]))
            found = [
                label
                for name in names
                for label in (self._sessions.get(name), *self._messages.get(name, {}).values())
                if label
            ]
        return iter(found)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True  # `if labels:` asks whether there is a file, not whether it is empty

    def to_dataframe(
        self, records_of: Callable[[str], Sequence[StoredMessage]] | None = None
    ) -> pd.DataFrame:
        """Return one row per star, tag and note, in the order of sessions and messages.

        `records_of` returns the records of a session: with it, `index` is the current index of the message,
        and `gone` whether it was removed. Without it, `index` is the index when it was labelled, and `gone`
        is missing.
        """
        from .frame import labels_frame

        self.refresh()
        return labels_frame(self, records_of)

    def join(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return `frame`, as `to_dataframe` makes it, with the labels of each message and of its session.

        `frame` needs the columns `session_id`, `index` and `raw`, and whole sessions where messages without a
        `record_id` are labelled. New columns: `star`, `tags` (JSON text), `note`, `labelled_by`,
        `labelled_at`, and `session_star`, `session_tags`, `session_note`.
        """
        from .frame import join_labels

        self.refresh()
        return join_labels(self, frame)

    def _apply(self, event: dict[str, Any]) -> None:
        palette = event.get("palette")
        if type(palette) is dict and "session_id" not in event:
            self._stored_palette = read_palette(palette)
            return
        found = key_in_event(event)
        if found is None:
            self._log.skipped_lines += 1
            return
        session_id, key, index = found
        label = self._label(session_id, key)
        if index is not None:
            label.index = index
        label.apply(event)
        self._version += 1
        self._changed_at[session_id] = self._version

    def _label(self, session_id: str, key: MessageKey | None) -> Label:
        of_session = self._messages.setdefault(session_id, {}) if key is not None else None
        label = self._sessions.get(session_id) if of_session is None or key is None else of_session.get(key)
        if label is not None:
            return label
        self._n_labels += 1
        if self._n_labels > MAX_LABELS:
            raise InvalidInputError(f"{self.path} has more than {MAX_LABELS:,} labels; choose another file")
        label = Label(session_id, key)
        if of_session is None or key is None:
            self._sessions[session_id] = label
        else:
            of_session[key] = label
        return label

    def __repr__(self) -> str:
        try:
            number = f"{len(self):,}"
        except (InvalidInputError, OSError):  # a repr never fails
            number = "not readable"
        return f"<Labels in {str(self.path)!r}: {number}>"
