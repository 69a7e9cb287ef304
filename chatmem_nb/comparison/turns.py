"""A message as parts of text, to compare it with another word by word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

from ..content import (
    TOOL_TYPES,
    Block,
    Failure,
    as_text,
    content_blocks,
    role,
    role_title,
    tool_calls,
    tool_results,
    usage,
)
from ..json_text import json_text
from ..records import StoredMessage

TEXT_LIMIT: Final = 20_000
"""Maximum length of the text that is compared and shown of a part."""
_PARTS_LIMIT: Final = 200
_FACT_LIMIT: Final = 2_000
_LABEL_LIMIT: Final = 200
_END_LENGTH: Final = 24


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message, as text."""

    label: str
    """What the part is; "" for the message's own text."""
    text: str
    kind: str = "text"
    """"text", "call" for the name of a tool that is called, "argument", or "note"."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message, as its parts."""

    index: int
    who: str
    parts: tuple[Part, ...]
    digest: bytes
    """Equal for messages with equal parts; ids, times and token counts are ignored."""
    record_id: str | None
    beginning: str
    end: str
    """First and last characters of its text: messages that share them may be versions of each other."""
    tokens: int | None
    """None if unknown."""
    failures: int

    @property
    def outline(self) -> tuple[str, ...]:
        """Who wrote it, and which tools it calls."""
        return (self.who, *(part.label for part in self.parts if part.kind == "call"))


def turn_of(record: StoredMessage) -> Turn:
    """Return `record` as a turn. Never raises, whatever the record contains."""
    data = record.data or {}
    if record.error is not None:
        who, parts = "Unreadable record", [Part("cannot be read", record.raw)]
    else:
        who = role_title(role(record.type, data) or record.type or "unknown")
        parts = list(_parts(record, data))
    if isinstance(name := data.get("name"), str) and name:
        who = f"{who} ({name[:_LABEL_LIMIT]})"
    failures = sum(part.failure is not None for part in parts)
    content = [[part.kind, part.label, part.text, part.failure] for part in parts]
    digest = _digest(json_text([who, content]))
    text = "\n".join(part.text for part in parts)
    ends = text[:_END_LENGTH], text[-_END_LENGTH:]
    shown = tuple(_shown(parts))
    return Turn(record.index, who, shown, digest, record.record_id, *ends, _tokens(data), failures)


def _parts(record: StoredMessage, data: dict[str, Any]) -> Iterator[Part]:
    is_result = record.type in TOOL_TYPES
    for block in content_blocks(record):
        if block.kind == "text":
            if block.text and not is_result:
                yield Part("", block.text)
        elif block.kind == "reasoning":
            yield Part("reasoning", block.text or "")
        elif block.kind != "tool":
            yield Part("", _described(block), "note")
    for call in tool_calls(data):
        yield Part(call.name or "a tool", "", "call", "status" if call.error else None)
        yield from _arguments(call.args)
    for result in tool_results(record):
        if result.kind != "function":
            yield Part("result", result.text or "", failure=result.failure)


def _arguments(args: object) -> Iterator[Part]:
    if type(args) is dict:  # by name, since their order has no meaning
        yield from (Part(name, json_text(value), "argument") for name, value in sorted(args.items()))
    else:
        yield Part("", as_text(args) or "", "argument")


def _shown(parts: list[Part]) -> Iterator[Part]:
    """Yield the parts that are compared and shown, cut to the limits."""
    for part in parts[:_PARTS_LIMIT]:
        if len(part.text) > TEXT_LIMIT or len(part.label) > _LABEL_LIMIT:
            part = replace(part, label=_cut_label(part.label), text=_cut_text(part.text))
        yield part
    if len(parts) > _PARTS_LIMIT:
        yield Part("", f"and {len(parts) - _PARTS_LIMIT:,} more parts", "note")


def _described(block: Block) -> str:
    label = block.block_type if block.kind == "other" and block.block_type else block.kind
    facts = [label, block.mime_type, block.filename, block.url or block.file_id]
    if block.size is not None:
        facts.append(f"{block.size:,} bytes")
    if (encoded := block.encoded()) is not None:
        facts.append(f"digest {_digest(encoded).hex()[:8]}")
    elif block.kind == "other":
        facts.append(json_text(block.item))
    return f"[{', '.join(fact[:_FACT_LIMIT] for fact in facts if fact)}]"


def _tokens(data: dict[str, Any]) -> int | None:
    counts = usage(data)
    if counts.total is not None or counts.input is counts.output is None:
        return counts.total
    return (counts.input or 0) + (counts.output or 0)


def _cut_text(text: str) -> str:
    if len(text) <= TEXT_LIMIT:
        return text
    return f"{text[:TEXT_LIMIT]}… (cut; {len(text):,} characters in all)"


def _cut_label(label: str) -> str:
    return label if len(label) <= _LABEL_LIMIT else label[:_LABEL_LIMIT] + "…"


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
