"""The content of a message taken apart: its words, and the images, files and thoughts around them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Final

from ..content import CLIENT_CALLS, Block, content_blocks
from ..json_text import pretty_start
from ..markdown import clip, code_html, showable, to_html
from ..records import StoredMessage

IMAGE_LIMIT: Final = 5_000_000
"""Bytes of an image that is shown at most."""
_OTHER_LIMIT: Final = 4_000
# No SVG: it is a document, not a picture.
_PICTURES: Final = frozenset(f"image/{kind}" for kind in ("png", "jpeg", "jpg", "gif", "webp", "avif", "bmp"))
# Calls that hold no result: the entry shows them as calls.
_CALLS: Final = CLIENT_CALLS | {"server_tool_call", "server_tool_use", "mcp_tool_use", "executable_code"}
_KINDS: Final = {
    "image": "image",
    "audio": "audio",
    "video": "file",
    "file": "file",
    "reasoning": "reasoning",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message that is not its words."""

    block: Block

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
            and block.encoded() is not None
        )

    def shown(self, text_clip: int) -> dict[str, Any]:
        """Return the part as the page shows it, without its data and without empty keys."""
        found = {
            "kind": _KINDS.get(self.block.kind, "other"),
            "label": self._label(),
            "bytes": self.block.size if self.block.source == "base64" else None,
            "html": self._html(text_clip),
            "showable": self.is_picture or None,
        }
        return {name: value for name, value in found.items() if value is not None}

    def data_url(self) -> str | None:
        """Return the picture as a data: URL, or None if it is not a picture, too large or damaged."""
        encoded = self.block.encoded() if self.is_picture else None
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
            return code_html(pretty_start(self.block.item, min(_OTHER_LIMIT, text_clip)), "json")
        return None


@dataclass(slots=True)
class Content:
    """The words of a message, and everything else in it, in order."""

    text: str = ""
    parts: list[Part] = field(default_factory=list)


def read_content(record: StoredMessage) -> Content:
    """Return the content of `record`. Never raises: an unknown shape is a part of kind "other"."""
    content = Content()
    texts: list[str] = []
    apart = False
    for block in content_blocks(record):
        if block.kind == "text":
            # Consecutive texts are parts of one text, split by citations for example.
            texts.append(("\n\n" if apart and texts else "") + _words(block))
            apart = False
        elif block.kind != "tool" or block.block_type not in _CALLS:
            apart = True
            content.parts.append(Part(block))
    content.text = "".join(texts)
    return content


def _words(block: Block) -> str:
    text = block.text or ""
    return f"*(refused)* {text}" if block.block_type == "refusal" else text
