"""The variables of the notebook that shows the browser."""

from __future__ import annotations

import sys
from typing import Any


def user_namespace() -> dict[str, Any]:
    """Return the variables of the user's notebook; those of `__main__` outside of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    namespace: dict[str, Any] = vars(sys.modules["__main__"]) if shell is None else shell.user_ns
    return namespace


def has_own_variables() -> bool:
    """Whether the variables of this notebook are those of one person.

    `marimo run` serves viewers from one process, where `__main__` is the notebook of whoever came last.
    To be called where the notebook runs: other threads do not know the mode.
    """
    marimo: Any = sys.modules.get("marimo")
    return marimo is None or marimo.app_meta().mode != "run"
