"""LangGraph: the threads of a checkpointer as sessions."""

from .source import LangGraphSource

__all__ = ["LangGraphSource"]
