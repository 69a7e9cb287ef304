"""Sessions shared with `@langchain/community` of npm: its own class writes and reads them, in Node."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.ai import UsageMetadata

from chatmem_nb import (
    InvalidInputError,
    UpstashRedisChatMessageHistory,
    UpstashSessionStore,
    from_dataframe,
    to_dataframe,
)
from chatmem_nb.histories.base import StoreHistory
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.records import encode, encode_all, parse_all
from tests.requirements import missing

FOLDER = Path(__file__).parents[1] / "javascript"

CALL = {"name": "look", "args": {"where": "here"}, "id": "c1", "type": "tool_call"}
USAGE: UsageMetadata = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
OURS: list[BaseMessage] = [
    SystemMessage("Be brief."),
    HumanMessage([{"type": "text", "text": "What is this? ✓"}], name="ann", id="h1"),
    AIMessage("", tool_calls=[CALL], usage_metadata=USAGE),
    ToolMessage("a square", tool_call_id="c1", artifact={"n": 1}, status="error"),
    FunctionMessage(name="add", content="4"),
    ChatMessage(role="critic", content="Really?"),
    AIMessage("A square."),
]


@pytest.fixture(scope="module")
def package() -> None:
    """Install the exact versions of the lock file, unless they are there."""
    if shutil.which("npm") is None:
        missing("npm")
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    if all(installed_version(name) == version for name, version in wanted.items()):
        return
    done = subprocess.run(["npm", "ci"], cwd=FOLDER, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        missing(f"the packages of the lock file: {done.stderr[-2_000:]}")


def installed_version(name: str) -> str | None:
    described = FOLDER / "node_modules" / name / "package.json"
    return str(json.loads(described.read_text())["version"]) if described.exists() else None


def in_node(test: Any) -> Any:
    """Mark a test that runs Node: the first one installs the package, which takes 10 s."""
    return pytest.mark.slow(pytest.mark.usefixtures("package")(test))


@pytest.fixture(scope="module")
def server() -> Iterator[LocalUpstash]:
    with LocalUpstash() as server:
        yield server


@pytest.fixture
def store(server: LocalUpstash) -> Iterator[UpstashSessionStore]:
    """A store of bare keys that refuses what JavaScript cannot read, with no sessions in it."""
    with server.store(key_prefix="", javascript=True) as store:
        for name in list(store.session_ids()):
            store.delete(name)
        yield store


def in_javascript(server: LocalUpstash, verb: str, *session_ids: str) -> list[Any]:
    """Return, for each session, its messages as the class of npm reads them, or the error that it throws.

    With "write", it writes some before.
    """
    command = ["node", "history.mjs", verb, server.url, server.token, *session_ids]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=60, check=True)
    found: list[Any] = json.loads(done.stdout)
    return found


@in_node
def test_what_javascript_writes_is_read_message_for_message(
    server: LocalUpstash, store: UpstashSessionStore
) -> None:
    [written] = in_javascript(server, "write", "shared")
    assert list(store.session_ids()) == ["shared"]
    history = UpstashRedisChatMessageHistory.from_store(store, "shared")
    system, human, call, result, function, critic, answer = history.messages
    assert (system.content, function.name, answer.content) == ("Be brief.", "add", "A square.")
    assert (human.name, human.id, human.content) == ("ann", "h1", written[1]["data"]["content"])
    assert isinstance(call, AIMessage)
    assert call.tool_calls == [CALL]
    assert call.invalid_tool_calls[0]["id"] == "c2"
    assert call.usage_metadata == USAGE
    assert isinstance(result, ToolMessage)
    assert (result.tool_call_id, result.artifact) == ("c1", {"n": 1})
    assert isinstance(critic, ChatMessage)
    assert (critic.role, critic.content, critic.id) == ("critic", "Really?", "g1")
    frame = to_dataframe(history)
    assert frame["type"].tolist() == ["system", "human", "ai", "tool", "function", "chat", "ai"]
    assert frame["role"].tolist()[-2] == "critic"
    assert frame["error"].isna().all()


@in_node
def test_what_is_written_for_javascript_is_read_there(
    server: LocalUpstash, store: UpstashSessionStore
) -> None:
    history = UpstashRedisChatMessageHistory.from_store(store, "ours")
    history.add_messages(OURS)
    [found] = in_javascript(server, "read", "ours")
    types = [message.type if message.type != "chat" else "generic" for message in OURS]
    assert [message["type"] for message in found] == types
    assert [message["data"]["content"] for message in found] == [message.content for message in OURS]
    assert found[2]["data"]["tool_calls"] == [CALL]
    assert found[3]["data"]["status"] == "error"
    assert found[5]["data"]["role"] == "critic"
    assert history.messages == OURS


@in_node
def test_both_languages_go_on_in_one_session(server: LocalUpstash, store: UpstashSessionStore) -> None:
    history = UpstashRedisChatMessageHistory.from_store(store, "both")
    history.add_user_message("first, of Python")
    in_javascript(server, "write", "both")
    history.add_user_message("last, of Python")
    [found] = in_javascript(server, "read", "both")
    assert (found[0]["data"]["content"], found[-1]["data"]["content"]) == (
        "first, of Python",
        "last, of Python",
    )
    assert [message["data"]["content"] for message in found] == [one.content for one in history.messages]


REFUSED = {
    "chat": encode(ChatMessage(role="critic", content="x")),
    "remove": encode(RemoveMessage(id="m1")),
    "no-data": '{"type": "human"}',
    "legacy": '{"type": "human", "text": "long ago"}',
    "no-role": '{"type": "generic", "data": {"content": "x"}}',
    "null": "null",
    "not-json": "{",
    "nan": encode(AIMessage("x", additional_kwargs={"score": float("nan")})),
}


@in_node
def test_javascript_throws_at_each_refused_record_or_skips_it(
    server: LocalUpstash, store: UpstashSessionStore
) -> None:
    for name, record in REFUSED.items():
        with pytest.raises(InvalidInputError, match="JavaScript class fail") as caught:
            store.append(name, [encode(HumanMessage("fine")), record])
        assert (caught.value.field, caught.value.position) == ("records", 1)
    assert list(store.session_ids()) == []
    with server.store(key_prefix="") as careless:
        for name, record in REFUSED.items():
            careless.append(name, [record])
    for name, found in zip(REFUSED, in_javascript(server, "read", *REFUSED), strict=True):
        assert "Error: " in found or found == [], name


@pytest.fixture(params=["upstash", "momento"])
def shared(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A store of either service for sessions that are shared with JavaScript."""
    service = LocalUpstash if request.param == "upstash" else LocalMomento
    with service() as server, server.store(key_prefix="", javascript=True) as store:
        yield store


