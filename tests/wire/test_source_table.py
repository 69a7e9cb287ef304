"""The README's table of sources and capabilities: each cell is tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import HumanMessage

from chatmem_nb import (
    FileSource,
    HistoryBrowser,
    HistorySource,
    LangGraphSource,
    StoreConflictError,
    export,
    to_dataframe,
    to_langgraph,
)
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.records import encode_all, messages_of
from chatmem_nb.stores.protocol import SessionStore
from tests.plain_reader import PlainReader
from tests.wire.browser_page import kept_comms

README = (Path(__file__).parents[2] / "README.md").read_text()
MESSAGES = [HumanMessage(f"message {number}", id=f"m{number}") for number in range(4)]
RECORDS = encode_all(MESSAGES)
Place = tuple[Any, Callable[[], object]]
"""A source with the first three messages in session "a", and what appends the fourth."""


def table() -> Iterator[tuple[str, str, str]]:
    """Yield (source, capability, cell) of the table."""
    _, _, rest = README.partition("**What each can do.**")
    [table] = re.findall(r"(?:^\|.*\|\n)+", rest, re.MULTILINE)[:1]
    head, _, *rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()]
    for name, *cells in rows:
        yield from ((name.strip("`"), verb, cell) for verb, cell in zip(head[1:], cells, strict=True))


CELLS = list(table())


class Memory(InMemoryChatMessageHistory):
    """LangChain's own, which warns, since 1.6.4, where it is made itself."""


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    name = request.param
    if name in ("UpstashSessionStore", "MomentoSessionStore"):
        with LocalUpstash() if name[0] == "U" else LocalMomento() as server, server.store() as store:
            store.append("a", RECORDS[:3])
            yield store, lambda: store.append("a", RECORDS[3:])
    elif name == "LangGraphSource":
        from langgraph.checkpoint.memory import InMemorySaver

        saver = InMemorySaver()
        to_langgraph(PlainReader({"a": RECORDS[:3]}), saver, progress=False)
        more = PlainReader({"a": RECORDS})
        yield LangGraphSource(saver), lambda: to_langgraph(more, saver, progress=False)
    elif name == "FileSource":
        path = tmp_path / "a.jsonl"
        export(PlainReader({"a": RECORDS[:3]}), path, progress=False)
        yield FileSource(path), lambda: export(PlainReader({"a": RECORDS}), path, progress=False)
    else:
        assert name == "HistorySource"
        history = Memory(messages=MESSAGES[:3])
        yield HistorySource(lambda _: history, ["a"]), lambda: history.add_messages(MESSAGES[3:])


def can_list(source: Any, append: Callable[[], object]) -> bool:
    return list(source.session_ids()) == ["a"]


def can_count(source: Any, append: Callable[[], object]) -> bool:
    return bool(source.length("a") == 3)


def can_page(source: Any, append: Callable[[], object]) -> bool:
    return [message.content for message in messages_of(source.read("a", 1, 2), "a")] == ["message 1"]


def can_times(source: Any, append: Callable[[], object]) -> bool:
    return bool(to_dataframe(source)["stored_at"].notna().all())


def can_search(source: Any, append: Callable[[], object]) -> bool:
    with kept_comms():
        browser = HistoryBrowser(source)
        hits = [hit.index for hit in browser.find("message 2", everywhere=True)]
        browser.close()
    return hits == [2]


def can_tail(source: Any, append: Callable[[], object]) -> bool:
    assert source.length("a") == 3
    append()
    try:
        return [message.content for message in messages_of(source.read("a", 3), "a")] == ["message 3"]
    except StoreConflictError:
        return False


def can_write(source: Any, append: Callable[[], object]) -> bool:
    if not isinstance(source, SessionStore):
        return False
    return source.append("a", RECORDS[3:]) == 4 and source.delete("a")


TRIALS = {
    "list": can_list,
    "count": can_count,
    "page": can_page,
    "times": can_times,
    "search": can_search,
    "tail": can_tail,
    "write": can_write,
}


def test_the_table_has_every_source_and_capability() -> None:
    assert len(CELLS) == 5 * 7
    assert {verb for _, verb, _ in CELLS} == set(TRIALS)
    assert {cell for _, _, cell in CELLS} == {"yes", "no"}


@pytest.mark.parametrize(("place", "verb", "cell"), CELLS, indirect=["place"])
def test_a_cell_of_the_table_is_true(place: Place, verb: str, cell: str) -> None:
    assert TRIALS[verb](*place) == (cell == "yes")
