"""The content blocks of a message in the formats of all providers: their kinds, and where their bytes are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ..plain_text import utf8_size
from ..records import StoredMessage
from .text import TEXT_BLOCKS, TOOL_TYPES, JSONObject, as_text, tool_text

KINDS: Final = ("text", "image", "audio", "video", "file", "reasoning", "tool", "other")

_KIND_OF: Final = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "image_generation_call": "image",
    "audio": "audio",
    "input_audio": "audio",
    "video": "video",
    "video_url": "video",
    "file": "file",
    "input_file": "file",
    "document": "file",
    "file_data": "file",
    "text-plain": "file",
    "reasoning": "reasoning",
    "reasoning_content": "reasoning",
    "thinking": "reasoning",
    "redacted_thinking": "reasoning",
    "executable_code": "tool",
    "code_execution_result": "tool",
}
# Where the forms keep the object that says where the bytes are.
_PLACES: Final = ("source", "file", "image_url", "input_audio", "video_url", "image", "audio", "video")
_BASE64_KEYS: Final = ("base64", "data", "file_data", "result")
_URL_KEYS: Final = ("url", "file_url", "file_uri", "image_url")
_TOOL_BLOCK: Final = re.compile("tool|_call$|_call_output$")
_DATA_URL: Final = re.compile(r"data:[^,]{0,200},")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of content. Its bytes are measured, not copied."""

    kind: str
    """One of KINDS."""
    block_type: str | None
    """What its provider calls it."""
    text: str | None = None
    source: str | None = None
    """Where its bytes are: "base64" (in the message), "url", "id" (a file kept by the provider), "text"."""
    mime_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    size: int | None = None
    """Bytes of what the message itself holds; None where it only points elsewhere."""
    item: object = field(default=None, repr=False, compare=False)
    """The parsed JSON that it was read from."""

    def encoded(self) -> str | None:
        """Return the base64 data of the block, in whichever field its provider puts it, or None."""
        if self.source != "base64" or not isinstance(self.item, dict):
            return None
        for text in _texts(_places(self.item), (*_BASE64_KEYS, *_URL_KEYS)):
            if not text.startswith("data:"):
                return text
            if (head := _DATA_URL.match(text)) is not None:
                return text[head.end() :] if head.group().endswith(";base64,") else None
        return None


def content_blocks(record: StoredMessage) -> list[Block]:
    """Return the blocks of a message, in order; plain text is one block.

    Reasoning, and calls of the provider's own tools, that are kept beside the content come first.
    """
    data = record.data or {}
    content = data.get("content")
    if record.type in TOOL_TYPES and type(content) is not list and "content" in data:
        content = tool_text(content)
    found = [content_block(item) for item in items_beside_content(data)]
    items = content if type(content) is list else [content]
    return found + [content_block(item) for item in items if item not in ("", None)]


def items_beside_content(data: JSONObject) -> Iterator[JSONObject]:
    """Yield what providers keep in `additional_kwargs` that others have as content blocks."""
    kwargs = data.get("additional_kwargs")
    if type(kwargs) is not dict:
        return
    if type(reasoning := kwargs.get("reasoning_content")) is str and reasoning:  # DeepSeek, xAI, Ollama
        yield {"type": "reasoning_content", "text": reasoning}
    if type(reasoning := kwargs.get("reasoning")) is dict and reasoning:  # langchain-openai's "v0" output
        yield {"type": "reasoning", **reasoning}
    if type(refusal := kwargs.get("refusal")) is str and refusal:  # OpenAI's chat completions
        yield {"type": "refusal", "refusal": refusal}
    if type(outputs := kwargs.get("tool_outputs")) is list:  # "v0" again
        yield from (output for output in outputs if type(output) is dict)


def content_block(item: object) -> Block:
    """Return one item of a content list."""
    if type(item) is str:
        return _text_block(item, "text", None, item)
    if isinstance(item, (int, float)):
        return _text_block(as_text(item) or "", "text", None, item)
    if type(item) is not dict:
        return Block("other", None, item=item)
    item = unwrapped(item)
    block_type = _text(item.get("type"))
    if block_type in TEXT_BLOCKS or (block_type is None and type(item.get("text")) is str):
        return _text_block(_text(item.get("text")) or "", "text", block_type, item)
    if block_type == "refusal":
        return _text_block(_text(item.get("refusal")) or "", "text", block_type, item)
    kind = _kind(block_type, item)
    if kind == "reasoning":
        return _text_block(_reasoning(item), kind, block_type, item)
    if kind in ("tool", "other"):
        return Block(kind, block_type, item=item)
    return _media(kind, block_type, item)


