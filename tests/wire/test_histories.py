"""The two histories over the wire: drop-ins for the originals, and beyond them."""

from __future__ import annotations

import asyncio
import inspect
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import momento
import pytest
import upstash_redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core import messages as lc
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, trim_messages
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory
from momento import CacheClient, Configurations

from chatmem_nb import (
    InvalidInputError,
    MomentoChatMessageHistory,
    RecordError,
    StoreError,
    UpstashRedisChatMessageHistory,
)
from chatmem_nb.histories import StoreHistory
from chatmem_nb.local import LocalMomento, LocalUpstash
from tests import strategies
from tests.original import OriginalMomento, OriginalUpstash

Make = Callable[..., StoreHistory]

TALK = [HumanMessage("hello"), AIMessage("hi", id="a1"), HumanMessage("漢字 👋")]


@pytest.fixture(scope="module")
def cache_client() -> Iterator[CacheClient]:
    with LocalMomento() as server:
        provider = server.credential_provider
        with CacheClient(Configurations.Laptop.v1(), provider, timedelta(hours=1)) as client:
            yield client


@pytest.fixture(params=["upstash", "momento"])
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(service: str, upstash: LocalUpstash, cache_client: CacheClient) -> Iterator[Make]:
    """Makes a history of ours; each test has sessions of its own by a prefix."""
    prefix = f"test-{time.monotonic_ns()}:"
    with ExitStack() as stack:

        def history(session_id: str = "s", **options: Any) -> StoreHistory:
            options = {"key_prefix": prefix, **options}
            made: StoreHistory
            if service == "upstash":
                made = UpstashRedisChatMessageHistory(session_id, upstash.url, upstash.token, **options)
            else:
                made = MomentoChatMessageHistory(session_id, cache_client, "c", **options)
            return stack.enter_context(_closing(made))

        yield history


class _closing:
    def __init__(self, history: StoreHistory) -> None:
        self.history = history

    def __enter__(self) -> StoreHistory:
        return self.history

    def __exit__(self, *exc: object) -> None:
        self.history.store.close()


@pytest.fixture
def original(
    service: str, upstash: LocalUpstash, cache_client: CacheClient
) -> Iterator[Callable[[StoreHistory], Any]]:
    """Makes the original's history of the same session."""
    clients: list[upstash_redis.Redis] = []

    def history(ours: StoreHistory) -> Any:
        prefix = ours.key_prefix
        if service == "momento":
            return OriginalMomento(ours.session_id, cache_client, "c", key_prefix=prefix)
        theirs = OriginalUpstash(ours.session_id, upstash.url, upstash.token, key_prefix=prefix)
        clients.append(theirs.redis_client)
        return theirs

    yield history
    for client in clients:
        client.close()


ASYNC_NAMES = {"messages": "aget_messages", "__len__": "alen"}


