"""Places in a text that hold something sensitive, and a text with each of them replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias


class Span(NamedTuple):
    """`text[start:end]` is a `kind`."""

    start: int
    end: int
    kind: str


Detector: TypeAlias = Callable[[str], Iterable[Span]]
Replacement: TypeAlias = Callable[[str, str], str]
"""Takes a kind and a value, and returns the replacement."""

CREDENTIALS: Final = frozenset({"API_KEY", "SECRET"})
MASK: Final = re.compile(r"\[[A-Z][A-Z0-9_]*(?::[a-p]{12})?\]")
"""What a redaction leaves behind; never redacted again."""


def merged(spans: Iterable[Span], priority: Mapping[str, int]) -> list[Span]:
    """Return `spans` in order, overlapping ones as one that covers them all.

    It is a credential if any part is; else of the kind of its longest part, and of equally long ones, of
    that which comes first in `priority`.
    """
    found: list[Span] = []
    longest: tuple[bool, int, int, str] = (False, 0, 0, "")
    for span in sorted(set(spans)):
        is_credential = span.kind in CREDENTIALS
        weight = (is_credential, span.end - span.start, -priority.get(span.kind, len(priority)), span.kind)
        if found and span.start < found[-1].end:
            last = found[-1]
            kind = span.kind if weight > longest else last.kind
            found[-1] = Span(last.start, max(last.end, span.end), kind)
            longest = max(longest, weight)
        else:
            found.append(span)
            longest = weight
    return found


def without_masks(text: str, spans: Sequence[Span]) -> Sequence[Span]:
    """Return `spans` without those inside of a mask: what was redacted once is safe to read again."""
    if not spans or "[" not in text:
        return spans
    masks = [found.span() for found in MASK.finditer(text)]
    if not masks:
        return spans
    kept = []
    place = 0
    for span in sorted(spans):
        while place < len(masks) and masks[place][1] <= span.start:
            place += 1
        if place < len(masks) and masks[place][0] <= span.start and span.end <= masks[place][1]:
            continue
        kept.append(span)
    return kept


def replaced_parts(parts: Sequence[str], spans: Sequence[Span], replacement: Replacement) -> list[str]:
    """Return `parts` with `spans` replaced; these are in order, and of the parts as one text.

    A span over several parts is replaced in the first of them, and removed from the others.
    """
    whole = "".join(parts)
    result: list[str] = []
    begin = place = 0
    for part in parts:
        end, position = begin + len(part), begin
        pieces: list[str] = []
        while place < len(spans) and spans[place].start < end:
            span = spans[place]
            if span.start >= begin:
                pieces.append(whole[position : span.start])
                pieces.append(replacement(span.kind, whole[span.start : span.end]))
            position = min(span.end, end)
            if span.end > end:
                break
            place += 1
        pieces.append(whole[position:end])
        result.append("".join(pieces))
        begin = end
    return result
