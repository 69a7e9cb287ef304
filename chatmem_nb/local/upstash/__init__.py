"""Upstash Redis on this machine, over its REST protocol."""

from __future__ import annotations

from chatmem_nb.local.upstash.http_handler import HttpLimits
from chatmem_nb.local.upstash.server import LocalUpstash

__all__ = ["HttpLimits", "LocalUpstash"]