@pytest.fixture(params=["sync", "async"])
def do(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Calls a verb of a history in the one colour or the other."""

    def call(history: StoreHistory, verb: str, *args: Any) -> Any:
        if request.param == "async":
            twin = getattr(history, ASYNC_NAMES.get(verb, f"a{verb}"))
            return asyncio.run(twin(*args))
        value = getattr(history, verb)
        return value(*args) if callable(value) else value

    return call


# --- what a history does, both services, both colours


def test_messages_come_back_equal_and_in_order(make: Make, do: Callable[..., Any]) -> None:
    history = make()
    do(history, "add_messages", TALK[:1])
    do(history, "add_messages", TALK[1:])
    assert do(history, "messages") == TALK
    assert do(history, "__len__") == 3


def test_an_empty_history_is_a_history(make: Make, do: Callable[..., Any]) -> None:
    history = make()
    assert do(history, "messages") == []
    assert do(history, "__len__") == 0
    assert do(history, "last", 3) == []
    assert do(history, "clear") is None
    before = history.store.commands.requests
    assert history
    assert history.store.commands.requests == before


def test_clear_forgets_the_session(make: Make, do: Callable[..., Any]) -> None:
    history = make()
    do(history, "add_messages", TALK)
    do(history, "clear")
    assert do(history, "messages") == []


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 2), (1, None), (-2, None), (-3, -1), (-2, 3), (5, 9), (0, 0), (2, 1), (-99, 2)]
)
def test_a_page_is_a_slice(make: Make, do: Callable[..., Any], start: int, stop: int | None) -> None:
    history = make()
    do(history, "add_messages", TALK)
    assert do(history, "page", start, stop) == TALK[start:stop]
    records = do(history, "records", start, stop)
    assert [record.message for record in records] == TALK[start:stop]
    assert [range(3)[record.index] for record in records] == list(range(3))[start:stop]


def test_the_last_messages_cost_what_they_are(make: Make, do: Callable[..., Any]) -> None:
    history = make()
    history.add_messages([HumanMessage("x" * 1000) for _ in range(50)] + TALK)
    before = history.store.commands.bytes_received
    assert do(history, "last", 2) == TALK[-2:]
    assert history.store.commands.bytes_received - before < 5_000
    assert do(history, "last", 0) == []
    with pytest.raises(InvalidInputError, match="n must be"):
        do(history, "last", -1)


def test_a_batch_is_one_round_trip(make: Make, do: Callable[..., Any]) -> None:
    history = make(ttl=60 if isinstance(make(), UpstashRedisChatMessageHistory) else timedelta(minutes=1))
    do(history, "add_messages", TALK[:1])
    before = history.store.commands.requests
    do(history, "add_messages", TALK * 10)
    # Momento: the list, and the index of sessions before it.
    assert history.store.commands.requests - before <= (1 if history.store.service == "Upstash Redis" else 2)


@pytest.mark.parametrize("given", [HumanMessage("hello"), "hello"])
def test_messages_must_be_a_list(make: Make, do: Callable[..., Any], given: Any) -> None:
    history = make()
    with pytest.raises(InvalidInputError, match=r"messages must be a list; pass \[message\]"):
        do(history, "add_messages", given)
    assert history.store.commands.requests == 0


def test_nothing_is_sent_where_one_message_cannot_be_stored(make: Make, do: Callable[..., Any]) -> None:
    history = make()
    bad = HumanMessage("x", additional_kwargs={"no": object()})
    with pytest.raises(InvalidInputError, match="message 1: "):
        do(history, "add_messages", [TALK[0], bad])
    assert do(history, "__len__") == 0


def test_adding_nothing_sends_nothing(make: Make, do: Callable[..., Any]) -> None:
    history = make()
    do(history, "add_messages", [])
    assert history.store.commands.requests == 0


def test_reading_is_strict_and_names_the_record(make: Make, do: Callable[..., Any]) -> None:
    history = make("my session")
    history.add_messages(TALK)
    history.store.append("my session", ["{broken"])
    with pytest.raises(RecordError, match="record 3 of session 'my session' cannot be read: not JSON"):
        do(history, "messages")
    assert do(history, "page", 0, 3) == TALK
    assert [record.error is None for record in do(history, "records")] == [True, True, True, False]


@pytest.mark.parametrize(
    "session_id", ["a b", "a/b", "a:b", "\"'`", "👩‍👩‍👧", "x" * 500, "a*b?[c]", "\n\t", "漢字"]
)
def test_any_text_is_a_session_id(make: Make, do: Callable[..., Any], session_id: str) -> None:
    history = make(session_id)
    do(history, "add_messages", TALK)
    assert do(history, "messages") == TALK
    assert session_id in set(history.store.session_ids())


@pytest.mark.parametrize("session_id", ["", None, 5, b"bytes", "\ud83d"])
def test_no_other_session_id_is_taken(make: Make, session_id: Any) -> None:
    with pytest.raises(InvalidInputError, match="session_id"):
        make(session_id)


def test_adding_one_by_one_works_as_in_the_original(make: Make) -> None:
    history = make()
    history.add_user_message("hello")
    history.add_ai_message("hi")
    history.add_message(lc.SystemMessage("be kind"))
    assert history.messages == [HumanMessage("hello"), AIMessage("hi"), lc.SystemMessage("be kind")]
    assert str(history) == "Human: hello\nAI: hi\nSystem: be kind"


def test_many_histories_share_a_store(make: Make) -> None:
    history = make()
    other = type(history).from_store(history.store, "other")
    other.add_messages(TALK)
    assert other.store is history.store
    assert len(other) == 3
    assert len(history) == 0


def test_a_history_is_shown_escaped(make: Make) -> None:
    history = make("<script>alert(1)</script>")
    history.add_messages([HumanMessage("<img src=x onerror=alert(1)>"), HumanMessage("x" * 5000)])
    history.store.append(history.session_id, ["{broken"])
    shown = history._repr_html_()
    assert "<script" not in shown
    assert "<img" not in shown
    assert "cannot be read" in shown
    assert "3 of 3" in shown
    assert len(shown) < 3000


# --- against the originals

PAIRS = {
    "upstash": (UpstashRedisChatMessageHistory, OriginalUpstash),
    "momento": (MomentoChatMessageHistory, OriginalMomento),
}


@pytest.mark.parametrize(
    ("service", "name"),
    [
        (service, name)
        for service, (_, theirs) in PAIRS.items()
        for name in ("__init__", *dir(theirs))
        if name == "__init__" or name[0] != "_"
    ],
)
def test_the_signature_is_the_originals(service: str, name: str) -> None:
    ours, theirs = (inspect.getattr_static(cls, name) for cls in PAIRS[service])
    if isinstance(theirs, property):
        assert isinstance(ours, property)
        return
    ours, theirs = (getattr(cls, name) for cls in PAIRS[service])
    parameters = [
        [(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()]
        for f in (ours, theirs)
    ]
    assert parameters[0] == parameters[1]


def test_the_attributes_are_the_originals(
    make: Make, original: Callable[[StoreHistory], Any], service: str
) -> None:
    ours = make(ttl=60) if service == "upstash" else make(ttl=timedelta(minutes=1))
    theirs = original(ours)
    for name in vars(theirs).keys() | {"key"}:
        assert type(getattr(ours, name)) in (type(getattr(theirs, name)), int, str), name
    assert ours.key == theirs.key
    if service == "upstash":
        assert (ours.session_id, ours.key_prefix, ours.ttl) == (theirs.session_id, theirs.key_prefix, 60)
    else:
        assert ours.ttl == momento.requests.CollectionTtl.of(timedelta(minutes=1))
        assert make().ttl == theirs.ttl
        assert (ours.cache_name, ours.cache_client) == (theirs.cache_name, theirs.cache_client)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(strategies.messages, min_size=1, max_size=6))
def test_what_either_wrote_the_other_reads(
    make: Make, original: Callable[[StoreHistory], Any], batch: list[BaseMessage]
) -> None:
    ours = make(f"s{time.monotonic_ns()}")
    theirs = original(ours)
    ours.add_messages(batch)
    theirs.add_messages(batch)
    assert theirs.messages == batch * 2
    assert ours.messages == batch * 2
    assert [type(m) for m in ours.messages] == [type(m) for m in batch * 2]
    ours.store.close()


def test_a_chunk_is_readable_by_the_original(make: Make, original: Callable[[StoreHistory], Any]) -> None:
    ours = make()
    ours.add_message(AIMessageChunk("par") + AIMessageChunk("tial"))
    assert original(ours).messages == [AIMessage("partial")]


# --- the constructors' own input


@pytest.mark.parametrize(
    ("url", "token", "says"),
    [
        ("", "", "UPSTASH_REDIS_REST_URL"),
        ("http://127.0.0.1:1", "", "token"),
        ("", "secret-token", "url"),
        ("127.0.0.1:1", "secret-token", "http"),
        ("ftp://127.0.0.1", "secret-token", "http"),
        ("http://127.0.0.1:1", "secret-token\n", "token"),
    ],
)
def test_bad_upstash_input_is_refused_without_showing_the_token(
    url: str, token: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UPSTASH_REDIS_REST_URL", raising=False)
    monkeypatch.delenv("UPSTASH_REDIS_REST_TOKEN", raising=False)
    with pytest.raises(InvalidInputError, match=says) as caught:
        UpstashRedisChatMessageHistory("s", url, token)
    assert "secret-token" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("ttl", [-1, 1.5, "60", timedelta(seconds=5)])
def test_an_invalid_ttl_is_rejected(ttl: Any) -> None:
    with pytest.raises(InvalidInputError, match="integer of seconds"):
        UpstashRedisChatMessageHistory("s", "http://127.0.0.1:1", "t", ttl=ttl)


def test_upstash_comes_from_the_environment_as_a_pair(
    upstash: LocalUpstash, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTASH_REDIS_REST_URL", upstash.url)
    monkeypatch.delenv("UPSTASH_REDIS_REST_TOKEN", raising=False)
    with pytest.raises(InvalidInputError, match="UPSTASH_REDIS_REST_TOKEN"):
        UpstashRedisChatMessageHistory("s")
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", upstash.token)
    history = UpstashRedisChatMessageHistory("from-env")
    history.add_user_message("hello")
    assert len(history) == 1
    history.store.close()
    with pytest.raises(InvalidInputError, match="token"):
        UpstashRedisChatMessageHistory("s", "https://elsewhere.example")


def test_a_wrong_token_is_said_at_first_use(upstash: LocalUpstash) -> None:
    history = UpstashRedisChatMessageHistory("s", upstash.url, "wrong-token")
    with pytest.raises(StoreError) as caught:
        history.add_user_message("hello")
    assert "wrong-token" not in "".join(traceback.format_exception(caught.value))
    history.store.close()


@pytest.mark.parametrize("client", [None, "client", object()])
def test_a_momento_history_needs_a_client(client: Any) -> None:
    with pytest.raises(TypeError, match="CacheClient"):
        MomentoChatMessageHistory("s", client, "c")


def test_a_momento_history_needs_a_cache_name(cache_client: CacheClient) -> None:
    with pytest.raises(InvalidInputError, match="cache"):
        MomentoChatMessageHistory("s", cache_client, "")


def test_momento_from_client_params(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalMomento() as server:
        monkeypatch.delenv("MOMENTO_AUTH_TOKEN", raising=False)
        monkeypatch.setenv("MOMENTO_API_KEY", "not-this-one")
        endpoint = f"{server.host}:{server.port}"
        history = MomentoChatMessageHistory.from_client_params(
            "s", "langchain", timedelta(days=1), api_key=server.token, endpoint=endpoint
        )
        history.add_user_message("hello")
        assert history.messages == [HumanMessage("hello")]
        history.store.close()


def test_momento_without_a_key_says_which_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOMENTO_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("MOMENTO_API_KEY", raising=False)
    with pytest.raises(InvalidInputError, match="MOMENTO_API_KEY"):
        MomentoChatMessageHistory.from_client_params("s", "c", timedelta(days=1))


# --- with LangChain


def chain(make: Make) -> RunnableWithMessageHistory:
    replies = iter([AIMessage("first answer here"), AIMessage("second answer here")])
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{input}")])
    return RunnableWithMessageHistory(
        prompt | GenericFakeChatModel(messages=replies),
        lambda session_id: make(session_id),
        input_messages_key="input",
        history_messages_key="history",
    )


CONFIG: Any = {"configurable": {"session_id": "chain"}}
EXPECTED = [("human", "one"), ("ai", "first answer here"), ("human", "two"), ("ai", "second answer here")]


def test_a_chain_remembers(make: Make) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # RunnableWithMessageHistory itself
        runnable = chain(make)
        runnable.invoke({"input": "one"}, CONFIG)
        pieces = list(runnable.stream({"input": "two"}, CONFIG))
    assert len(pieces) > 1
    history = make("chain")
    assert [(m.type, m.content) for m in history.messages] == EXPECTED
    assert [m.content for m in trim_messages(history.messages, max_tokens=2, token_counter=len)] == [
        "two",
        "second answer here",
    ]


def test_a_chain_remembers_in_async(make: Make) -> None:
    async def talk() -> None:
        runnable = chain(make)
        await runnable.ainvoke({"input": "one"}, CONFIG)
        assert len([piece async for piece in runnable.astream({"input": "two"}, CONFIG)]) > 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.run(talk())
    assert [(m.type, m.content) for m in make("chain").messages] == EXPECTED


def test_the_twins_have_the_same_signatures() -> None:
    for name in ("page", "last", "records", "add_messages", "clear"):
        sync, twin = (inspect.signature(getattr(StoreHistory, n)) for n in (name, f"a{name}"))
        assert sync == twin, name
