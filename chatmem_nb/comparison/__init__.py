"""Two sessions side by side, as static HTML."""

from __future__ import annotations

from .comparison import Comparison, compare, style

__all__ = ["Comparison", "compare", "style"]
