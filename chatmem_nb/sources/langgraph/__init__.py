"""LangGraph: the threads of a checkpointer as sessions."""

from .source import LangGraphSource
from .writing import ThreadWriter

__all__ = ["LangGraphSource", "ThreadWriter"]
