"""What goes to the page: plain JSON that any kernel can send."""

from __future__ import annotations

import json
import math
from typing import Any

from ..markdown import showable


def sendable(value: dict[str, Any]) -> dict[str, Any]:
    """Return `value`, mended where JSON for the comm could not hold it: lone surrogates, NaN.

    A kernel's own encoder would raise instead, and the page would wait for ever.
    """
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # UnicodeEncodeError is one
        mended: dict[str, Any] = _mended(value)
        return mended
    return value


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return showable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mended(item) for item in value]
    return value
