"""Conversations to test with: 200 generated ones, and 200 real ones where their file is."""

from __future__ import annotations

import random
from pathlib import Path

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from chatmem_nb.local.samples import Conversation, read_conversations
from chatmem_nb.records import encode_all

REAL = Path(__file__).parents[2] / "shared" / "data" / "airline.jsonl"

_WORDS = ["river", "lantern", "seven", "orbit", "maple", "quiet", "harbour", "pencil", "violet", "engine"]


def generated(number: int = 200) -> list[Conversation]:
    """Return `number` conversations, the same at each call: texts of many lengths, tool calls, results."""
    dice = random.Random(7)
    return [
        Conversation(f"generated-{position:03d}", encode_all(_talk(dice, position)))
        for position in range(number)
    ]


def real() -> list[Conversation]:
    """Return the real conversations, where there is their file."""
    return [entry for entry in read_conversations(REAL) if isinstance(entry, Conversation)]


def _talk(dice: random.Random, position: int) -> list[BaseMessage]:
    def words(most: int) -> str:
        return " ".join(dice.choices(_WORDS, k=dice.randint(1, most)))

    talk: list[BaseMessage] = [SystemMessage(f"You are assistant {position}. {words(30)}")]
    for turn in range(dice.randint(1, 15)):
        talk.append(HumanMessage(words(40)))
        if dice.random() < 0.4:
            call = {
                "name": dice.choice(["search", "book"]),
                "args": {"q": words(4)},
                "id": f"c{position}-{turn}",
            }
            talk.append(AIMessage("", tool_calls=[call]))
            talk.append(ToolMessage(words(60), tool_call_id=str(call["id"]), name=str(call["name"])))
        talk.append(AIMessage(words(80)))
    return talk
