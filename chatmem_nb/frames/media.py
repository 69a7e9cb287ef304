"""One block of a message's content, whoever's form it has: what it is, and where its bytes are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .providers import TEXT_BLOCKS, JSONObject

KINDS = ("text", "image", "audio", "video", "file", "reasoning", "tool", "other")

_KIND_OF = {
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
    "text-plain": "file",
    "reasoning": "reasoning",
    "reasoning_content": "reasoning",
    "thinking": "reasoning",
    "redacted_thinking": "reasoning",
}
# Where the forms keep the object that says where the bytes are.
_PLACES = ("source", "file", "image_url", "input_audio", "video_url", "image", "audio", "video")
_BASE64_KEYS = ("base64", "data", "file_data", "result")
_URL_KEYS = ("url", "file_url", "file_uri", "image_url")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of content. Its bytes are measured, not held."""

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
    """Bytes, of what the message itself holds; None where it only points elsewhere."""


def blocks(content: object, data: JSONObject) -> list[Block]:
    """Return the blocks of a message, in order; reasoning that is kept beside the content comes first."""
    found = []
    kwargs = data.get("additional_kwargs")
    if type(kwargs) is dict and type(reasoning := kwargs.get("reasoning_content")) is str and reasoning:
        found.append(_text_block(reasoning, "reasoning", "reasoning_content"))
    items = content if type(content) is list else [content]
    return found + [block(item) for item in items if item not in ("", None)]


def block(item: object) -> Block:
    """Return one item of a content list."""
    if type(item) is str:
        return _text_block(item, "text", None)
    if type(item) is not dict:
        return Block("other", None)
    named = item.get("type")
    block_type = named if type(named) is str else None
    if block_type in TEXT_BLOCKS or (block_type is None and type(item.get("text")) is str):
        return _text_block(_text(item.get("text")) or "", "text", block_type)
    kind = _kind(block_type, item)
    if kind == "reasoning":
        return _text_block(_reasoning(item), kind, block_type)
    if kind in ("tool", "other"):
        return Block(kind, block_type)
    return _media(kind, block_type, item)


def _kind(block_type: str | None, item: JSONObject) -> str:
    if block_type == "media":  # Google's: only the type of its bytes says what it is
        prefix = (_text(item.get("mime_type")) or "").partition("/")[0]
        return prefix if prefix in ("image", "audio", "video") else "file"
    if block_type is None:
        return next((_KIND_OF[key] for key in item if key in _KIND_OF), "other")
    if "tool" in block_type or block_type in ("function_call", "function_call_output"):
        return "tool"
    return _KIND_OF.get(block_type, "other")


def _text_block(text: str, kind: str, block_type: str | None) -> Block:
    return Block(kind, block_type, text=text, source="text", size=_utf8_size(text))


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
    places = [item, *(item[key] for key in _PLACES if type(item.get(key)) is dict)]
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
        return Block(kind, block_type, text, "text", mime, filename=filename, size=_utf8_size(text or ""))
    if encoded:
        size = _decoded_size(encoded)
        return Block(kind, block_type, None, "base64", mime, filename=filename, size=size)
    if url:
        return Block(kind, block_type, None, "url", mime, url, filename=filename)
    file_id = _first(places, ("file_id",)) or (_text(item.get("id")) if _is_id(item) else None)
    return Block(kind, block_type, None, "id" if file_id else None, mime, None, file_id, filename)


def _is_plain(block_type: str | None, places: list[JSONObject]) -> bool:
    """A file whose bytes are plain text: LangChain's v1, LangChain's v0, Anthropic's."""
    if block_type == "text-plain":
        return type(places[0].get("text")) is str
    return any("text" in (place.get("source_type"), place.get("type")) for place in places)


def _is_id(item: JSONObject) -> bool:
    return item.get("source_type") == "id"


def _first(places: list[JSONObject], keys: tuple[str, ...]) -> str | None:
    for place in places:
        for key in keys:
            if type(found := place.get(key)) is str and found:
                return found
    return None


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _utf8_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _decoded_size(encoded: str) -> int:
    """Bytes that base64 text stands for, without decoding it."""
    return len(encoded) * 3 // 4 - encoded[-2:].count("=")
