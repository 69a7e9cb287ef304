"""A history as the memory of an agent of langchain 1.x, over LocalUpstash and LocalMomento."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import Field

from chatmem_nb import HistoryMiddleware, InvalidInputError, StoreError
from chatmem_nb.histories import StoreHistory
from chatmem_nb.records import encode_all

RUNS = itertools.count()


class Scripted(BaseChatModel):
    """A model that asks for a tool at each question, then answers; it fails on demand."""

    seen: list[list[BaseMessage]] = Field(default_factory=list)
    failures: int = 0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self

    def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        self.seen.append(list(messages))
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the model is away")
        if isinstance(messages[-1], ToolMessage):
            text = f"It is {messages[-1].content}."
            return AIMessage([{"type": "text", "text": text}], response_metadata={"model_name": "scripted"})
        call = {"name": "weather", "args": {"city": "Graz"}, "id": f"call-{next(RUNS)}"}
        return AIMessage("", tool_calls=[call])

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    def _stream(self, messages: list[BaseMessage], *args: Any, **options: Any) -> Iterator[Any]:
        answer = self._answer(messages)
        chunk = AIMessageChunk(answer.content, tool_calls=answer.tool_calls)
        yield ChatGenerationChunk(message=chunk)


@tool
def weather(city: str) -> str:
    """Return the weather."""
    return f"sunny in {city}"


@pytest.fixture
def history_of(store: Any) -> Callable[[str], StoreHistory]:
    return lambda name: StoreHistory(store, name)


@pytest.fixture(params=["sync", "async", "stream", "astream"])
def ask(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Ask an agent in one of four ways."""
    with asyncio.Runner() as runner:

        async def astreamed(agent: Any, given: Any, options: Any) -> None:
            async for _ in agent.astream(given, options, stream_mode=["messages", "updates"]):
                pass

        def ask(agent: Any, text: Any, **configurable: Any) -> None:
            given = (
                None
                if text is None
                else {"messages": [HumanMessage(text) if isinstance(text, str) else text]}
            )
            options: Any = {"configurable": configurable}
            if request.param == "sync":
                agent.invoke(given, options)
            elif request.param == "async":
                runner.run(agent.ainvoke(given, options))
            elif request.param == "stream":
                list(agent.stream(given, options, stream_mode=["messages", "updates"]))
            else:
                runner.run(astreamed(agent, given, options))

        yield ask


def agent_of(model: Scripted, history_of: Any, last: int | None = None, checkpointer: Any = None) -> Any:
    memory = HistoryMiddleware(history_of, last=last)
    return create_agent(model, [weather], middleware=[memory], checkpointer=checkpointer)


def kinds(messages: list[BaseMessage]) -> str:
    return " ".join(message.type for message in messages)


TURN = "human ai tool ai"


def test_an_agent_remembers_and_each_message_is_stored_once(history_of: Any, ask: Any) -> None:
    model = Scripted()
    agent = agent_of(model, history_of)
    ask(agent, "Graz?", session_id="alice")
    ask(agent, "and again?", session_id="alice")
    ask(agent, "who am I?", session_id="bob")
    stored = history_of("alice").messages
    assert kinds(stored) == f"{TURN} {TURN}"
    assert kinds(history_of("bob").messages) == TURN
    assert [message.content for message in model.seen[2]] == [
        "Graz?",
        "",
        "sunny in Graz",
        [{"type": "text", "text": "It is sunny in Graz."}],
        "and again?",
    ]
    assert stored[1].tool_calls[0]["id"] == stored[2].tool_call_id
    ids = [message.id for message in stored]
    assert None not in ids
    assert len(set(ids)) == 8
    assert kinds(model.seen[4]) == "human"


def test_a_thread_is_the_session_where_no_session_is_named(history_of: Any, ask: Any) -> None:
    model = Scripted()
    agent = agent_of(model, history_of, checkpointer=InMemorySaver())
    ask(agent, "Graz?", thread_id="alice")
    ask(agent, "and again?", thread_id="alice")
    assert kinds(history_of("alice").messages) == f"{TURN} {TURN}"
    assert kinds(model.seen[2]) == f"{TURN} human", "the thread holds them: nothing comes twice"
    new = agent_of(model, history_of, checkpointer=InMemorySaver())
    ask(new, "in another thread", thread_id="other", session_id="alice")
    assert kinds(model.seen[4]) == f"{TURN} {TURN} human"
    assert kinds(history_of("alice").messages) == f"{TURN} {TURN} {TURN}"


