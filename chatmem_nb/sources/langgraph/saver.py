"""Asking a checkpointer, sync or async, whichever of the two it speaks.

What is read is written once, as a plan: a generator that yields requests and is sent the responses.
"""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from ...errors import ChatMemError, InvalidInputError, StoreClosedError, StoreError
from .serialisation import PlainSerializer, UnreadableError

T = TypeVar("T")

_VERBS: Final = ("get_tuple", "list", "aget_tuple", "alist")


@dataclass(frozen=True, slots=True)
class Get:
    """The newest checkpoint of a thread, or the one that `config` names, or None."""

    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """Every checkpoint of a thread (of all threads, if `config` is None), newest first, one at a time."""

    config: dict[str, Any] | None
    visit: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class DeltaHistory:
    """What a DeltaChannel was made of: a seed, and the writes after it."""

    config: dict[str, Any]
    channel: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of the database of a SQLite checkpointer."""

    sql: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a set in the database of an Upstash checkpointer."""

    key: str


@dataclass(frozen=True, slots=True)
class Load:
    """The newest checkpoint of a thread as its graph gets it, with its objects built, or None."""

    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """A new checkpoint of a thread, behind the one that `config` names."""

    config: dict[str, Any]
    checkpoint: Any
    metadata: dict[str, Any]
    versions: dict[str, Any]


Request: TypeAlias = Get | Visit | DeltaHistory | Rows | Members | Load | Put
Plan: TypeAlias = Generator[Request, Any, T]


