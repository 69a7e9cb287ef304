"""Sessions move between the services, byte for byte, and a report says what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import (
    HistoryBrowser,
    InvalidInputError,
    MomentoChatMessageHistory,
    UpstashRedisChatMessageHistory,
    copy_sessions,
    from_dataframe,
    to_dataframe,
)
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.records import encode_all
from tests.odd_records import odd_records

TOO_LARGE = encode_all([HumanMessage("x" * 140_000)])  # Momento takes elements of 128 KiB


@pytest.fixture
def upstash(upstash: LocalUpstash) -> Iterator[Any]:
    with upstash.store() as store:
        yield store


@pytest.fixture
def momento(momento: LocalMomento, prefix: str) -> Iterator[Any]:
    with momento.store(key_prefix=prefix) as store:
        yield store


def contents(store: Any) -> dict[str, list[str]]:
    return {name: store.read(name) for name in store.session_ids()}


def test_sessions_go_there_and_back(upstash: Any, momento: Any) -> None:
    upstash.append("odd", [record for record in odd_records() if record])
    upstash.append("long", encode_all([HumanMessage(str(number)) for number in range(2_500)]))
    kept = contents(upstash)
    planned = copy_sessions(upstash, momento, dry_run=True, progress=False)
    assert contents(momento) == {}
    done = copy_sessions(upstash, momento, progress=False)
    assert planned.equals(done)
    assert done.set_index("session_id").n_messages.to_dict() == {name: len(kept[name]) for name in kept}
    assert contents(momento) == kept
    for name in kept:
        upstash.delete(name)
    assert copy_sessions(momento, upstash, ["long", "nobody"], progress=False).session_id.tolist() == [
        "long",
        "nobody",
    ]
    assert contents(upstash) == {"long": kept["long"]}


def test_a_session_that_is_not_taken_is_named_and_the_others_go_on(upstash: Any, momento: Any) -> None:
    upstash.append("fine", encode_all([HumanMessage("a")]))
    upstash.append("large", [*encode_all([HumanMessage(str(number)) for number in range(300)]), *TOO_LARGE])
    done = copy_sessions(upstash, momento, progress=False).set_index("session_id")
    assert done.action.astype(str).to_dict() == {"fine": "create", "large": "failed"}
    assert "record 300 has" in done.problem["large"]
    assert list(momento.session_ids()) == ["fine"]
    from_frame = from_dataframe(to_dataframe(upstash), momento, on_conflict="skip").set_index("session_id")
    assert from_frame.action.astype(str).to_dict() == {"fine": "skip", "large": "failed"}


def test_what_cannot_be_copied_is_refused(upstash: Any) -> None:
    with pytest.raises(InvalidInputError, match="same"):
        copy_sessions(upstash, upstash)
    with pytest.raises(InvalidInputError, match="list"):
        copy_sessions(upstash, None, "one")


def test_a_history_and_a_browser_are_sources() -> None:
    with LocalUpstash() as server, server.store() as store:
        history = UpstashRedisChatMessageHistory("a", url=server.url, token=server.token)
        history.add_messages([HumanMessage("hi")])
        store.append("b", encode_all([HumanMessage("other")]))
        assert to_dataframe(history)[["session_id", "content"]].to_numpy().tolist() == [["a", "hi"]]
        browser = HistoryBrowser(store)
        try:
            with pytest.raises(InvalidInputError, match="select"):
                to_dataframe(browser)
            browser.select("b")
            assert to_dataframe(browser).content.tolist() == ["other"]
        finally:
            browser.close()
        history.store.close()


def test_a_history_of_momento_is_a_source(momento: Any) -> None:
    history = MomentoChatMessageHistory("a", momento.cache_client, momento.cache_name, key_prefix="h:")
    history.add_messages([HumanMessage("hi")])
    assert to_dataframe(history).content.tolist() == ["hi"]


def test_a_filtered_and_edited_frame_is_copied(upstash: Any, momento: Any) -> None:
    talk = encode_all([HumanMessage("I am Ada"), HumanMessage("Wien"), HumanMessage("bye")])
    upstash.append("ada", talk)
    upstash.append("bob", talk)
    frame = to_dataframe(upstash)
    frame["content"] = frame["content"].str.replace("Ada", "NAME")
    kept = frame[(frame["session_id"] == "ada") & (frame["content"] != "bye")]
    done = copy_sessions(kept, momento, progress=False)
    assert done[["session_id", "action", "n_messages"]].values.tolist() == [["ada", "create", 2]]
    first, second = contents(momento)["ada"]
    assert (second, "NAME" in first, "Ada" in first) == (talk[1], True, False)
    assert copy_sessions(kept, momento, on_conflict="skip", progress=False)["action"].tolist() == ["skip"]


def test_a_path_is_no_target_of_a_copy(upstash: Any) -> None:
    with pytest.raises(InvalidInputError, match="got str; to write a file, use export"):
        copy_sessions(upstash, "x.jsonl")  # type: ignore[arg-type]  # the slip itself


def test_a_session_that_the_source_lacks_is_no_copy(upstash: Any, momento: Any) -> None:
    upstash.append("alice", encode_all([HumanMessage("hi")]))
    report = copy_sessions(upstash, momento, ["alice", "alcie"], progress=False)
    assert report["action"].tolist() == ["create", "failed"]
    assert report["problem"].tolist() == ["", "the source has no messages of it"]
