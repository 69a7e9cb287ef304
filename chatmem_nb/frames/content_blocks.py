"""One row a block of content."""

from __future__ import annotations

import pandas as pd

from ..columns.schema import CATEGORIES, Kind, Rows
from ..content import KINDS, content_blocks, role
from ..redaction import Redactor, redaction_of
from ..sources import Source, sessions
from .redacted import noted, redacted

BLOCK_COLUMNS: dict[str, Kind] = {
    "session_id": "text",
    "index": "int32",
    "role": "category",
    "block": "int32",
    "type": "category",
    "block_type": "text",
    "text": "text",
    "source": "category",
    "mime_type": "text",
    "url": "text",
    "file_id": "text",
    "filename": "text",
    "bytes": "Int64",
}
_CATEGORIES = {"role": CATEGORIES["role"], "type": KINDS, "source": ("text", "base64", "url", "id")}


def content_blocks_frame(source: Source, *, redact: Redactor | None = None) -> pd.DataFrame:
    """Return one row a block of the messages' content, in order; plain text is one block.

    `type` is text, image, audio, video, file, reasoning, tool or other; `block_type` is the provider's own
    word. `bytes` measures what the message itself holds (of base64, the bytes that it stands for), and is
    missing where the block only points elsewhere; the bytes are not copied into the frame.

    `redact` is that of `to_dataframe`.

    Raises: InvalidInputError; StoreError and its kinds.

    >>> picture = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    >>> frame = content_blocks_frame([HumanMessage(["What is this?", picture])])
    >>> frame["type"].tolist(), frame["url"].tolist()[1]
    (['text', 'image'], 'https://example.com/cat.png')
    """
    redaction = redaction_of(redact)
    rows = Rows(BLOCK_COLUMNS, _CATEGORIES)
    for session_id, records in redacted(sessions(source), redaction):
        for record in records:
            speaker = role(record.type, record.data or {})
            for position, block in enumerate(content_blocks(record)):
                rows.add(
                    session_id=session_id,
                    index=record.index,
                    role=speaker,
                    block=position,
                    type=block.kind,
                    block_type=block.block_type,
                    text=block.text,
                    source=block.source,
                    mime_type=block.mime_type,
                    url=block.url,
                    file_id=block.file_id,
                    filename=block.filename,
                    bytes=block.size,
                )
    return noted(rows.frame(), redaction)