class Saver:
    """A checkpointer that is read as plain data. The given one is not changed."""

    def __init__(self, given: Any) -> None:
        # A class would be its own copy, and get our serializer for good.
        if isinstance(given, type) or not all(
            callable(getattr(given, name, None)) for name in (*_VERBS, "put")
        ):
            raise InvalidInputError(
                f"expected a checkpointer of LangGraph, such as InMemorySaver(), got {type(given).__name__}; "
                "`with SqliteSaver.from_conn_string(...) as checkpointer` gives one"
            )
        self.given = given
        self.asked = copy.copy(given)  # as BaseCheckpointSaver.with_allowlist does
        self.asked.serde = PlainSerializer(given.serde)

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the checkpointer belongs to, if it belongs to one."""
        loop = getattr(self.given, "loop", None)
        return loop if isinstance(loop, asyncio.AbstractEventLoop) else None

    def made_by(self, module: str) -> bool:
        """Whether the class of the checkpointer, or one it derives from, is in `module`."""
        return any(kind.__module__.startswith(module) for kind in type(self.given).__mro__)

    def run(self, plan: Plan[T]) -> T:
        """Return the result of `plan`. Raises: StoreError; InvalidInputError in its own loop."""
        loop = self.loop
        if loop is None:
            return self._run(plan)
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is loop:
            raise InvalidInputError(
                "the checkpointer belongs to the event loop that is running here, which cannot wait for it: "
                "await the async verbs (`await source.aread(...)`), or use a thread "
                "(`await asyncio.to_thread(to_dataframe, source)`)"
            )
        running = self._running(loop)
        return asyncio.run_coroutine_threadsafe(self._arun(plan), running).result()

    async def arun(self, plan: Plan[T]) -> T:
        """Return the result of `plan`; in a thread if the checkpointer is sync. Raises: StoreError."""
        loop = self.loop
        if loop is None:
            return await asyncio.to_thread(self._run, plan)
        if loop is asyncio.get_running_loop():
            return await self._arun(plan)
        # Its locks and connections are those of its own loop.
        running = self._running(loop)
        work = asyncio.run_coroutine_threadsafe(self._arun(plan), running)
        return await asyncio.wrap_future(work)

    def _running(self, loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
        if not loop.is_running():
            raise StoreClosedError(
                "the event loop of this checkpointer is no longer running; open a new checkpointer"
            )
        return loop

    async def _arun(self, plan: Plan[T]) -> T:
        return await self._answered(plan, self._aask)

    def _run(self, plan: Plan[T]) -> T:
        async def ask(request: Request) -> Any:
            return self._ask(request)

        try:
            self._answered(plan, ask).send(None)  # nothing in it waits, so it ends here
        except StopIteration as stop:
            result: T = stop.value
            return result
        raise RuntimeError("a sync checkpointer was awaited")

    async def _answered(self, plan: Plan[T], ask: Callable[[Request], Awaitable[Any]]) -> T:
        """Send the plan what `ask` responds to each of its requests, and return its result."""
        response: Any = None
        failure: Exception | None = None
        while True:
            try:
                request = plan.throw(failure) if failure is not None else plan.send(response)
            except StopIteration as stop:
                result: T = stop.value
                return result
            response = failure = None
            try:
                with self._errors():
                    response = await ask(request)
            except (ChatMemError, UnreadableError) as exc:
                failure = exc

    def _ask(self, request: Request) -> Any:
        asked = self.asked
        match request:
            case Get():
                return asked.get_tuple(request.config)
            case Visit():
                for found in asked.list(request.config):
                    request.visit(found)
                return None
            case DeltaHistory():
                history = asked.get_delta_channel_history(config=request.config, channels=[request.channel])
                return history.get(request.channel, {})
            case Rows():
                with asked.cursor(transaction=False) as cursor:
                    return cursor.execute(request.sql, request.values).fetchall()
            case Members():
                return asked.client.smembers(request.key)
            case Load():
                return self.given.get_tuple(request.config)
            case Put():
                return self.given.put(request.config, request.checkpoint, request.metadata, request.versions)

    async def _aask(self, request: Request) -> Any:
        asked = self.asked
        match request:
            case Get():
                return await asked.aget_tuple(request.config)
            case Visit():
                async for found in asked.alist(request.config):
                    request.visit(found)
                return None
            case DeltaHistory():
                history = await asked.aget_delta_channel_history(
                    config=request.config, channels=[request.channel]
                )
                return history.get(request.channel, {})
            case Rows():
                await asked.setup()
                async with asked.lock, asked.conn.execute(request.sql, request.values) as cursor:
                    return await cursor.fetchall()
            case Members():
                return await asked.client.smembers(request.key)
            case Load():
                return await self.given.aget_tuple(request.config)
            case Put():
                return await self.given.aput(
                    request.config, request.checkpoint, request.metadata, request.versions
                )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise what the checkpointer raises as errors of this package."""
        try:
            yield
        except (ChatMemError, UnreadableError):
            raise
        except sqlite3.ProgrammingError as exc:
            raise StoreClosedError(
                "the checkpointer's connection is closed, or was opened for another thread alone; open it "
                "again, with sqlite3.connect(path, check_same_thread=False) if you open it yourself"
            ) from exc
        except sqlite3.Error as exc:
            raise StoreError(
                f"the checkpointer's database cannot be read ({exc}); is it a LangGraph database, of a "
                "version that your langgraph-checkpoint-sqlite reads?"
            ) from exc
        except NotImplementedError as exc:
            raise InvalidInputError(
                f"{type(self.given).__name__} cannot be read synchronously; give its sync counterpart"
            ) from exc
        except (ValueError, LookupError, TypeError, AttributeError, EOFError) as exc:
            if self._is_closed():
                raise StoreClosedError("the checkpointer's connection is closed; open it again") from exc
            # Metadata that is no JSON, a field that is missing: of one checkpoint, and not of its database.
            name = type(exc).__name__
            raise UnreadableError(
                f"its checkpoint is corrupt, or of another version of LangGraph ({name})"
            ) from exc
        except Exception as exc:  # each saver raises the errors of its own database driver
            name = type(exc).__name__
            raise StoreError(f"the checkpointer failed ({name}); see the error that caused this one") from exc

    def _is_closed(self) -> bool:
        conn = getattr(self.given, "conn", None)
        # aiosqlite raises ValueError once it is closed; it keeps its connection in this attribute.
        return conn is not None and hasattr(conn, "_connection") and conn._connection is None
