"""TypeScript types of the messages between page and kernel: `python tests/browser/protocol_types.py` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import chatmem_nb
from chatmem_nb.widgets.protocol import EVENTS, METHODS, schemas

TARGET = Path(chatmem_nb.__file__).parent / "widgets" / "frontend" / "protocol.d.ts"
HEAD = """/**
 * The messages between page and kernel. Made of widgets/protocol/ by
 * `python tests/browser/protocol_types.py`; do not edit.
 */
"""
SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def declarations() -> str:
    """Return the whole file."""
    kinds = schemas()
    types = [interface(name, schema) for name, schema in sorted(kinds.items())]
    methods = [
        f"  {name}: {{ params: {method.params.__name__}; result: {method.result.__name__} }};"
        for name, method in METHODS.items()
    ]
    table = "export interface Methods {\n" + "\n".join(methods) + "\n}\n"
    changes = [model.__name__ for name, model in EVENTS.items() if name != "progress"]
    changed = f"export type Changed = {' | '.join(changes)};\n"
    return "\n".join([HEAD, *types, changed, table])


def interface(name: str, schema: dict[str, Any]) -> str:
    """Return one interface with its comment."""
    required = schema.get("required", [])
    fields = [
        f"  {field}{'' if field in required else '?'}: {type_of(value)};"
        for field, value in schema.get("properties", {}).items()
    ]
    comment = " ".join(schema.get("description", "").split())
    body = "\n".join(["{", *fields, "}"]) if fields else "{}"
    return f"/** {comment} */\nexport interface {name} {body}\n"


def type_of(schema: dict[str, Any]) -> str:
    """Return the type of a value."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(type_of(one) for one in schema["anyOf"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if schema["type"] == "array":
        item = type_of(schema["items"])
        if schema.get("minItems") == schema.get("maxItems") is not None:
            return "[" + ", ".join([item] * schema["minItems"]) + "]"
        return f"({item})[]" if " " in item else f"{item}[]"
    if schema["type"] == "object":
        return f"Record<string, {type_of(schema['additionalProperties'])}>"
    return SIMPLE[schema["type"]]


if __name__ == "__main__":
    TARGET.write_text(declarations())
