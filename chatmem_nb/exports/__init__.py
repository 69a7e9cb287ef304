"""Conversations to files and back, and from store to store."""

from __future__ import annotations

from .copying import copy_sessions
from .distributed import to_dask
from .estimates import Estimate, estimate
from .exporting import export
from .importing import import_file
from .langgraph_threads import to_langgraph
from .report import ExportReport

__all__ = [
    "Estimate",
    "ExportReport",
    "copy_sessions",
    "estimate",
    "export",
    "import_file",
    "to_dask",
    "to_langgraph",
]
