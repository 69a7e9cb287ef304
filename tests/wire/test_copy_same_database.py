"""A store is never copied onto itself, and a replaced session is readable at every moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import HumanMessage

from chatmem_nb import (
    InvalidInputError,
    StoreUnavailableError,
    UpstashSessionStore,
    copy_sessions,
    export,
    import_file,
)
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all

LONG = encode_all([HumanMessage(str(number)) for number in range(6_000)])
OLD = encode_all([HumanMessage("old 0"), HumanMessage("old 1")])


@pytest.fixture
def stores(server: Any, prefix: str) -> Iterator[tuple[Any, Any]]:
    """Two store objects for the same database and prefix, empty."""
    options = {
        "key_prefix": prefix,
        "timeout_s": 60.0,
    }  # thousands of records in one request, also under load
    with server.store(**options) as one, server.store(**options) as two:
        yield one, two


@pytest.mark.parametrize("on_conflict", ["replace", "append", "skip", "error"])
def test_a_copy_onto_itself_is_refused_and_changes_nothing(stores: Any, on_conflict: Any) -> None:
    one, two = stores
    one.append("long", LONG)
    one.append("short", OLD)
    with pytest.raises(InvalidInputError, match="same database"):
        copy_sessions(one, two, on_conflict=on_conflict, progress=False)
    assert one.read("long") == LONG
    assert {name: one.length(name) for name in one.session_ids()} == {"long": 6_000, "short": 2}


def test_the_probe_expires_where_it_cannot_be_deleted(server: Any, stores: Any) -> None:
    one, two = stores
    one.append("a", OLD)
    lost = "DEL" if isinstance(server, LocalUpstash) else "Delete"
    server.faults.add("drop_before", times=100, command=lost)
    with (
        server.store(key_prefix=one.key_prefix, timeout_s=0.3) as target,
        pytest.raises((InvalidInputError, StoreUnavailableError)),
    ):
        copy_sessions(one, target, on_conflict="replace", progress=False)
    server.faults.clear()
    left = [summary for summary in two.summaries(list(two.session_ids())) if summary.session_id != "a"]
    assert all(summary.ttl and summary.ttl <= timedelta(minutes=1) for summary in left)
    assert one.read("a") == OLD


def test_another_prefix_of_the_same_database_is_allowed(server: Any, stores: Any) -> None:
    one, _ = stores
    one.append("a", OLD)
    with server.store(key_prefix="another:") as other:
        copy_sessions(one, other, on_conflict="replace", progress=False)
        assert other.read("a") == one.read("a") == OLD
        assert list(other.session_ids()) == ["a"]


def test_prefixes_that_meet_in_a_session_are_refused(server: Any, stores: Any) -> None:
    outer, _ = stores
    with server.store(key_prefix=f"{outer.key_prefix}b:") as inner:
        outer.append("x", OLD)
        inner.append("x", LONG[:3])  # the session "b:x" of `outer`
        with pytest.raises(InvalidInputError, match="same database"):
            copy_sessions(outer, inner, ["x", "b:x"], on_conflict="replace", progress=False)
        assert (outer.read("x"), outer.read("b:x")) == (OLD, LONG[:3])
        inner.delete("x")
        copy_sessions(outer, inner, ["x"], on_conflict="error", progress=False)
        assert inner.read("x") == OLD


def test_two_databases_of_one_service_are_distinguished(server: Any, stores: Any) -> None:
    one, _ = stores
    one.append("a", OLD)
    with type(server)() as another, another.store(key_prefix=one.key_prefix) as target:
        copy_sessions(one, target, progress=False)
        assert {name: target.read(name) for name in target.session_ids()} == {"a": OLD}
        assert list(one.session_ids()) == ["a"]


def test_a_dry_run_writes_no_probe(stores: Any) -> None:
    one, two = stores
    one.append("a", OLD)
    before = two.commands.billed
    copy_sessions(one, two, on_conflict="replace", dry_run=True, progress=False)
    assert two.commands.billed - before <= 5  # one summary
    assert list(one.session_ids()) == ["a"]


def test_upstash_hosts_are_compared_without_a_request() -> None:
    with (
        UpstashSessionStore("https://a.upstash.io", "one") as one,
        UpstashSessionStore("https://A.upstash.io/", "two") as two,
        pytest.raises(InvalidInputError, match="same database"),
    ):
        copy_sessions(one, two, ["a"], dry_run=True, progress=False)


def test_a_history_is_not_exported_over_its_own_file(tmp_path: Path) -> None:
    class FileHistory(InMemoryChatMessageHistory):
        file_path: str

    path = tmp_path / "chat.jsonl"
    path.write_text("[]")
    history = FileHistory(file_path=str(tmp_path / "." / "chat.jsonl"), messages=[HumanMessage("hi")])
    with pytest.raises(InvalidInputError, match="own file"):
        export(history, path, progress=False)
    assert path.read_text() == "[]"


@pytest.mark.parametrize("there", [[], OLD])
def test_a_copy_that_is_interrupted_leaves_the_old_session_whole(
    server: Any, stores: Any, there: list[str]
) -> None:
    one, _ = stores
    records = encode_all([HumanMessage(str(number)) for number in range(13_000)])  # above one page
    one.append("long", records[:9_000])
    one.append("long", records[9_000:])
    with type(server)() as another, another.store(key_prefix=one.key_prefix, timeout_s=60.0) as target:
        if there:
            target.append("long", there)
        pages = 0

        class Interrupted:
            """The source, whose connection is lost behind its first page."""

            def __getattr__(self, name: str) -> Any:
                return getattr(one, name)

            def read_many(self, ids: Any) -> Iterator[Any]:
                nonlocal pages
                for page in one.read_many(ids):
                    if pages == 1:
                        raise KeyboardInterrupt
                    pages += 1
                    yield page

        with pytest.raises(KeyboardInterrupt):
            copy_sessions(Interrupted(), target, on_conflict="replace", progress=False)
        assert pages == 1
        assert target.read("long") == there
        copy_sessions(one, target, on_conflict="replace", progress=False)
        assert target.read("long") == records


class InterruptedTarget:
    """A target that the interrupt button stops at the second write."""

    def __init__(self, store: Any) -> None:
        self._store, self._writes = store, 0

    def __getattr__(self, name: str) -> Any:
        if name in ("append", "insert", "replace"):
            self._writes += 1
            if self._writes == 2:
                raise KeyboardInterrupt
        return getattr(self._store, name)


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl"])
@pytest.mark.parametrize("there", [[], OLD])
def test_an_import_that_is_interrupted_leaves_the_old_session_or_the_new(
    stores: Any, server: Any, tmp_path: Path, name: str, there: list[str]
) -> None:
    one, _ = stores
    one.append("long", LONG)
    export(one, tmp_path / name, progress=False)
    with type(server)() as another, another.store(key_prefix=one.key_prefix, timeout_s=60.0) as target:
        if there:
            target.append("long", there)
        with suppress(KeyboardInterrupt):
            import_file(tmp_path / name, InterruptedTarget(target), on_conflict="replace")
        assert target.read("long") in (there, LONG)


def test_sessions_whose_lines_alternate_are_stored_whole(stores: Any, tmp_path: Path) -> None:
    one, target = stores
    for name in ("a", "b"):
        one.append(name, LONG[:300])
    export(one, tmp_path / "x.jsonl", progress=False)
    lines = (tmp_path / "x.jsonl").read_text().splitlines(keepends=True)
    mixed = [line for pair in zip(lines[:300], lines[300:], strict=True) for line in pair]
    (tmp_path / "mixed.jsonl").write_text("".join(mixed))
    before = target.commands.requests
    import_file(tmp_path / "mixed.jsonl", target, on_conflict="replace")
    assert target.commands.requests - before < 40
    assert target.read("a") == target.read("b") == LONG[:300]
