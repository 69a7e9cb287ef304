"""LangChain chat histories in Upstash Redis and Momento: open, browse, keep and export them in a notebook."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparison import compare as compare
    from .errors import ChatMemError as ChatMemError
    from .errors import InvalidInputError as InvalidInputError
    from .errors import RecordError as RecordError
    from .errors import RecordErrors as RecordErrors
    from .errors import RecordTooLargeError as RecordTooLargeError
    from .errors import StoreAuthError as StoreAuthError
    from .errors import StoreClosedError as StoreClosedError
    from .errors import StoreConflictError as StoreConflictError
    from .errors import StoreError as StoreError
    from .errors import StoreLimitError as StoreLimitError
    from .errors import StoreNotFoundError as StoreNotFoundError
    from .errors import StoreResponseError as StoreResponseError
    from .errors import StoreThrottledError as StoreThrottledError
    from .errors import StoreTimeoutError as StoreTimeoutError
    from .errors import StoreUnavailableError as StoreUnavailableError
    from .errors import WrongTypeError as WrongTypeError
    from .exports import Estimate as Estimate
    from .exports import ExportReport as ExportReport
    from .exports import copy_sessions as copy_sessions
    from .exports import estimate as estimate
    from .exports import export as export
    from .exports import import_file as import_file
    from .exports import to_dask as to_dask
    from .exports import to_langgraph as to_langgraph
    from .frames import content_blocks_frame as content_blocks_frame
    from .frames import from_dataframe as from_dataframe
    from .frames import sessions_frame as sessions_frame
    from .frames import to_dataframe as to_dataframe
    from .frames import tool_calls_frame as tool_calls_frame
    from .histories import MomentoChatMessageHistory as MomentoChatMessageHistory
    from .histories import UpstashRedisChatMessageHistory as UpstashRedisChatMessageHistory
    from .labels import Labels as Labels
    from .middleware import HistoryMiddleware as HistoryMiddleware
    from .plots import plot_failures as plot_failures
    from .plots import plot_sessions as plot_sessions
    from .plots import plot_timeline as plot_timeline
    from .plots import plot_tokens as plot_tokens
    from .plots import plot_tools as plot_tools
    from .records import StoredMessage as StoredMessage
    from .redaction import Redactor as Redactor
    from .sources.files import FileSource as FileSource
    from .sources.histories import HistorySource as HistorySource
    from .sources.langgraph import LangGraphSource as LangGraphSource
    from .stores.momento import MomentoSessionStore as MomentoSessionStore
    from .stores.protocol import SessionSummary as SessionSummary
    from .stores.upstash import UpstashSessionStore as UpstashSessionStore
    from .widgets import HistoryBrowser as HistoryBrowser

__version__ = "0.1.0"

# Where each public name lives. Importing the package imports no SDK and no pandas.
_HOMES = {
    "ChatMemError": "errors",
    "Estimate": "exports",
    "ExportReport": "exports",
    "FileSource": "sources.files",
    "HistoryBrowser": "widgets",
    "HistoryMiddleware": "middleware",
    "HistorySource": "sources.histories",
    "InvalidInputError": "errors",
    "Labels": "labels",
    "LangGraphSource": "sources.langgraph",
    "MomentoChatMessageHistory": "histories",
    "MomentoSessionStore": "stores.momento",
    "RecordError": "errors",
    "RecordErrors": "errors",
    "RecordTooLargeError": "errors",
    "Redactor": "redaction",
    "SessionSummary": "stores.protocol",
    "StoreAuthError": "errors",
    "StoreClosedError": "errors",
    "StoreConflictError": "errors",
    "StoreError": "errors",
    "StoreLimitError": "errors",
    "StoreNotFoundError": "errors",
    "StoreResponseError": "errors",
    "StoreThrottledError": "errors",
    "StoreTimeoutError": "errors",
    "StoreUnavailableError": "errors",
    "StoredMessage": "records",
    "UpstashRedisChatMessageHistory": "histories",
    "UpstashSessionStore": "stores.upstash",
    "WrongTypeError": "errors",
    "compare": "comparison",
    "content_blocks_frame": "frames",
    "copy_sessions": "exports",
    "estimate": "exports",
    "export": "exports",
    "from_dataframe": "frames",
    "import_file": "exports",
    "plot_failures": "plots",
    "plot_sessions": "plots",
    "plot_timeline": "plots",
    "plot_tokens": "plots",
    "plot_tools": "plots",
    "sessions_frame": "frames",
    "to_dask": "exports",
    "to_dataframe": "frames",
    "to_langgraph": "exports",
    "tool_calls_frame": "frames",
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
