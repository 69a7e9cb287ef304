"""The notebook widget: HistoryBrowser."""

from __future__ import annotations

from .browser import HistoryBrowser as HistoryBrowser

__all__ = ["HistoryBrowser"]