def test_a_history_for_javascript_writes_generic_and_refuses_the_rest(shared: Any) -> None:
    history = StoreHistory.from_store(shared, "talk")
    history.add_messages([ChatMessage(role="critic", content="Really?"), SystemMessage("Be brief.")])
    assert [json.loads(raw)["type"] for raw in shared.read("talk")] == ["generic", "system"]
    assert history.messages == [ChatMessage(role="critic", content="Really?"), SystemMessage("Be brief.")]
    for refused in (RemoveMessage(id="m1"), AIMessage("x", additional_kwargs={"score": math.nan})):
        with pytest.raises(InvalidInputError, match="JavaScript") as caught:
            history.add_messages([HumanMessage("fine"), refused])
        assert caught.value.position == 1
    with pytest.raises(InvalidInputError, match="JavaScript"):
        shared.replace("talk", encode_all([ChatMessage(role="critic", content="x")]))
    assert len(history) == 2


def test_frames_say_which_session_javascript_could_not_read(shared: Any) -> None:
    records = parse_all(encode_all([HumanMessage("fine"), ChatMessage(role="critic", content="x")]))
    frame = to_dataframe(records).assign(session_id="talk")
    for dry_run in (True, False):
        report = from_dataframe(frame, shared, dry_run=dry_run)
        assert report["action"].tolist() == ["failed"]
        assert "JavaScript" in report["problem"].iloc[0]
    assert shared.length("talk") == 0
    shared.append("talk", encode_all([HumanMessage("fine")]))
    changed = to_dataframe(StoreHistory.from_store(shared, "talk")).assign(type="chat", role="critic")
    report = from_dataframe(changed, shared, on_conflict="update")
    assert report["action"].tolist() == ["failed"]
    assert shared.length("talk") == 1


def test_the_lock_file_names_no_registry() -> None:
    text = (FOLDER / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert '"integrity"' in text