@pytest.mark.parametrize(("last", "loaded"), [(1, "ai"), (2, "ai"), (3, "ai tool ai"), (4, TURN), (9, TURN)])
def test_the_last_messages_never_begin_with_a_result_without_its_call(
    history_of: Any, last: int, loaded: str
) -> None:
    model = Scripted()
    agent_of(model, history_of).invoke({"messages": ["Graz?"]}, {"configurable": {"session_id": "a"}})
    agent = agent_of(model, history_of, last=last)
    agent.invoke({"messages": ["and again?"]}, {"configurable": {"session_id": "a"}})
    assert kinds(model.seen[2]) == f"{loaded} human"
    assert kinds(history_of("a").messages) == f"{TURN} {TURN}"


def test_a_run_that_fails_leaves_no_call_without_its_result_and_is_retried_once(
    history_of: Any, ask: Any
) -> None:
    model = Scripted(failures=1)
    agent = agent_of(model, history_of, checkpointer=InMemorySaver())
    with pytest.raises(ConnectionError):
        ask(agent, "Graz?", thread_id="alice")
    assert kinds(history_of("alice").messages) == "human"
    ask(agent, None, thread_id="alice")  # goes on from the last checkpoint
    assert kinds(history_of("alice").messages) == TURN
    model.failures = 1
    question = HumanMessage("again?", id="q2")
    bare = agent_of(model, history_of)
    with pytest.raises(ConnectionError):
        ask(bare, question, session_id="alice")
    ask(bare, question, session_id="alice")
    assert kinds(history_of("alice").messages) == f"{TURN} {TURN}"


def test_an_append_that_was_made_before_is_not_repeated(history_of: Any) -> None:
    """A step that is run again, because what it returned was lost, finds its messages at the end."""
    memory = HistoryMiddleware(history_of)
    state = {"messages": encode_ids("one", "two"), "stored_ids": []}
    with running(session_id="a"):
        memory.before_model(state, None)
        memory.before_model(state, None)
        history_of("a").add_user_message("from elsewhere")
        asyncio.run(memory.abefore_model(state, None))
    assert [message.content for message in history_of("a").messages] == ["one", "two", "from elsewhere"]


def encode_ids(*texts: str) -> list[BaseMessage]:
    return [HumanMessage(text, id=text) for text in texts]


class running:
    """The config of a run, as langgraph has it in a node."""

    def __init__(self, **configurable: Any) -> None:
        self.config = {"configurable": configurable}

    def __enter__(self) -> None:
        from langchain_core.runnables.config import var_child_runnable_config

        self.token = var_child_runnable_config.set(self.config)

    def __exit__(self, *exc: object) -> None:
        from langchain_core.runnables.config import var_child_runnable_config

        var_child_runnable_config.reset(self.token)


def test_messages_without_ids_are_not_stored_again(history_of: Any, ask: Any) -> None:
    history_of("a").add_messages([HumanMessage("old"), AIMessage("older")])
    before = history_of("a").records()
    model = Scripted()
    ask(agent_of(model, history_of), "Graz?", session_id="a")
    assert history_of("a").records()[:2] == before
    assert kinds(history_of("a").messages) == f"human ai {TURN}"
    assert [message.content for message in model.seen[0]] == ["old", "older", "Graz?"]


class Memory(InMemoryChatMessageHistory):
    """LangChain's own, which warns where it is made itself."""


def test_any_history_is_a_memory(ask: Any) -> None:
    made: dict[str, Memory] = {}
    agent = agent_of(Scripted(), lambda name: made.setdefault(name, Memory()))
    ask(agent, "Graz?", session_id="a")
    ask(agent, "again?", session_id="a")
    assert kinds(made["a"].messages) == f"{TURN} {TURN}"


def test_a_record_that_cannot_be_read_and_a_lost_store_are_errors_of_ours(
    server: Any, history_of: Any
) -> None:
    history_of("bad").store.append("bad", [*encode_all([HumanMessage("x")]), "no JSON"])
    agent = agent_of(Scripted(), history_of)
    with pytest.raises(ValueError, match="record 1 of session 'bad' cannot be read"):
        agent.invoke({"messages": ["hi"]}, {"configurable": {"session_id": "bad"}})
    with server.store() as closed:
        pass
    with pytest.raises(StoreError):
        agent_of(Scripted(), lambda name: StoreHistory(closed, name)).invoke(
            {"messages": ["hi"]}, {"configurable": {"session_id": "a"}}
        )


def test_a_run_without_a_session_is_rejected(history_of: Any, ask: Any) -> None:
    with pytest.raises(InvalidInputError, match="the run names no session"):
        ask(agent_of(Scripted(), history_of), "hi")


@pytest.mark.parametrize(
    ("history", "last"), [(None, None), ("a", None), (str, 0), (str, -1), (str, "5"), (str, True)]
)
def test_invalid_arguments_are_rejected(history: Any, last: Any) -> None:
    with pytest.raises(InvalidInputError):
        HistoryMiddleware(history, last=last)
