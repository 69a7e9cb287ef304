"""Momento's cache service on this machine; see `LocalMomento`."""

from __future__ import annotations

from chatmem_nb.local.momento.limits import MomentoLimits
from chatmem_nb.local.momento.server import LocalMomento

__all__ = ["LocalMomento", "MomentoLimits"]
