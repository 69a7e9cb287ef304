"""Runs plans on a checkpointer, by its sync or its async methods."""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from ...errors import ChatMemError, InvalidInputError, StoreClosedError, StoreError
from .requests import DeltaHistory, Get, Load, Members, Plan, Put, Request, Rows, Visit
from .serialisation import PlainSerializer, UnreadableError

T = TypeVar("T")

_VERBS: Final = ("get_tuple", "list", "aget_tuple", "alist")


class Saver:
    """A checkpointer, and a copy of it that deserialises to plain data."""

    def __init__(self, checkpointer: Any) -> None:
        # Not a class: copying it would return itself, and our serializer would replace its own for good.
        if isinstance(checkpointer, type) or not all(
            callable(getattr(checkpointer, name, None)) for name in (*_VERBS, "put")
        ):
            raise InvalidInputError(
                "expected a checkpointer of LangGraph, such as InMemorySaver(), got "
                f"{type(checkpointer).__name__}; "
                "`with SqliteSaver.from_conn_string(...) as checkpointer` opens one"
            )
        self.checkpointer = checkpointer
        self.plain = copy.copy(checkpointer)  # as BaseCheckpointSaver.with_allowlist does
        self.plain.serde = PlainSerializer(checkpointer.serde)

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the checkpointer belongs to, if it belongs to one."""
        loop = getattr(self.checkpointer, "loop", None)
        return loop if isinstance(loop, asyncio.AbstractEventLoop) else None

    def is_from(self, module: str) -> bool:
        """Whether the class of the checkpointer, or a base class, is defined in `module`."""
        return any(kind.__module__.startswith(module) for kind in type(self.checkpointer).__mro__)

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
        running = self._require_running(loop)
        return asyncio.run_coroutine_threadsafe(self._arun(plan), running).result()

    async def arun(self, plan: Plan[T]) -> T:
        """Return the result of `plan`; in a thread if the checkpointer is sync. Raises: StoreError."""
        loop = self.loop
        if loop is None:
            return await asyncio.to_thread(self._run, plan)
        if loop is asyncio.get_running_loop():
            return await self._arun(plan)
        # Its locks and connections belong to its own loop.
        running = self._require_running(loop)
        work = asyncio.run_coroutine_threadsafe(self._arun(plan), running)
        return await asyncio.wrap_future(work)

    def _require_running(self, loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
        if not loop.is_running():
            raise StoreClosedError(
                "the event loop of this checkpointer is no longer running; open a new checkpointer"
            )
        return loop

    async def _arun(self, plan: Plan[T]) -> T:
        return await self._drive(plan, self._asend)

    def _run(self, plan: Plan[T]) -> T:
        async def send(request: Request) -> Any:
            return self._send(request)

        try:
            self._drive(plan, send).send(None)  # no request is awaited, so it runs to its end
        except StopIteration as stop:
            result: T = stop.value
            return result
        raise RuntimeError("a sync checkpointer was awaited")

    async def _drive(self, plan: Plan[T], send: Callable[[Request], Awaitable[Any]]) -> T:
        """Run `plan` with the responses of `send` to its requests, and return its result."""
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
                    response = await send(request)
            except (ChatMemError, UnreadableError) as exc:
                failure = exc

    def _send(self, request: Request) -> Any:
        plain = self.plain
        match request:
            case Get():
                return plain.get_tuple(request.config)
            case Visit():
                for found in plain.list(request.config):
                    request.visit(found)
                return None
            case DeltaHistory():
                history = plain.get_delta_channel_history(config=request.config, channels=[request.channel])
                return history.get(request.channel, {})
            case Rows():
                with plain.cursor(transaction=False) as cursor:
                    return cursor.execute(request.sql, request.values).fetchall()
            case Members():
                return plain.client.smembers(request.key)
            case Load():
                return self.checkpointer.get_tuple(request.config)
            case Put():
                return self.checkpointer.put(
                    request.config, request.checkpoint, request.metadata, request.versions
                )

    async def _asend(self, request: Request) -> Any:
        plain = self.plain
        match request:
            case Get():
                return await plain.aget_tuple(request.config)
            case Visit():
                async for found in plain.alist(request.config):
                    request.visit(found)
                return None
            case DeltaHistory():
                history = await plain.aget_delta_channel_history(
                    config=request.config, channels=[request.channel]
                )
                return history.get(request.channel, {})
            case Rows():
                await plain.setup()
                async with plain.lock, plain.conn.execute(request.sql, request.values) as cursor:
                    return await cursor.fetchall()
            case Members():
                return await plain.client.smembers(request.key)
            case Load():
                return await self.checkpointer.aget_tuple(request.config)
            case Put():
                return await self.checkpointer.aput(
                    request.config, request.checkpoint, request.metadata, request.versions
                )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Map what the checkpointer raises to errors of this package."""
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
                f"{type(self.checkpointer).__name__} cannot be read synchronously; pass its sync counterpart"
            ) from exc
        except (ValueError, LookupError, TypeError, AttributeError, EOFError) as exc:
            if self._is_closed():
                raise StoreClosedError("the checkpointer's connection is closed; open it again") from exc
            # Invalid metadata, or a missing field: one checkpoint is damaged, not the database.
            name = type(exc).__name__
            raise UnreadableError(
                f"its checkpoint is corrupt, or of another version of LangGraph ({name})"
            ) from exc
        except Exception as exc:  # every checkpointer raises the errors of its database driver
            name = type(exc).__name__
            raise StoreError(f"the checkpointer failed ({name}); see the error that caused this one") from exc

    def _is_closed(self) -> bool:
        conn = getattr(self.checkpointer, "conn", None)
        # aiosqlite raises ValueError after it was closed, when this attribute is None.
        return conn is not None and hasattr(conn, "_connection") and conn._connection is None
