"""Deserialises checkpoints to plain data: nothing that they name is imported, called or unpickled.

LangGraph's own serializer constructs objects by importing the classes that a checkpoint names. Here an object
stays in msgpack until it is needed, and is then the plain data that it would be constructed from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

OWN_FORMATS: Final = ("msgpack", "json", "null", "bytes", "bytearray")
# langgraph-checkpoint 4.3, jsonplus.py: the codes of what msgpack itself has no type for.
_NUMPY_ARRAY: Final = 6
_DELTA_SNAPSHOT: Final = 7
_NOT_OBJECTS: Final = (_NUMPY_ARRAY, _DELTA_SNAPSHOT)


class UnreadableError(Exception):
    """A checkpoint, or a part of it, cannot be read; `reason` says why, and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)  # not frozen: one is made for each message, which would take three times as long
class Packed:
    """An object in a checkpoint, in msgpack."""

    code: int
    data: bytes

    def unpacked(self) -> tuple[str, str, Any] | None:
        """Return the module and name of its class, and its data; None if they are unknown."""
        if self.code in _NOT_OBJECTS:
            return None
        found = _unpack(self.data, _plain)
        if (
            type(found) is not list
            or len(found) < 3
            or type(found[0]) is not str
            or type(found[1]) is not str
        ):
            return None
        return found[0], found[1], found[2]


def json_datas(items: Sequence[Any]) -> list[Any] | None:
    """Return the data of each item; None if one of them might change in a round trip through JSON."""
    import ormsgpack

    found = []
    try:
        for item in items:
            data = item.data
            # These mark bytes in msgpack, which JSON cannot hold; they may also occur in strings and numbers.
            if 0xC4 in data or 0xC5 in data or 0xC6 in data or item.code in _NOT_OBJECTS:
                return None
            module, name, value, *_ = ormsgpack.unpackb(data, ext_hook=_plain)  # rejects non-string keys
            if not (type(module) is type(name) is str):
                return None
            found.append(value)
    except (AttributeError, TypeError, ValueError, RecursionError, UnreadableError):
        return None  # not a Packed, or not an object
    return found


def plain(value: object) -> Any:
    """Return `value` with every packed object in it as plain data."""
    if isinstance(value, Packed):
        return _plain(value.code, value.data)
    if type(value) is list:
        return [plain(item) for item in value]
    if type(value) is dict:
        return {key: plain(item) for key, item in value.items()}
    return value


def snapshot_value(value: object) -> Any:
    """Return the value of a DeltaChannel's snapshot; any other value unchanged."""
    if isinstance(value, Packed) and value.code == _DELTA_SNAPSHOT:
        return _unpack(value.data, Packed)
    return value


def _plain(code: int, data: bytes) -> Any:
    found = _unpack(data, _plain)
    if code == _DELTA_SNAPSHOT:
        return found
    if code == _NUMPY_ARRAY:
        shape = found[1] if type(found) is list and len(found) > 1 else "?"
        return f"<numpy array of shape {shape}>"
    return found[2] if type(found) is list and len(found) > 2 else None


def _unpack(data: bytes, hook: Callable[[int, bytes], Any]) -> Any:
    import ormsgpack  # comes with LangGraph, and so with every checkpointer

    try:
        return ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)
    except (ValueError, RecursionError):
        pass
    raise UnreadableError("its checkpoint is corrupt: not valid msgpack")


class PlainSerializer:
    """Replaces the serializer of a checkpointer; reads what LangGraph's own serializer wrote."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialise `obj` by the original serializer."""
        written: tuple[str, bytes] = self._original.dumps_typed(obj)
        return written

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Deserialise `data`; objects stay `Packed`. Raises: UnreadableError."""
        kind, content = data
        if type(kind) is not str or content is None:
            raise UnreadableError("its checkpoint is corrupt: it has no serialised value")
        if "+" in kind:
            kind, content = self._decrypted(kind, content)
        if kind not in OWN_FORMATS:
            raise UnreadableError(
                f"its checkpoint is serialised as {kind!r:.30}, which is not LangGraph's own format: it is "
                "not loaded, since that may run code. Read it with your own code, and pass a list of messages"
            )
        return _loaded(kind, content)

    def _decrypted(self, kind: str, content: bytes) -> tuple[str, bytes]:
        kind, cipher = kind.split("+", 1)
        decrypt = getattr(getattr(self._original, "cipher", None), "decrypt", None)
        if decrypt is None:
            raise UnreadableError(
                "its checkpoint is encrypted; pass a checkpointer with the EncryptedSerializer"
            )
        try:
            return kind, decrypt(cipher, content)
        except Exception as exc:  # noqa: BLE001 - a cipher may raise anything
            name = type(exc).__name__
        raise UnreadableError(
            f"its checkpoint cannot be decrypted ({name}); was it written with another key?"
        )


def _loaded(kind: str, content: bytes) -> Any:
    if kind == "null":
        return None
    if kind in ("bytes", "bytearray"):
        return bytes(content)
    if kind == "msgpack":
        return _unpack(content, Packed)
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        pass
    raise UnreadableError("its checkpoint is corrupt: not valid JSON")
