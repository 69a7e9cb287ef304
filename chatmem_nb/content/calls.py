"""The tool calls of a message, each once, in whatever shape its provider left them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from ..json_text import parse_json
from .blocks import items_beside_content, unwrapped
from .text import JSONObject, as_text

CallKind: TypeAlias = Literal["call", "function", "server"]

CLIENT_CALLS: Final = frozenset(
    {
        "tool_use",  # Anthropic, Bedrock
        "tool_call",  # LangChain's v1
        "invalid_tool_call",
        "function_call",  # OpenAI's Responses, Google
        "custom_tool_call",  # OpenAI's Responses, as are those that follow
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
    }
)
"""Types of content blocks that ask the application to run a tool."""
_SERVER_CALLS: Final = frozenset(
    {"server_tool_call", "server_tool_use", "mcp_tool_use", "executable_code", "mcp_list_tools"}
)
_ARGUMENTS: Final = ("args", "input", "arguments", "action", "operation")
# Of what a provider's own tool was asked, beside its type, id, status and result.
_SERVER_ARGUMENTS: Final = ("code", "queries", "language", "executable_code", "revised_prompt")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool."""

    id: str | None
    name: str | None
    args: object
    """An object; or, of an invalid call, what the model wrote."""
    kind: CallKind = "call"
    """"server" if the provider ran the tool itself; "function" in OpenAI's form before tools, which has no
    ids: its result is found by name."""
    error: str | None = None
    """Why its arguments cannot be used; None of a valid call."""


def tool_calls(data: JSONObject) -> list[ToolCall]:
    """Return the tool calls of a message: valid ones, invalid ones, then those that the provider ran.

    Providers repeat calls: the last one of Google is in `additional_kwargs` as well, those of Anthropic and
    OpenAI's Responses as content blocks. Each is returned once.
    """
    found = [_call(call) for call in _objects(langchain_calls(data))]
    found += [_invalid(call) for call in _objects(invalid_calls(data))]
    content = data.get("content")
    kwargs = data.get("additional_kwargs")
    if type(content) is list:
        found += _only_in_content(_objects(content), found)
    if not kwargs and type(content) is not list:
        return found
    function = kwargs.get("function_call") if type(kwargs) is dict else None
    if type(function) is dict and not found:
        args, error = _parsed(function.get("arguments"))
        found.append(ToolCall(None, as_text(function.get("name")), args, "function", error))
    return found + [_server_call(block) for block in server_blocks(data) if is_server_call(block)]


def langchain_calls(data: JSONObject) -> list[Any] | None:
    """Return the valid tool calls of a message in LangChain's form; None if it makes none.

    Messages written before LangChain had a form of its own keep OpenAI's in `additional_kwargs`.
    """
    calls = data.get("tool_calls")
    if type(calls) is list and calls:
        return calls
    kwargs = data.get("additional_kwargs")
    if type(kwargs) is not dict or "tool_calls" not in kwargs or data.get("invalid_tool_calls"):
        return None
    return [call for call in _openai_calls(kwargs) if type(call["args"]) is dict] or None


def invalid_calls(data: JSONObject) -> list[Any]:
    """Return the calls whose arguments cannot be used, in LangChain's form."""
    calls = data.get("invalid_tool_calls")
    if type(calls) is list and calls:
        return calls
    kwargs = data.get("additional_kwargs")
    if data.get("tool_calls") or type(kwargs) is not dict:
        return []
    return [call for call in _openai_calls(kwargs) if type(call["args"]) is not dict]


def server_blocks(data: JSONObject) -> Iterator[JSONObject]:
    """Yield what may be a call or a result of a provider's own tool, in order."""
    content = data.get("content")
    if type(content) is list:
        yield from map(unwrapped, _objects(content))
    yield from items_beside_content(data)


def is_server_call(block: JSONObject) -> bool:
    """Whether `block` is a call of a tool that the provider ran."""
    kind = block.get("type")
    if type(kind) is not str or kind in CLIENT_CALLS:
        return False
    return kind in _SERVER_CALLS or kind.endswith("_call")


def server_tool_name(block: JSONObject) -> str | None:
    """Return the name of the tool in a server call: `web_search` of a `web_search_call`."""
    extras = block.get("extras")
    if type(extras) is dict and type(name := extras.get("tool_name")) is str:  # v1 of a tool behind MCP
        return name
    if (name := as_text(block.get("name"))) is not None:
        return name
    kind = str(block.get("type"))
    return "code_interpreter" if kind == "executable_code" else kind.removesuffix("_call")


def _server_call(block: JSONObject) -> ToolCall:
    args = next((block[key] for key in _ARGUMENTS if block.get(key) is not None), None)
    if args is None:
        args = {key: block[key] for key in _SERVER_ARGUMENTS if block.get(key) is not None}
    parsed = _parsed(args)[0]
    if type(parsed) is dict and "sources" in parsed:  # of a web search: they are its result
        parsed = {key: value for key, value in parsed.items() if key != "sources"}
    return ToolCall(as_text(block.get("id")) or None, server_tool_name(block), parsed, "server")


def _only_in_content(blocks: list[JSONObject], known: list[ToolCall]) -> list[ToolCall]:
    ids = {call.id for call in known if call.id}
    asked = {(call.name, as_text(call.args)) for call in known}
    found = []
    for block in map(unwrapped, blocks):
        kind = block.get("type")
        if type(kind) is not str or kind not in CLIENT_CALLS:
            continue
        call = _content_call(block, kind)
        is_known = call.id in ids if call.id else (call.name, as_text(call.args)) in asked
        if not is_known:
            found.append(call)
    return found


def _content_call(block: JSONObject, kind: str) -> ToolCall:
    args, error = _parsed(next((block[key] for key in _ARGUMENTS if key in block), None))
    if kind == "custom_tool_call":  # its input is text by design, and langchain-openai names it so
        args, error = {"__arg1": block.get("input")}, None
    call_id = as_text(block.get("call_id") or block.get("id")) or None
    name = as_text(block.get("name")) or (None if kind in _NAMED_CALLS else kind.removesuffix("_call"))
    return ToolCall(call_id, name, args, error=as_text(block.get("error")) or error)


_NAMED_CALLS: Final = frozenset({"tool_use", "tool_call", "invalid_tool_call", "function_call"})


def _call(call: JSONObject) -> ToolCall:
    return ToolCall(as_text(call.get("id")), as_text(call.get("name")), call.get("args"))


def _invalid(call: JSONObject) -> ToolCall:
    error = as_text(call.get("error")) or _NOT_AN_OBJECT
    return ToolCall(as_text(call.get("id")), as_text(call.get("name")), call.get("args"), error=error)


_NOT_AN_OBJECT: Final = "its arguments are not a JSON object"


def _parsed(args: object) -> tuple[object, str | None]:
    """The arguments as an object and no error, or as they are and the error."""
    if type(args) is not str:
        return args, None
    try:
        value = parse_json(args)
    except (ValueError, RecursionError):
        return args, _NOT_AN_OBJECT
    return (value, None) if type(value) is dict else (args, _NOT_AN_OBJECT)


def _openai_calls(kwargs: JSONObject) -> list[JSONObject]:
    found = []
    for call in _objects(kwargs.get("tool_calls")):
        function = call.get("function")
        if type(function) is dict:
            args = _parsed(function.get("arguments"))[0]
            found.append(
                {"name": function.get("name"), "args": args, "id": call.get("id"), "type": "tool_call"}
            )
    return found


def _objects(value: object) -> list[JSONObject]:
    return [item for item in value if type(item) is dict] if type(value) is list else []
