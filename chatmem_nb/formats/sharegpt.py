"""ShareGPT: `{"conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]}`.

As LLaMA-Factory (data/README.md, "Sharegpt Format") and TRL (`maybe_convert_to_chatml`) read it: `from` is
human, gpt, system, function_call or observation, and the system prompt may stand beside, as `system`.
"""

from __future__ import annotations

from typing import Any, Final

from ..content import role_name
from ..json_text import json_text, parse_json

_ROLES: Final = {
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "observation": "tool",
    "function_response": "tool",
}
_CALLS: Final = ("function_call", "tool_call")


def is_sharegpt(value: dict[str, Any]) -> bool:
    """Whether a line is a conversation in this form."""
    turns = value.get("conversations")
    return isinstance(turns, list) and all(isinstance(turn, dict) for turn in turns)


def session_id(value: dict[str, Any]) -> str | None:
    """Return the id of a conversation, if it has one."""
    found = value.get("id")
    return str(found) if isinstance(found, str | int) and found != "" else None


def openai_messages(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a conversation in the form of OpenAI's chat API.

    Calls have no ids in ShareGPT: they get `call-0`, `call-1`, and the observations that follow are their
    results; one that answers no call has an empty id. A call that is not JSON stays a text. What stands
    beside the turns (`tools`, scores) is left out.
    """
    messages: list[dict[str, Any]] = []
    if isinstance(value.get("system"), str) and value["system"]:
        messages.append({"role": "system", "content": value["system"]})
    waiting: list[dict[str, Any]] = []
    n_calls = 0
    for turn in value["conversations"]:
        message = _message(turn)
        calls = _calls(turn, n_calls) if turn.get("from") in _CALLS else []
        if calls:
            n_calls += len(calls)
            message, waiting = {"role": "assistant", "content": "", "tool_calls": calls}, list(calls)
        elif message.get("role") == "tool":
            message = _result(message["content"], waiting)
        messages.append(message)
    return messages


def _message(turn: dict[str, Any]) -> dict[str, Any]:
    if "from" not in turn:
        return turn  # some files have OpenAI's messages under this key
    name, content = turn["from"], turn.get("value")
    if not isinstance(name, str):
        return {"content": content}
    lower = name.lower()
    role = "assistant" if lower in _CALLS else _ROLES.get(lower, role_name(lower))
    return {"role": role, "content": "" if content is None else content}


def _calls(turn: dict[str, Any], first: int) -> list[dict[str, Any]]:
    try:
        parsed = parse_json(turn["value"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return []
    found = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in found):
        return []
    return [_call(call, first + number) for number, call in enumerate(found)]


def _call(call: dict[str, Any], number: int) -> dict[str, Any]:
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json_text(arguments)
    return {
        "type": "function",
        "id": f"call-{number}",
        "function": {"name": call["name"], "arguments": text},
    }


def _result(content: object, waiting: list[dict[str, Any]]) -> dict[str, Any]:
    if not waiting:
        return {"role": "tool", "content": content, "tool_call_id": ""}
    call = waiting.pop(0)
    return {
        "role": "tool",
        "content": content,
        "tool_call_id": call["id"],
        "name": call["function"]["name"],
    }