def unwrapped(item: JSONObject) -> JSONObject:
    """Return the provider's own block out of LangChain's wrapping."""
    value = item.get("value")
    return value if item.get("type") == "non_standard" and type(value) is dict else item


def _kind(block_type: str | None, item: JSONObject) -> str:
    if block_type == "media":  # Google's: only the type of its bytes says what it is
        prefix = (_text(item.get("mime_type")) or "").partition("/")[0]
        return prefix if prefix in ("image", "audio", "video") else "file"
    if block_type is None:
        return next((_KIND_OF[key] for key in item if key in _KIND_OF), "other")
    if block_type in _KIND_OF:
        return _KIND_OF[block_type]
    return "tool" if _TOOL_BLOCK.search(block_type) else "other"


def _text_block(text: str, kind: str, block_type: str | None, item: object) -> Block:
    return Block(kind, block_type, text=text, source="text", size=utf8_size(text), item=item)


def _reasoning(item: JSONObject) -> str:
    for key in ("reasoning", "thinking", "text"):
        if type(item.get(key)) is str:
            return str(item[key])
    inner = item.get("reasoning_content")  # Bedrock's
    if type(inner) is dict and type(inner.get("text")) is str:
        return str(inner["text"])
    summary = item.get("summary")  # OpenAI's Responses
    if type(summary) is not list:
        return ""
    return "\n\n".join(
        part["text"] for part in summary if type(part) is dict and type(part.get("text")) is str
    )


def _media(kind: str, block_type: str | None, item: JSONObject) -> Block:
    places = _places(item)
    mime = _first(places, ("mime_type", "media_type"))
    filename = _first(places, ("filename", "name", "title"))
    url, encoded = _first(places, _URL_KEYS), _first(places, _BASE64_KEYS)
    for text in (url, encoded):
        if text and text.startswith("data:"):
            head, _, encoded = text.partition(",")
            url, mime = None, head[5:].partition(";")[0] or mime
    if mime is None and (written := _first(places, ("format",))):
        mime = f"{kind}/{written}"
    if _is_plain(block_type, places):
        text = _first(places, ("text", "data"))
        size = utf8_size(text or "")
        return Block(kind, block_type, text, "text", mime, filename=filename, size=size, item=item)
    if encoded:
        size = _decoded_size(encoded)
        return Block(kind, block_type, None, "base64", mime, filename=filename, size=size, item=item)
    if url:
        return Block(kind, block_type, None, "url", mime, url, filename=filename, item=item)
    file_id = _first(places, ("file_id",)) or (_text(item.get("id")) if _is_id(item) else None)
    source = "id" if file_id else None
    return Block(kind, block_type, None, source, mime, None, file_id, filename, item=item)


def _places(item: JSONObject) -> list[JSONObject]:
    return [item, *(item[key] for key in _PLACES if type(item.get(key)) is dict)]


def _is_plain(block_type: str | None, places: list[JSONObject]) -> bool:
    """A file whose bytes are plain text: LangChain's v1, LangChain's v0, Anthropic's."""
    if block_type == "text-plain":
        return type(places[0].get("text")) is str
    return any("text" in (place.get("source_type"), place.get("type")) for place in places)


def _is_id(item: JSONObject) -> bool:
    return item.get("source_type") == "id"


def _texts(places: list[JSONObject], keys: tuple[str, ...]) -> Iterator[str]:
    for place in places:
        for key in keys:
            if type(found := place.get(key)) is str and found:
                yield found


def _first(places: list[JSONObject], keys: tuple[str, ...]) -> str | None:
    return next(_texts(places, keys), None)


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _decoded_size(encoded: str) -> int:
    """The number of bytes that base64 text encodes, without decoding it."""
    return len(encoded) * 3 // 4 - encoded[-2:].count("=")
