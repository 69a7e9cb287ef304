"""Parsed JSON with every text in it redacted: values, keys, numbers, and JSON within texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Sequence
from typing import Any, Final, Protocol

from pydantic_core import from_json

from ..json_text import json_text
from .credentials import is_secret_field

_FEWEST_DIGITS: Final = 7
_MOST_DIGITS: Final = 19
_TEXT_BLOCKS: Final = frozenset({"text", "input_text", "output_text"})


class TextRedaction(Protocol):
    """What is done with texts."""

    def parts(self, texts: Sequence[str]) -> list[str]:
        """Redact texts that are read as one."""
        ...

    def is_clean(self, text: str) -> bool:
        """Whether nothing was found in this text before."""
        ...

    def secret(self, value: str) -> str:
        """Replace `value`, which is a secret by its name."""
        ...

    @property
    def found(self) -> int:
        """How many values were replaced until now."""
        ...


class Values:
    """Redacts parsed JSON by `texts`; the result contains nothing that was not examined."""

    def __init__(self, texts: TextRedaction) -> None:
        self._texts = texts

    def value(self, value: Any) -> Any:
        """Return `value` redacted.

        Raises: RecursionError.
        """
        if type(value) is str:
            return self.text(value)
        if type(value) is dict:
            return self.object(value)
        if type(value) is list:
            return [self.value(item) for item in value]
        if type(value) in (int, float):
            return self._number(value)
        return value

    def text(self, text: str) -> str:
        """Return `text` redacted; if it is JSON, so is what returns."""
        if not text or self._texts.is_clean(text):
            return text
        return self._texts.parts([self._within(text)])[0]

    def object(
        self, value: dict[str, Any], kept: Container[str] = (), data: Callable[[Any], Any] | None = None
    ) -> dict[str, Any]:
        """Return an object with keys and values redacted; keys in `kept` stay. `data` redacts `data`."""
        result: dict[str, Any] = {}
        repeated: dict[str, int] = {}
        named = value.get("name", value.get("key"))  # {"name": "password", "value": ...}
        for key, item in value.items():
            label = named if key == "value" and type(named) is str else key
            if is_secret_field(label, item):
                item = self._secret(item)
            elif key == "content" and type(item) is list:
                item = self.content(item)
            elif key == "data" and data is not None and type(item) is dict:
                item = data(item)
            elif key == "usage_metadata":  # a count that looks like a number of a card must stay a number
                item = self._usage(item)
            else:
                item = self.value(item)
            name = key if key in kept else self.text(key)
            result[_unused(name, result, repeated)] = item
        return result

    def _secret(self, value: Any) -> Any:
        """`value` with each text and number in it replaced."""
        if type(value) is list:
            return [self._secret(item) for item in value]
        if type(value) is dict:
            return self.object({key: self._secret(item) for key, item in value.items()})
        return self._texts.secret(str(value)) if type(value) in (str, int, float) and value != "" else value

    def content(self, blocks: list[Any]) -> list[Any]:
        """Return the content of a message; its text blocks are also read as one text, as a reader does."""
        texts = [text for block in blocks if (text := _block_text(block)) is not None]
        joined = iter(self._texts.parts([self._within(text) for text in texts]))
        result = []
        for block in blocks:
            if _block_text(block) is None:
                result.append(self.value(block))
            elif type(block) is str:
                result.append(next(joined))
            else:
                result.append(self.object({**block, "text": ""}) | {"text": next(joined)})
        return result

    def _within(self, text: str) -> str:
        """Return `text`; a JSON object or array that is not empty is redacted and encoded again."""
        value = _container(text)
        if value is None:
            return text
        before = self._texts.found
        redacted = self.value(value)
        return json_text(redacted) if self._texts.found != before else text

    def _number(self, number: int | float) -> Any:
        whole = (
            int(number) if type(number) is float and number.is_integer() and abs(number) < 1e19 else number
        )
        if type(whole) is not int:
            return number
        digits = str(abs(whole))
        if not _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS:
            return number
        redacted = self._texts.parts([digits])[0]
        return number if redacted == digits else redacted

    def _usage(self, value: Any) -> Any:
        if type(value) in (int, float):
            return value if self._number(value) == value else 0
        if type(value) is not dict:
            return self.value(value)
        return {self.text(key): self._usage(item) for key, item in value.items()}


def _block_text(block: Any) -> str | None:
    """The text of a block of text, None for other blocks."""
    if type(block) is str:
        return block
    if type(block) is not dict or type(block.get("text")) is not str:
        return None
    kind = block.get("type", "text")
    return block["text"] if type(kind) is str and kind in _TEXT_BLOCKS else None


def _container(text: str) -> Any:
    """The JSON object or array in `text`, or None if it is not one."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = parsed_json(text)
    except (ValueError, RecursionError):
        return None
    return value if type(value) in (dict, list) else None


def parsed_json(text: str) -> Any:
    """Return the value of JSON text.

    Raises: ValueError; RecursionError.
    """
    try:
        return from_json(text)
    except (ValueError, TypeError):  # lone surrogates, which json takes
        return json.loads(text)


def _unused(name: str, names: dict[str, Any], repeated: dict[str, int]) -> str:
    """`name`, numbered if `names` has it: two keys may have become one."""
    unused = name
    while unused in names:
        repeated[name] = repeated.get(name, 1) + 1
        unused = f"{name} {repeated[name]}"
    return unused
