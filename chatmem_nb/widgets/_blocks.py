"""The content of a message taken apart: its words, and the images, files and thoughts around them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..frames import media
from ..json_text import pretty_start
from ..markdown import clip, code_html, showable, to_html

IMAGE_LIMIT: Final = 5_000_000
"""Bytes of an image that is shown at most."""
_OTHER_LIMIT: Final = 4_000
# No SVG: it is a document, not a picture.
_PICTURES: Final = frozenset(f"image/{kind}" for kind in ("png", "jpeg", "jpg", "gif", "webp", "avif", "bmp"))
_DATA_URL: Final = re.compile(r"data:[^,]{0,200},")
_PLACES: Final = ("source", "image_url", "image")
_KEYS: Final = ("base64", "data", "result", "url", "image_url")
_KINDS: Final = {
    "image": "image",
    "audio": "audio",
    "video": "file",
    "file": "file",
    "reasoning": "reasoning",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message that is not its words: a block, and the object that it was read from."""

    block: media.Block
    item: object

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture held in the message itself; nothing is ever fetched."""
        block = self.block
        mime = (block.mime_type or "image/png").lower()
        return (
            block.kind == "image"
            and block.source == "base64"
            and mime in _PICTURES
            and (block.size or 0) <= IMAGE_LIMIT
            and _encoded(self.item) is not None
        )

    def shown(self, text_clip: int) -> dict[str, Any]:
        """Return the part as the page shows it, without its data."""
        return {
            "kind": _KINDS.get(self.block.kind, "other"),
            "label": self._label(),
            "bytes": self.block.size if self.block.source == "base64" else None,
            "html": self._html(text_clip),
            "showable": self.is_picture,
        }

    def data_url(self) -> str | None:
        """Return the picture as a data: URL, or None where it is none, too large or broken."""
        encoded = _encoded(self.item) if self.is_picture else None
        if encoded is None:
            return None
        try:
            data = base64.b64decode(encoded)
        except (binascii.Error, ValueError):
            return None
        mime = (self.block.mime_type or "image/png").lower()
        return f"data:{mime};base64,{base64.b64encode(data).decode()}"

    def _label(self) -> str:
        block = self.block
        if block.kind == "reasoning" and not block.text:
            return "reasoning that the provider keeps to itself"
        named = block.block_type or "a block without a type"
        first = named if block.kind in ("other", "tool") else block.kind
        facts = (first, block.filename, block.mime_type, block.url, block.file_id)
        return showable(", ".join(fact[:200] for fact in facts if fact)).replace("\n", " ")

    def _html(self, text_clip: int) -> str | None:
        if self.block.text:
            text, rest = clip(self.block.text, text_clip)
            return to_html(text + (" …" if rest else ""))
        if self.block.kind in ("other", "tool"):
            return code_html(pretty_start(self.item, min(_OTHER_LIMIT, text_clip)), "json")
        return None


@dataclass(slots=True)
class Content:
    """The words of a message, and everything else in it, in order."""

    text: str = ""
    parts: list[Part] = field(default_factory=list)


def read_content(data: Mapping[str, Any]) -> Content:
    """Return the content of a message's `data`. Never raises: an unknown shape is a part of kind "other"."""
    content = Content()
    texts: list[str] = []
    apart = False
    for part in _parts(data):
        if part.block.kind == "text":
            # Texts that follow each other are one text cut in pieces, by citations for example.
            texts.append(("\n\n" if apart and texts else "") + (part.block.text or ""))
            apart = False
        else:
            apart = True
            content.parts.append(part)
    content.text = "".join(texts)
    return content


def _parts(data: Mapping[str, Any]) -> Iterator[Part]:
    extra = data.get("additional_kwargs")
    thought = extra.get("reasoning_content") if isinstance(extra, dict) else None
    if isinstance(thought, str) and thought:
        yield Part(media.Block("reasoning", "reasoning_content", text=thought), thought)
    content = data.get("content")
    for item in content if isinstance(content, list) else [content]:
        if item is None or item == "":
            continue
        if isinstance(item, (int, float)):
            yield Part(media.Block("text", None, text=json.dumps(item)), item)
            continue
        item = _unwrapped(item)
        if isinstance(item, dict) and item.get("type") == "refusal" and isinstance(item.get("refusal"), str):
            yield Part(media.Block("text", "refusal", text=f"*(refused)* {item['refusal']}"), item)
            continue
        block = media.block(item)
        if block.kind != "tool" or not _is_call(item):
            yield Part(block, item)


def _unwrapped(item: object) -> object:
    """Return the provider's own block out of LangChain's wrapping."""
    if isinstance(item, dict) and item.get("type") == "non_standard" and isinstance(item.get("value"), dict):
        return item["value"]
    return item


def _is_call(item: object) -> bool:
    """Whether it is one side of a tool call that the entry shows as such."""
    kind = item.get("type") if isinstance(item, dict) else None
    return isinstance(kind, str) and not kind.endswith(("_result", "_output"))


def _encoded(item: object) -> str | None:
    """Return the base64 text in a block, wherever its provider keeps it."""
    if not isinstance(item, dict):
        return None
    for place in (item, *(item[key] for key in _PLACES if isinstance(item.get(key), dict))):
        for key in _KEYS:
            value = place.get(key)
            if not isinstance(value, str) or not value:
                continue
            if value.startswith("data:"):
                found = _DATA_URL.match(value)
                return value[found.end() :] if found and found.group().endswith(";base64,") else None
            if key in ("base64", "data", "result"):
                return value
    return None
