"""Conversations as pandas DataFrames, and back."""

from __future__ import annotations

from .messages import to_dataframe

__all__ = ["to_dataframe"]
