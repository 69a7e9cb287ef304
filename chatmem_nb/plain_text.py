"""Chat text: its size, its UTF-8, and forms of it that are safe to display."""

from __future__ import annotations

import re
from typing import Final

NOT_MATH: Final = "tex2jax_ignore mathjax_ignore"
"""Class of HTML in which MathJax 2 and 3 leave dollar signs and backslashes alone."""

# C0 and C1 but tab and newline, bidirectional embeddings, overrides and isolates, and lone surrogates.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_IN_JSON: Final = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def counted(number: int, noun: str) -> str:
    """Return `number` with `noun`, in the plural but for one.

    >>> counted(1, "message"), counted(1_000, "message")
    ('1 message', '1,000 messages')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def escaped(text: str) -> str:
    r"""Return `text` with control characters as escapes: `\x1b` for the one that begins terminal sequences.

    Tab and newline stay; `\r\n` becomes `\n`.

    >>> print(escaped("red: \x1b[31m, reversed: \u202eabc"))
    red: \x1b[31m, reversed: \u202eabc
    """
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub(_python_escape, text.replace("\r\n", "\n"))


def escaped_json(text: str) -> str:
    r"""Return JSON `text` with control characters as JSON's escapes; it is still the same value."""
    return _IN_JSON.sub(_json_escape, text)


def is_utf8(text: str) -> bool:
    """Whether `text` is without lone surrogates, which UTF-8 has no bytes for."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def utf8_size(text: str) -> int:
    """Return the bytes of `text` as UTF-8; a lone surrogate counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def utf8_text(text: str) -> str:
    r"""Return `text`, each lone surrogate as its JSON escape: `\ud800`.

    No UTF-8 holds one; a frame that did could not be shown in a notebook, joined with another, or written to
    Parquet.
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _python_escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _json_escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"
