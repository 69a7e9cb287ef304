"""One stored message: JSON text <-> `BaseMessage`, and `StoredMessage` in between. No I/O.

A record is `{"type": ..., "data": message.model_dump()}`, as `langchain_community` writes it, with two
keys beside them that it and LangChain's JavaScript class ignore: `record_id` and `stored_at`. What that class
writes is read too (`javascript`).
"""

from __future__ import annotations

from .encoding import encode, encode_all, record_text, to_json
from .javascript import GENERIC, javascript_error, with_message
from .message_types import MESSAGE_CLASSES
from .messages import build_messages, is_same_message, messages_of, messages_with_ids, stable_ids
from .openai_form import from_openai, to_openai
from .parsing import (
    RecordFields,
    StoredMessage,
    is_system,
    parse,
    parse_all,
    parse_fields,
    parse_start,
    shape_errors,
    stored_at,
    timestamp,
    unreadable_reason,
    unreadable_text,
)
from .plain_records import Header, PlainRecords, plain_records

__all__ = [
    "GENERIC",
    "MESSAGE_CLASSES",
    "Header",
    "PlainRecords",
    "RecordFields",
    "StoredMessage",
    "build_messages",
    "encode",
    "encode_all",
    "from_openai",
    "is_same_message",
    "is_system",
    "javascript_error",
    "messages_of",
    "messages_with_ids",
    "parse",
    "parse_all",
    "parse_fields",
    "parse_start",
    "plain_records",
    "record_text",
    "shape_errors",
    "stable_ids",
    "stored_at",
    "timestamp",
    "to_json",
    "to_openai",
    "unreadable_reason",
    "unreadable_text",
    "with_message",
]
