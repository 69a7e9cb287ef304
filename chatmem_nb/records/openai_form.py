"""Messages in the form of OpenAI's chat API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from langchain_core.messages import BaseMessage, convert_to_messages, convert_to_openai_messages

from ..errors import InvalidInputError


def from_openai(messages: Iterable[dict[str, Any]]) -> list[BaseMessage]:
    """Return messages in OpenAI's form (`role`, `content`, `tool_calls`, ...) as messages of LangChain.

    Raises: InvalidInputError, with the `position` of the first that is not in that form.
    """
    converted: list[BaseMessage] = []
    for position, message in enumerate(messages):
        try:
            converted += convert_to_messages([message])
        except Exception as exc:  # noqa: BLE001 - langchain_core raises what comes, with the chat's words
            name = type(exc).__name__
            reason = (
                "not in OpenAI's form: it needs a `role` (system, user, assistant or tool) and `content`; "
                f"a tool result needs its `tool_call_id` ({name})"
            )
            text = f"message {position}: {reason}"
            raise InvalidInputError(text, reason=reason, position=position) from None
    return converted


def to_openai(message: BaseMessage) -> dict[str, Any]:
    """Return `message` in OpenAI's form, its content as text if it is text, else as blocks.

    Raises: InvalidInputError, if that form has no place for it.
    """
    # Text blocks as one text would get line breaks between them that nobody wrote.
    text_format: Literal["string", "block"] = "string" if isinstance(message.content, str) else "block"
    try:
        return convert_to_openai_messages(message, text_format=text_format)
    except Exception as exc:  # noqa: BLE001 - langchain_core raises what comes, with the chat's words
        name = type(exc).__name__
    raise InvalidInputError(f"OpenAI's form has no place for it ({name})")
