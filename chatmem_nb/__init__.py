"""LangChain chat histories in Upstash Redis and Momento: open, browse, keep and export them in a notebook."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import ChatMemError as ChatMemError

__version__ = "0.1.0"

# Where each public name lives. Importing the package imports no SDK and no pandas.
_HOMES = {
    "ChatMemError": "errors",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
